//! The guest's network where the VMM has no network device that it could give: a TAP interface whose frames go to the host over vsock.
//!
//! The host connects, one connection at a time; a new one replaces the one before, which may be lost without a word when the VM is saved.
//! Frames wait in the TAP's queue while there is none, and nothing is read from it faster than the host takes it.

use crate::console::log;
use crate::session::lock;
use crate::sys::net::{self, Link};
use crate::sys::poll::{self, PollSet};
use crate::sys::tun;
use crate::wire::ether::{self, LENGTH, MAX_FRAME};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// The name that a virtio network device has in other guests.
pub const NAME: &str = "eth0";
/// The port at which the host connects.
pub const VSOCK_PORT: u32 = 1025;
/// Bytes of IP in a frame: more than Ethernet's 1500, because each frame has its price and no real network is behind passt. No more was
/// gained up to 65520, the most that passt takes.
const MTU: u16 = 16384;
const BUFFER: usize = 256 * 1024;
const STACK: usize = 64 * 1024;

/// Makes the interface and carries its frames from now on. `listener`: where the host connects.
pub fn start(listener: OwnedFd) -> io::Result<()> {
    let tap = tun::make_tap(NAME)?;
    Link::named(NAME)?.set_mtu(MTU)?;
    carry(tap, listener)
}

fn carry(tap: File, listener: OwnedFd) -> io::Result<()> {
    let current = Arc::new(Current::default());
    let (incoming, outgoing) = (tap.try_clone()?, tap);
    let shared = Arc::clone(&current);
    spawn(move || receive(&incoming, &listener, &shared))?;
    spawn(move || send(&outgoing, &current))
}

fn spawn(work: impl FnOnce() -> io::Error + Send + 'static) -> io::Result<()> {
    let reported = move || log(&format!("network: {}", work()));
    thread::Builder::new().stack_size(STACK).spawn(reported).map(drop)
}

/// The connection that carries frames, if there is one.
#[derive(Default)]
struct Current {
    connection: Mutex<Option<Arc<File>>>,
    changed: Condvar,
}

impl Current {
    fn replace(&self, new: Option<Arc<File>>) {
        if let Some(old) = std::mem::replace(&mut *lock(&self.connection), new) {
            // after a reset of the guest's vsock this alone tells the host
            net::shut_down(&*old);
        }
        self.changed.notify_one();
    }

    /// Does nothing if another connection has replaced it.
    fn lose(&self, lost: &Arc<File>) {
        let mut connection = lock(&self.connection);
        if connection.as_ref().is_some_and(|current| Arc::ptr_eq(current, lost)) {
            *connection = None;
            net::shut_down(&**lost);
        }
    }

    fn get(&self) -> Option<Arc<File>> {
        lock(&self.connection).clone()
    }

    fn wait(&self) -> Arc<File> {
        let mut connection = lock(&self.connection);
        loop {
            match &*connection {
                Some(present) => return Arc::clone(present),
                None => connection = self.changed.wait(connection).unwrap_or_else(|poisoned| poisoned.into_inner()),
            }
        }
    }
}

/// Accepts connections and writes their frames to the TAP. Returns the error that ended it.
fn receive(tap: &File, listener: &OwnedFd, current: &Current) -> io::Error {
    let mut buffer = vec![0; BUFFER];
    let mut buffered = 0;
    loop {
        let connection = current.get();
        match wait_for_host(listener, connection.as_deref()) {
            Err(error) => return error,
            Ok(true) => match net::accept(listener) {
                Ok(None) => {}
                Ok(Some(new)) => {
                    current.replace(Some(Arc::new(File::from(new))));
                    buffered = 0;
                }
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return error,
            },
            Ok(false) => {
                let Some(connection) = connection else { continue };
                match take(&connection, &mut buffer, buffered, tap) {
                    Ok(left) => buffered = left,
                    Err(_) => {
                        current.lose(&connection);
                        buffered = 0;
                    }
                }
            }
        }
    }
}

/// True for a new connection, false when the present one can be read.
fn wait_for_host(listener: &OwnedFd, connection: Option<&File>) -> io::Result<bool> {
    let mut poll_set = PollSet::default();
    let new = poll_set.add(listener.as_raw_fd(), poll::READ);
    poll_set.add(connection.map_or(-1, AsRawFd::as_raw_fd), poll::READ);
    poll_set.wait(None)?;
    Ok(poll_set.is_ready(new))
}

/// Reads once and writes all complete frames to the TAP; returns the number of bytes that stay, at the start of `buffer`.
fn take(mut connection: &File, buffer: &mut [u8], buffered: usize, mut tap: &File) -> io::Result<usize> {
    let end = match connection.read(&mut buffer[buffered..])? {
        0 => return Err(ErrorKind::UnexpectedEof.into()),
        length => buffered + length,
    };
    let mut at = 0;
    while let Some(length) = ether::first(&buffer[at..end])? {
        // what the kernel does not take is lost, as on any network; the interface may be down
        let _ = tap.write(&buffer[at + LENGTH..at + length]);
        at += length;
    }
    buffer.copy_within(at..end, 0);
    Ok(end - at)
}

/// Writes the TAP's frames to whatever connection there is. Returns the error that ended it.
fn send(tap: &File, current: &Current) -> io::Error {
    let mut buffer = vec![0; BUFFER];
    loop {
        let connection = current.wait();
        match wait_for_frames(tap, &connection) {
            Err(error) => return error,
            // the other thread reads its end, or has
            Ok(false) => current.lose(&connection),
            Ok(true) => {
                let length = match gather(tap, &mut buffer) {
                    Ok(length) => length,
                    Err(error) => return error,
                };
                if (&*connection).write_all(&buffer[..length]).is_err() {
                    current.lose(&connection);
                }
            }
        }
    }
}

/// False when the connection is lost.
fn wait_for_frames(tap: &File, connection: &File) -> io::Result<bool> {
    let mut poll_set = PollSet::default();
    poll_set.add(tap.as_raw_fd(), poll::READ);
    let lost = poll_set.add(connection.as_raw_fd(), 0);
    poll_set.wait(None)?;
    Ok(!poll_set.is_ready(lost))
}

/// Reads the frames that are there, as far as they fit, each after its length; returns the number of bytes.
fn gather(mut tap: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut at = 0;
    while buffer.len() - at >= LENGTH + MAX_FRAME {
        let length = match tap.read(&mut buffer[at + LENGTH..at + LENGTH + MAX_FRAME]) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        };
        buffer[at..at + LENGTH].copy_from_slice(&(length as u32).to_be_bytes());
        at += LENGTH + length;
    }
    Ok(at)
}

#[cfg(test)]
#[path = "tap_tests.rs"]
mod tests;
