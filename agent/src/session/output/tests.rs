//! The queue for a host that does not read is limited.

use super::*;

const MIB: usize = 1024 * 1024;

#[test]
fn eight_mebibytes_can_be_queued_and_the_next_frame_ends_the_session() {
    let output = Output::default();
    let session = output.begin(7, &[], b"{}");
    let mut queued: usize = output.queued_frames().iter().map(Vec::len).sum();
    // 13 bytes around each payload
    while queued < 8 * MIB {
        let payload = vec![0; (8 * MIB - queued - 13).min(32_000)];
        assert_eq!(output.send(session, Kind::Credit, 1, &payload), Ok(()));
        queued += payload.len() + 13;
    }
    assert_eq!(output.send(session, Kind::Credit, 1, b""), Ok(()), "exactly 8 MiB are queued");
    assert_eq!(output.send(session, Kind::Credit, 1, b""), Err(SessionOver));
    assert!(!output.is_current(session));
    assert!(output.queued_frames().is_empty());
}

#[test]
fn data_waits_while_more_than_512_kibibytes_are_queued() {
    let output = Arc::new(Output::default());
    let session = output.begin(7, &[], b"{}");
    let sender = Arc::clone(&output);
    let sending = std::thread::spawn(move || {
        let mut sent = 0;
        while sender.send_data(session, 1, 1, &[0; 32_755]).is_ok() {
            sent += 1;
        }
        sent
    });
    // until the sender waits: its frames of 32 KiB and HELLO exceed the limit
    while output.queued_frames().len() < 18 {
        std::thread::yield_now();
    }
    output.end();
    assert_eq!(sending.join().unwrap(), 16);
}

#[test]
fn a_session_that_is_over_sends_nothing() {
    let output = Output::default();
    let old = output.begin(7, &[], b"{}");
    let new = output.begin(8, &[], b"{}");
    assert_eq!(output.send(old, Kind::Credit, 1, b"x"), Err(SessionOver));
    assert_eq!(output.send_data(old, 1, 1, b"x"), Err(SessionOver));
    assert_eq!(output.send(new, Kind::Credit, 1, b"x"), Ok(()));
}
