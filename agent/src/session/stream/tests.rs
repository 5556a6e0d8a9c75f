//! Limits on what a host may send: each is tried exactly and one beyond. The numbers are those of the protocol, not the code's constants.

use super::*;
use crate::wire::frame::encode;

const PAYLOAD: usize = 32_768;
const CREDIT: usize = 262_144;

fn stream() -> Stream {
    let output = Arc::new(Output::default());
    let session = output.begin(7, &[], b"{}");
    Stream::new(1, session, output)
}

fn deliver(stream: &Stream, kind: Kind, payload: &[u8]) -> Result<(), Violation> {
    stream.deliver(Frame { kind, stream: 1, payload: payload.to_vec() })
}

/// Sends `bytes` in frames of the largest size.
fn fill(stream: &Stream, channel: u8, bytes: usize) -> Result<(), Violation> {
    let all = vec![0; bytes];
    all.chunks(PAYLOAD).try_for_each(|chunk| deliver(stream, Kind::Data(channel), chunk))
}

fn credit(channel: u8, bytes: u32) -> Vec<u8> {
    [&[channel][..], &bytes.to_le_bytes()].concat()
}

/// Takes everything that has arrived.
fn take(stream: &Stream, channel: usize) -> usize {
    let mut bytes = 0;
    while let Some(Received::Data(data)) = stream.try_receive(channel) {
        bytes += data.len();
    }
    bytes
}

#[test]
fn each_channel_accepts_a_window_of_data_and_a_byte_more_is_a_violation() {
    for channel in 0..3 {
        let stream = stream();
        assert_eq!(fill(&stream, channel, CREDIT), Ok(()));
        assert!(fill(&stream, channel, 1).is_err(), "{channel}");
        let other = (channel + 1) % 3;
        assert_eq!(fill(&stream, other, CREDIT), Ok(()), "{channel}");
    }
}

#[test]
fn a_single_frame_must_not_exceed_the_window_either() {
    let stream = stream();
    assert_eq!(fill(&stream, 0, CREDIT - 1), Ok(()));
    assert!(deliver(&stream, Kind::Data(0), b"ab").is_err());
    assert_eq!(deliver(&stream, Kind::Data(0), b"a"), Ok(()));
}

#[test]
fn received_data_reopens_the_window_only_when_it_has_been_processed() {
    let stream = stream();
    fill(&stream, 0, CREDIT).unwrap();
    assert_eq!(take(&stream, 0), CREDIT);
    assert!(fill(&stream, 0, 1).is_err());
    stream.consumed(0, CREDIT / 4 - 1);
    assert!(fill(&stream, 0, 1).is_err());
    stream.consumed(0, 1);
    assert_eq!(fill(&stream, 0, CREDIT / 4), Ok(()));
    assert!(fill(&stream, 0, 1).is_err());
}

#[test]
fn the_credit_returned_is_what_was_processed() {
    let stream = stream();
    let queued = || stream.output.queued_frames();
    let before = queued().len();
    stream.consumed(2, CREDIT / 4 + 5);
    let expected = encode(Kind::Credit, 1, &credit(2, (CREDIT / 4 + 5) as u32), 7);
    assert_eq!(queued()[before..], [expected]);
}

#[test]
fn a_stream_sends_a_window_and_then_waits_for_credit() {
    let stream = stream();
    for channel in 0..3 {
        assert_eq!(stream.credit(channel), CREDIT);
    }
    assert_eq!(stream.spend(1, CREDIT + 1), Ok(CREDIT));
    assert_eq!((stream.credit(0), stream.credit(1)), (CREDIT, 0));
    deliver(&stream, Kind::Credit, &credit(1, 10)).unwrap();
    assert_eq!(stream.spend(1, 11), Ok(10));
}

#[test]
fn credit_up_to_what_was_spent_is_accepted_and_more_is_a_violation() {
    let stream = stream();
    assert_eq!(deliver(&stream, Kind::Credit, &credit(0, 0)), Ok(()));
    assert!(deliver(&stream, Kind::Credit, &credit(0, 1)).is_err());
    stream.spend(0, 100).unwrap();
    assert!(deliver(&stream, Kind::Credit, &credit(0, 101)).is_err());
    assert!(deliver(&stream, Kind::Credit, &credit(0, u32::MAX)).is_err());
    assert_eq!(deliver(&stream, Kind::Credit, &credit(0, 100)), Ok(()));
    assert!(deliver(&stream, Kind::Credit, &credit(0, 1)).is_err());
}

#[test]
fn a_malformed_credit_is_a_violation() {
    for payload in [credit(3, 0), credit(0, 0)[..4].to_vec(), [credit(0, 0), vec![0]].concat(), vec![]] {
        assert!(deliver(&stream(), Kind::Credit, &payload).is_err(), "{payload:?}");
    }
}

#[test]
fn at_most_64_events_can_wait_and_one_more_is_a_violation() {
    let stream = stream();
    for _ in 0..64 {
        deliver(&stream, Kind::Event, br#"{"event":"signal"}"#).unwrap();
    }
    assert!(deliver(&stream, Kind::Event, br#"{"event":"signal"}"#).is_err());
    assert!(stream.next_event().is_some());
    assert_eq!(deliver(&stream, Kind::Event, br#"{"event":"signal"}"#), Ok(()));
}

#[test]
fn consecutive_resize_events_are_replaced_by_the_last_one() {
    let stream = stream();
    for cols in 0..1000 {
        deliver(&stream, Kind::Event, format!(r#"{{"event":"resize","cols":{cols}}}"#).as_bytes()).unwrap();
    }
    assert_eq!(stream.next_event().unwrap()["cols"], 999);
    assert!(stream.next_event().is_none());
}

#[test]
fn empty_data_and_data_after_its_end_are_violations() {
    let stream = stream();
    assert!(deliver(&stream, Kind::Data(0), b"").is_err());
    deliver(&stream, Kind::Eof(0), b"").unwrap();
    assert!(deliver(&stream, Kind::Data(0), b"x").is_err());
    assert_eq!(deliver(&stream, Kind::Data(1), b"x"), Ok(()));
}

#[test]
fn other_types_of_frames_and_frames_after_close_are_violations() {
    for kind in [Kind::Hello, Kind::Open, Kind::Reply, Kind::Ping, Kind::Pong, Kind::Notice] {
        assert!(deliver(&stream(), kind, b"{}").is_err(), "{kind:?}");
    }
    let stream = stream();
    deliver(&stream, Kind::Close, b"").unwrap();
    assert!(deliver(&stream, Kind::Data(0), b"x").is_err());
}

#[test]
fn what_came_before_eof_is_received_after_a_close_and_nothing_without_eof() {
    let data = |received| matches!(received, Received::Data(bytes) if bytes == b"ab");
    let ended = stream();
    deliver(&ended, Kind::Data(0), b"ab").unwrap();
    deliver(&ended, Kind::Eof(0), b"").unwrap();
    deliver(&ended, Kind::Close, b"").unwrap();
    assert!(data(ended.receive_to_eof(0)));
    assert!(matches!(ended.receive_to_eof(0), Received::Eof));
    assert!(matches!(ended.receive(0), Received::Over));
    let cut = stream();
    deliver(&cut, Kind::Data(0), b"ab").unwrap();
    deliver(&cut, Kind::Close, b"").unwrap();
    assert!(matches!(cut.receive_to_eof(0), Received::Over));
    let lost = stream();
    deliver(&lost, Kind::Eof(0), b"").unwrap();
    lost.disconnect();
    assert!(matches!(lost.receive_to_eof(0), Received::Over));
}
