//! Limits of one session: each is tried exactly and one beyond.

use super::*;
use crate::guest::{Phase, Place};
use crate::wire::frame::encode;

fn guest() -> Arc<Guest> {
    Arc::new(Guest::new(Place::Host { root: None }, "none", Phase::Up))
}

fn session<'a>(output: &'a Arc<Output>, guest: &'a Arc<Guest>) -> Session<'a> {
    let number = output.begin(7, &[], b"{}");
    Session { number, output, guest, streams: Arc::default(), last: 0 }
}

fn frame(kind: Kind, stream: u32, payload: &[u8]) -> Frame {
    Frame { kind, stream, payload: payload.to_vec() }
}

/// The payload of the last frame in the queue.
fn last_sent(output: &Output) -> String {
    let frames = output.queued_frames();
    let last = frames.last().unwrap();
    String::from_utf8_lossy(&last[9..last.len() - 4]).into_owned()
}

#[test]
fn at_most_256_streams_are_open() {
    let (output, guest) = (Arc::new(Output::default()), guest());
    let mut session = session(&output, &guest);
    for at in 0..255 {
        let stream = Arc::new(Stream::new(2 * at + 1, session.number, Arc::clone(&output)));
        lock(&session.streams).insert(stream.id, stream);
    }
    session.last = 509;
    session.take(frame(Kind::Open, 511, b"no JSON")).unwrap();
    assert!(last_sent(&output).contains("bad_request"), "{}", last_sent(&output));
    let last = Arc::new(Stream::new(513, session.number, Arc::clone(&output)));
    lock(&session.streams).insert(513, last);
    session.take(frame(Kind::Open, 515, br#"{"verb":"stats"}"#)).unwrap();
    assert!(last_sent(&output).contains(r#""code":"limit""#), "{}", last_sent(&output));
    assert_eq!(lock(&session.streams).len(), 256);
}

#[test]
fn ids_are_odd_and_increase() {
    for ids in [&[2][..], &[0], &[3, 3], &[3, 1]] {
        let (output, guest) = (Arc::new(Output::default()), guest());
        let mut session = session(&output, &guest);
        let results: Vec<_> = ids.iter().map(|&id| session.take(frame(Kind::Open, id, b"no JSON"))).collect();
        assert!(results.last().unwrap().is_err(), "{ids:?}");
        assert!(results[..results.len() - 1].iter().all(Result::is_ok), "{ids:?}");
    }
}

#[test]
fn a_frame_for_a_finished_stream_is_ignored_and_for_an_unknown_stream_is_a_violation() {
    let (output, guest) = (Arc::new(Output::default()), guest());
    let mut session = session(&output, &guest);
    session.take(frame(Kind::Open, 5, b"no JSON")).unwrap();
    assert_eq!(session.take(frame(Kind::Data(0), 5, b"x")), Ok(()));
    for never in [7, 4, 2] {
        assert!(session.take(frame(Kind::Data(0), never, b"x")).is_err(), "{never}");
    }
}

#[test]
fn a_ping_of_64_bytes_is_answered_and_a_longer_one_is_a_violation() {
    let (output, guest) = (Arc::new(Output::default()), guest());
    let mut session = session(&output, &guest);
    assert_eq!(session.take(frame(Kind::Ping, 0, &[b'p'; 64])), Ok(()));
    assert_eq!(last_sent(&output), "p".repeat(64));
    assert!(session.take(frame(Kind::Ping, 0, &[b'p'; 65])).is_err());
}

/// The agent's end of a connection to a test's host.
struct Pair(std::os::unix::net::UnixStream);

impl Connection for Pair {
    type Reader = std::os::unix::net::UnixStream;
    type Writer = std::os::unix::net::UnixStream;
    fn split(&mut self) -> io::Result<(Self::Reader, Self::Writer)> {
        Ok((self.0.try_clone()?, self.0.try_clone()?))
    }
    fn wait_for_peer(&mut self, _: Option<Duration>) -> io::Result<Peer> {
        Ok(Peer::Closed)
    }
    fn hang_up(&self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

const TAG: u32 = 0x0101_0101;

/// Sends frames to an agent and reads until it has answered a last PING or aborted the session.
fn exchange(frames: &[Vec<u8>]) -> String {
    exchange_until(frames, "heard")
}

/// Like `exchange`, but reads until the agent has sent `awaited`.
fn exchange_until(frames: &[Vec<u8>], awaited: &str) -> String {
    let (mut host, agent) = std::os::unix::net::UnixStream::pair().unwrap();
    let serving = thread::spawn(move || serve_connection(Pair(agent), &guest()));
    let mut sent = [MAGIC.as_slice(), &[1; NONCE]].concat();
    sent.extend(frames.concat());
    sent.extend(encode(Kind::Ping, 0, b"heard", TAG));
    host.write_all(&sent).unwrap();
    let mut answered = String::new();
    let mut chunk = [0; 4096];
    while !answered.contains(awaited) && !answered.contains("broken") {
        let count = host.read(&mut chunk).unwrap();
        assert!(count > 0, "{answered}");
        answered.push_str(&String::from_utf8_lossy(&chunk[..count]));
    }
    drop(host);
    serving.join().unwrap().unwrap();
    answered
}

/// A stream whose program reads nothing, so its channels keep what arrives.
fn opened() -> Vec<u8> {
    encode(Kind::Open, 1, br#"{"verb":"exec","argv":["sleep","60"]}"#, TAG)
}

fn data(bytes: usize) -> Vec<u8> {
    let chunk = vec![0; bytes.min(32_768)];
    (0..bytes.div_ceil(32_768)).flat_map(|_| encode(Kind::Data(1), 1, &chunk, TAG)).collect()
}

#[test]
fn a_host_that_sends_more_than_its_credit_loses_its_session() {
    assert!(!exchange(&[opened(), data(262_144)]).contains("broken"));
    let broken = exchange(&[opened(), data(262_144), data(1)]);
    assert!(broken.contains(r#""notice":"broken""#) && broken.contains("beyond the credit"), "{broken}");
}

/// The end of a refusal's payload.
const REFUSED: &str = r#""ok":false}"#;

fn pieces(body: &[u8], sizes: usize) -> Vec<u8> {
    body.chunks(sizes).flat_map(|chunk| encode(Kind::Data(0), 1, chunk, TAG)).collect()
}

fn with_body(size: usize) -> Vec<u8> {
    encode(Kind::Open, 1, format!(r#"{{"verb":"dial","body":{size}}}"#).as_bytes(), TAG)
}

#[test]
fn a_request_can_be_larger_than_a_frame() {
    let body = format!(r#"{{"verb":"poweroff","unix":"/no/such","more":"{}"}}"#, "x".repeat(200_000));
    let answered = exchange_until(&[with_body(body.len()), pieces(body.as_bytes(), 32_768)], REFUSED);
    assert!(answered.contains(r#""code":"refused""#), "the verb is that of OPEN: {answered}");
}

#[test]
fn an_invalid_body_ends_only_its_stream() {
    for (size, body) in [(5, &b"{}{}{}"[..]), (2, b"[]"), (3, b"{}x")] {
        let answered = exchange_until(&[with_body(size), pieces(body, 6)], REFUSED);
        assert!(answered.contains("bad_request") && !answered.contains("broken"), "{answered}");
    }
    let cut = exchange_until(&[with_body(100), pieces(b"{}", 2), encode(Kind::Eof(0), 1, &[], TAG)], REFUSED);
    assert!(cut.contains("cut short"), "{cut}");
    let large = exchange_until(&[with_body(16 * 1024 * 1024 + 1)], REFUSED);
    assert!(large.contains("bad_request"), "{large}");
}
