//! Programs that lose their connection, from a host's point of view: over sockets, one connection after the other.

use super::resumable::Resumable;
use crate::guest::{Guest, Phase, Place};
use crate::host::serve::UnixConnection;
use crate::session::serve_connection;
use crate::sys::{poll, process};
use crate::wire::frame::{encode, Frame, Kind};
use crate::wire::vectors;
use crate::wire::input::{Input, MAGIC, NONCE};
use serde_json::{json, Value};
use std::io::Write;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

const TAG: u32 = 0x0101_0101;
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// Time for the agent's answer; a test whose answer never arrives fails.
const TIMEOUT: Duration = Duration::from_secs(60);

struct Host {
    connection: UnixStream,
    input: Input,
    serving: JoinHandle<()>,
    /// what came on channels 1 and 2
    output: [Vec<u8>; 2],
}

fn guest() -> Arc<Guest> {
    Arc::new(Guest::new(Place::Host { root: None }, "none", Phase::Up))
}

impl Host {
    fn on(guest: &Arc<Guest>) -> Host {
        let (mut connection, theirs) = UnixStream::pair().unwrap();
        connection.set_read_timeout(Some(TIMEOUT)).unwrap();
        let guest = Arc::clone(guest);
        let serving = thread::spawn(move || serve_connection(UnixConnection(theirs), &guest).unwrap());
        connection.write_all(&[MAGIC.as_slice(), &[1; NONCE]].concat()).unwrap();
        let mut input = Input::default();
        while input.find_preamble().is_none() {
            assert!(input.fill(&mut connection).unwrap() > 0);
        }
        Host { connection, input, serving, output: Default::default() }
    }

    fn send(&mut self, kind: Kind, payload: &[u8]) {
        self.connection.write_all(&encode(kind, 1, payload, TAG)).unwrap();
    }

    fn open(&mut self, request: Value) -> Value {
        self.send(Kind::Open, request.to_string().as_bytes());
        self.until(Kind::Reply)
    }

    fn exec(&mut self, script: &str) -> Value {
        self.open(json!({ "verb": "exec", "argv": ["sh", "-c", script], "cwd": "/", "resumable": TOKEN }))
    }

    fn resume(&mut self, stdout: usize, stderr: usize) -> Value {
        self.open(json!({ "verb": "resume", "token": TOKEN, "stdout": stdout, "stderr": stderr }))
    }

    fn next(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.input.next_frame(TAG).unwrap() {
                return frame;
            }
            assert!(self.input.fill(&mut self.connection).unwrap() > 0, "the agent hung up");
        }
    }

    /// The payload of the next frame of this kind; output before it is collected.
    fn until(&mut self, kind: Kind) -> Value {
        loop {
            let frame = self.next();
            match frame.kind {
                Kind::Data(channel) => self.output[usize::from(channel) - 1].extend(frame.payload),
                found if found == kind => return serde_json::from_slice(&frame.payload).unwrap_or(Value::Null),
                _ => {}
            }
        }
    }

    fn until_output(&mut self, bytes: usize) {
        while self.output[0].len() < bytes {
            let Kind::Data(channel) = self.until_data() else { unreachable!() };
            assert!(channel == 1 || channel == 2);
        }
    }

    fn until_data(&mut self) -> Kind {
        loop {
            let frame = self.next();
            if let Kind::Data(channel) = frame.kind {
                self.output[usize::from(channel) - 1].extend(frame.payload);
                return frame.kind;
            }
        }
    }

    /// Returns when the agent has noticed; what was received on channels 1 and 2.
    fn drop_connection(self) -> [Vec<u8>; 2] {
        self.connection.shutdown(Shutdown::Both).unwrap();
        self.serving.join().unwrap();
        self.output
    }
}

#[test]
fn requests_and_replies_match_the_vectors() {
    let guest = guest();
    let mut host = Host::on(&guest);
    let reply = host.open(Value::Object(vectors::open("exec")));
    assert_eq!((&reply["ok"], &reply["resumable"]), (&json!(true), &json!(true)));
    host.until_output(6);
    host.drop_connection();
    let mut next = Host::on(&guest);
    let reply = next.open(Value::Object(vectors::open("resume")));
    assert_eq!(reply, vectors::reply("resume"));
    assert_eq!(next.until(Kind::Event)["code"], 0);
    assert_eq!(next.output[0], b"lo\n");
}

#[test]
fn a_program_continues_on_another_connection_with_output_that_the_host_is_missing() {
    let guest = guest();
    let mut host = Host::on(&guest);
    assert_eq!(host.exec("echo one; echo err >&2; read a; echo got $a; read b; echo got $b; exit 7")["resumable"], true);
    host.until_output(4);
    host.send(Kind::Data(0), b"first\n");
    host.until_output(14);
    let [stdout, _] = host.drop_connection();
    assert_eq!(stdout, b"one\ngot first\n");
    // the host's last bytes were lost with the daemon
    let mut next = Host::on(&guest);
    let reply = next.resume(4, 0);
    assert_eq!((&reply["ok"], &reply["stdin"], &reply["signals"]), (&json!(true), &json!(6), &json!(0)));
    next.send(Kind::Data(0), b"second\n");
    assert_eq!(next.until(Kind::Event), json!({ "event": "exit", "code": 7 }));
    assert_eq!(next.output, [b"got first\ngot second\n".to_vec(), b"err\n".to_vec()]);
    next.send(Kind::Close, b"");
    next.until(Kind::Close);
}

#[test]
fn the_exit_is_sent_on_each_new_stream_until_the_host_closes_one() {
    let guest = guest();
    let mut host = Host::on(&guest);
    host.exec("echo all; exit 3");
    assert_eq!(host.until(Kind::Event)["code"], 3);
    host.drop_connection();
    for _ in 0..2 {
        let mut next = Host::on(&guest);
        assert_eq!(next.resume(0, 0)["ok"], true);
        assert_eq!(next.until(Kind::Event)["code"], 3);
        assert_eq!(next.drop_connection()[0], b"all\n");
    }
    let mut last = Host::on(&guest);
    assert_eq!(last.resume(4, 0)["ok"], true);
    assert_eq!(last.until(Kind::Event)["code"], 3);
    last.send(Kind::Close, b"");
    last.until(Kind::Close);
    assert_eq!(last.drop_connection(), [Vec::<u8>::new(), Vec::new()]);
    let mut late = Host::on(&guest);
    assert_eq!(late.resume(4, 0)["error"]["code"], "gone");
}

#[test]
fn output_is_complete_after_a_program_was_blocked_while_no_host_was_connected() {
    let guest = guest();
    let mut host = Host::on(&guest);
    host.exec("read a; seq 1 200000; read b; exit $b");
    host.drop_connection();
    let mut next = Host::on(&guest);
    next.resume(0, 0);
    next.send(Kind::Data(0), b"go\n");
    next.until_output(200_000);
    let [first, _] = next.drop_connection();
    let mut last = Host::on(&guest);
    // the host had not received everything that was in flight
    let got = first.len() - 150_000;
    assert_eq!(last.resume(got, 0)["stdin"], 3);
    last.send(Kind::Data(0), b"9\n");
    let whole: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
    let mut credited = 0;
    while got + last.output[0].len() < whole.len() {
        last.until_data();
        if last.output[0].len() - credited >= 65_536 {
            credited += 65_536;
            last.send(Kind::Credit, &[&[1][..], &65_536u32.to_le_bytes()].concat());
        }
    }
    assert_eq!(last.until(Kind::Event)["code"], 9);
    assert!([&first[..got], &last.output[0]].concat() == whole.as_bytes());
}

#[test]
fn signals_are_counted_and_a_second_stream_takes_the_program_over() {
    let guest = guest();
    let mut host = Host::on(&guest);
    host.exec("trap 'echo usr1' USR1; trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done");
    host.until_output(6);
    host.send(Kind::Event, br#"{"event":"signal","signal":"USR1"}"#);
    host.until_output(11);
    // the first connection still exists, but its host no longer has the program
    let mut next = Host::on(&guest);
    assert_eq!(next.resume(11, 0)["signals"], 1);
    next.send(Kind::Event, br#"{"event":"signal","signal":"TERM"}"#);
    assert_eq!(next.until(Kind::Event)["code"], 5);
    host.until(Kind::Close);
}

#[test]
fn resuming_needs_the_token_and_offsets_that_are_retained() {
    let guest = guest();
    let mut host = Host::on(&guest);
    host.exec("seq 1 300000; read a");
    let mut credited = 0;
    while host.output[0].len() < 1_500_000 {
        host.until_data();
        if host.output[0].len() - credited >= 65_536 {
            credited += 65_536;
            host.send(Kind::Credit, &[&[1][..], &65_536u32.to_le_bytes()].concat());
        }
    }
    host.drop_connection();
    for (request, code) in [
        (json!({ "verb": "resume", "stdout": 0, "stderr": 0 }), "bad_request"),
        (json!({ "verb": "resume", "token": "f".repeat(32), "stdout": 1_500_000, "stderr": 0 }), "gone"),
        (json!({ "verb": "resume", "token": TOKEN, "stdout": 0, "stderr": 0 }), "gone"),
        (json!({ "verb": "resume", "token": TOKEN, "stdout": 1_500_000, "stderr": 1 }), "gone"),
        (json!({ "verb": "resume", "token": TOKEN, "stdout": 1_500_000, "stderr": 0 }), ""),
    ] {
        let mut next = Host::on(&guest);
        let reply = next.open(request);
        assert_eq!(reply["error"]["code"].as_str().unwrap_or(""), code, "{reply}");
        if code.is_empty() {
            next.send(Kind::Close, b"");
            next.until(Kind::Close);
        }
        next.drop_connection();
    }
}

#[test]
fn sixteen_programs_are_resumable_and_the_next_one_is_not() {
    let guest = guest();
    let hosts: Vec<Host> = (0..17).map(|at| {
        let mut host = Host::on(&guest);
        let token = format!("{at:032x}");
        let reply = host.open(json!({ "verb": "exec", "argv": ["cat"], "cwd": "/", "resumable": token }));
        assert_eq!(reply["resumable"] == true, at < 16, "{reply}");
        host
    }).collect();
    for mut host in hosts {
        host.send(Kind::Close, b"");
        host.until(Kind::Close);
        host.drop_connection();
    }
    let mut host = Host::on(&guest);
    assert_eq!(host.exec("true")["resumable"], true, "the limit has room again");
    host.send(Kind::Close, b"");
    host.until(Kind::Close);
}

#[test]
fn a_program_that_is_not_resumed_in_time_is_hung_up() {
    let mut guest = Guest::new(Place::Host { root: None }, "none", Phase::Up);
    guest.resumable = Arc::new(Resumable::with_time_limit(Duration::from_millis(50)));
    let guest = Arc::new(guest);
    let mut host = Host::on(&guest);
    let pid = host.exec("exec cat")["pid"].as_i64().unwrap();
    let handle = process::pidfd(pid as i32).unwrap();
    host.drop_connection();
    assert!(poll::readable(handle.as_raw_fd(), Some(Duration::from_secs(10))).unwrap(), "it still runs");
    let mut next = Host::on(&guest);
    assert_eq!(next.resume(0, 0)["error"]["code"], "gone");
}

#[test]
fn a_copy_cannot_resume_the_originals_programs() {
    let guest = guest();
    let mut host = Host::on(&guest);
    host.exec("echo ready; exec cat");
    host.until_output(6);
    host.drop_connection();
    guest.resumable.invalidate_others(u64::MAX);
    let mut next = Host::on(&guest);
    assert_eq!(next.resume(6, 0)["error"]["code"], "gone");
}
