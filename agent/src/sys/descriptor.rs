//! Descriptors by number: where one is put for a program that is exec'ed.

use super::check;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// `fd` itself, or a copy of it where its number is below `lowest`; close-on-exec.
pub fn at_least(lowest: RawFd, fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() >= lowest {
        return Ok(fd);
    }
    // SAFETY: plain numbers; the new descriptor is ours.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest))?)) }
}

/// A copy of `fd` with this number, open across exec. What had the number is closed.
pub fn inherit_as(number: RawFd, fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::dup2(fd.as_raw_fd(), number) }).map(drop)
}

/// What has this number and is open across exec.
#[cfg(test)]
pub fn inherited(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: plain numbers; a test takes each number once.
    unsafe {
        let flags = libc::fcntl(number, libc::F_GETFD);
        (flags >= 0 && flags & libc::FD_CLOEXEC == 0).then(|| OwnedFd::from_raw_fd(number))
    }
}
