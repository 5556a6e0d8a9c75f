//! Joins a stream to a connection in the guest: DATA 0 both ways.

use crate::session::{Received, Stream};
use crate::wire::json::{Answer, Refusal};
use serde_json::json;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const CHUNK: usize = 32 * 1024;

/// Sends the REPLY, then copies in both directions until both have ended or the stream is over. It ends by itself after two half closes: on
/// its way through the daemon a CLOSE of the host's would overtake what was sent before.
pub fn relay<C>(stream: &Stream, connection: &C, shutdown: impl Fn(Shutdown) -> io::Result<()> + Sync) -> Answer<()>
where
    C: Sync,
    for<'a> &'a C: Read + Write,
{
    stream.reply(json!({}));
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let back = || {
            from_guest(stream, connection);
            is_done.store(true, Ordering::SeqCst);
            stream.nudge();
        };
        let started = thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, back);
        if let Err(error) = started {
            return Err(Refusal::io("thread", &error));
        }
        let half = match to_guest(stream, connection) {
            Received::Eof => Shutdown::Write,
            _ => Shutdown::Both,
        };
        let _ = shutdown(half);
        if half == Shutdown::Write {
            stream.wait_until_over_or(&is_done);
        }
        // ends a reader that still waits
        let _ = shutdown(Shutdown::Both);
        Ok(())
    })
}

fn to_guest<C>(stream: &Stream, mut connection: &C) -> Received
where
    for<'a> &'a C: Write,
{
    loop {
        match stream.receive_to_eof(0) {
            Received::Data(bytes) => {
                if connection.write_all(&bytes).is_err() {
                    return Received::Over;
                }
                stream.consumed(0, bytes.len());
            }
            end => return end,
        }
    }
}

fn from_guest<C>(stream: &Stream, mut connection: &C)
where
    for<'a> &'a C: Read,
{
    let mut buffer = vec![0; CHUNK];
    loop {
        match connection.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return stream.eof(0),
            Ok(count) => {
                if stream.send(0, &buffer[..count]).is_err() {
                    return;
                }
            }
        }
    }
}
