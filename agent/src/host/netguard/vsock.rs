//! Connections to the guest's agent, one after another, through the socket that a VMM like Firecracker makes for its vsock.
//!
//! A client of that socket writes `CONNECT PORT\n` and reads `OK NUMBER\n`; then it is connected to the guest. Without a listener there
//! the socket is closed; while the VM is paused nothing is answered. Every connection is lost when the VM is saved, and the first one
//! after that usually too: the guest accepts it, and then hears that its vsock was reset.

use super::relay::{Closed, Relay};
use crate::sys::poll::{self, PollSet};
use crate::sys::unix::receive_descriptor;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// The port at which the guest's agent takes frames.
pub const PORT: u32 = 1025;
/// Longest answer of a VMM, `OK ` and a u32 with a newline.
const MAX_ANSWER: usize = 14;
/// Pauses before the next connection: doubled each time, since no event tells that the guest has begun to listen.
const PAUSE: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(250)];

/// Relays until passt or the VMM has ended. `dialer`: see `super::dialer`.
pub fn relay_all(mut dialer: UnixStream, relay: &mut Relay) {
    let mut pause = PAUSE[0];
    while let Some(guest) = dial(&mut dialer, &relay.passt) {
        let answered = is_answered(&guest, &relay.passt);
        let closed = if answered { relay.run(&guest) } else { Closed::Guest { has_spoken: false } };
        match closed {
            Closed::Passt => return,
            Closed::Guest { has_spoken: true } => pause = PAUSE[0],
            Closed::Guest { has_spoken: false } => {}
        }
        drop(guest);
        if wait(&relay.passt, None, Some(pause)).is_err() {
            return;
        }
        pause = PAUSE[1].min(pause * 2);
    }
}

/// None when passt or the VMM has ended.
fn dial(dialer: &mut UnixStream, passt: &UnixStream) -> Option<UnixStream> {
    dialer.write_all(&[1]).ok()?;
    wait(passt, Some(dialer), None).ok()?;
    receive_descriptor(dialer).ok()?.map(UnixStream::from)
}

/// Whether the VMM has connected `stream` to the guest's agent.
fn is_answered(mut stream: &UnixStream, passt: &UnixStream) -> bool {
    let Ok(()) = stream.write_all(format!("CONNECT {PORT}\n").as_bytes()) else { return false };
    let mut answer = Vec::with_capacity(MAX_ANSWER);
    // byte by byte: frames may follow
    while answer.last() != Some(&b'\n') {
        let mut byte = [0];
        let is_there = wait(passt, Some(stream), None).is_ok() && stream.read(&mut byte).is_ok_and(|length| length == 1);
        if !is_there || answer.len() == MAX_ANSWER {
            return false;
        }
        answer.push(byte[0]);
    }
    is_ok(&answer)
}

fn is_ok(answer: &[u8]) -> bool {
    let number = answer.strip_prefix(b"OK ").and_then(|rest| rest.strip_suffix(b"\n"));
    number.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// Waits until `stream` can be read or the time is over. Fails once passt has ended.
fn wait(passt: &UnixStream, stream: Option<&UnixStream>, timeout: Option<Duration>) -> io::Result<()> {
    let mut poll_set = PollSet::default();
    let ended = poll_set.add(passt.as_raw_fd(), 0);
    poll_set.add(stream.map_or(-1, AsRawFd::as_raw_fd), poll::READ);
    poll_set.wait(timeout)?;
    match poll_set.is_ready(ended) {
        true => Err(io::ErrorKind::BrokenPipe.into()),
        false => Ok(()),
    }
}

#[cfg(test)]
#[path = "vsock_tests.rs"]
mod tests;
