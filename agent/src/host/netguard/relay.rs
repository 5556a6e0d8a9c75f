//! Relays frames between a guest and its passt: from the guest only those that the policy allows.

use super::policy::Policy;
use crate::sys::poll::{self, PollSet};
use crate::wire::ether;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::thread;

const BUFFER: usize = 256 * 1024;

/// Which end of the relay was closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Closed {
    Guest { /** whether it had sent anything */ has_spoken: bool },
    Passt,
}

/// Lasts as long as passt does. The guest's connections can follow one another.
pub struct Relay {
    pub passt: UnixStream,
    policy: Policy,
    from_guest: Vec<u8>,
    from_passt: Vec<u8>,
    /// bytes of an incomplete frame from passt, at the start of `from_passt`: the next connection begins with it
    pending: usize,
}

impl Relay {
    pub fn new(passt: UnixStream, policy: Policy) -> Relay {
        Relay { passt, policy, from_guest: vec![0; BUFFER], from_passt: vec![0; BUFFER], pending: 0 }
    }

    /// Relays until either end is closed. A guest that sends a frame that is too long loses its connection.
    pub fn run(&mut self, guest: &UnixStream) -> Closed {
        let Relay { passt, policy, from_guest, from_passt, pending } = self;
        let passt = &*passt;
        thread::scope(|scope| {
            let inbound = scope.spawn(|| closing(guest, || relay_allowed(guest, passt, policy, from_guest)));
            let outbound = closing(guest, || relay_all(passt, guest, from_passt, pending));
            match inbound.join() {
                Ok(closed @ Closed::Guest { .. }) if outbound != Closed::Passt => closed,
                _ => Closed::Passt,
            }
        })
    }
}

/// Ends the other direction too when `direction` ends.
fn closing(guest: &UnixStream, direction: impl FnOnce() -> Closed) -> Closed {
    let closed = direction();
    let _ = guest.shutdown(Shutdown::Both);
    closed
}

fn relay_allowed(mut guest: &UnixStream, mut passt: &UnixStream, policy: &Policy, buffer: &mut [u8]) -> Closed {
    let mut has_spoken = false;
    let mut buffered = 0;
    loop {
        let Ok(length @ 1..) = guest.read(&mut buffer[buffered..]) else { return Closed::Guest { has_spoken } };
        has_spoken = true;
        buffered += length;
        let Ok((used, passed)) = filter(&mut buffer[..buffered], policy) else { return Closed::Guest { has_spoken } };
        if passt.write_all(&buffer[..passed]).is_err() {
            return Closed::Passt;
        }
        buffer.copy_within(used..buffered, 0);
        buffered -= used;
    }
}

/// `pending`: bytes of an incomplete frame at the start of `buffer`, before and after.
fn relay_all(mut passt: &UnixStream, mut guest: &UnixStream, buffer: &mut [u8], pending: &mut usize) -> Closed {
    const GUEST: Closed = Closed::Guest { has_spoken: false };
    loop {
        match wait_for_passt(passt, guest) {
            Ok(true) => {}
            Ok(false) => return GUEST,
            Err(_) => return Closed::Passt,
        }
        let Ok(length @ 1..) = passt.read(&mut buffer[*pending..]) else { return Closed::Passt };
        let buffered = *pending + length;
        let Ok(complete) = ether::complete(&buffer[..buffered]) else { return Closed::Passt };
        let sent = guest.write_all(&buffer[..complete]);
        buffer.copy_within(complete..buffered, 0);
        *pending = buffered - complete;
        if sent.is_err() {
            return GUEST;
        }
    }
}

/// False when the guest's connection is closed.
fn wait_for_passt(passt: &UnixStream, guest: &UnixStream) -> io::Result<bool> {
    let mut poll_set = PollSet::default();
    poll_set.add(passt.as_raw_fd(), poll::READ);
    let closed = poll_set.add(guest.as_raw_fd(), 0);
    poll_set.wait(None)?;
    Ok(!poll_set.is_ready(closed))
}

/// Moves the allowed frames to the front. Returns (bytes of complete frames, bytes to send); what follows is an incomplete frame.
fn filter(data: &mut [u8], policy: &Policy) -> io::Result<(usize, usize)> {
    let (mut at, mut passed) = (0, 0);
    while let Some(length) = ether::first(&data[at..])? {
        let end = at + length;
        if policy.allows(&data[at + ether::LENGTH..end]) {
            // `passed` is never above `at`, so this never overwrites a frame that has not been examined
            data.copy_within(at..end, passed);
            passed += length;
        }
        at = end;
    }
    Ok((at, passed))
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
