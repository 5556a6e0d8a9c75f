//! eventfd(2): wakes a thread that waits in poll(2).

use super::check;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

pub struct EventFd(OwnedFd);

impl EventFd {
    pub fn new() -> io::Result<EventFd> {
        // SAFETY: two ints; the descriptor is ours.
        unsafe { Ok(EventFd(OwnedFd::from_raw_fd(check(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?))) }
    }

    pub fn signal(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: 8 bytes. It fails only when the counter is at its maximum, 2^64 - 2.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), 8) };
    }

    /// Resets the counter, so that the descriptor is no longer readable.
    pub fn drain(&self) {
        let mut count = [0u8; 8];
        // SAFETY: 8 bytes.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), 8) };
    }

    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
