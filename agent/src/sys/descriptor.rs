//! Gives descriptors the numbers that a program expects after exec.

use super::check;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// `fd` itself or, if its number is below `lowest`, a close-on-exec copy with a higher number.
pub fn at_least(lowest: RawFd, fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() >= lowest {
        return Ok(fd);
    }
    // SAFETY: plain numbers; the new descriptor is ours.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest))?)) }
}

/// Copies `fd` to this number, open across exec. A descriptor that had the number is closed.
pub fn inherit_as(number: RawFd, fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::dup2(fd.as_raw_fd(), number) }).map(drop)
}

/// The descriptor with this number, if it is open across exec.
#[cfg(test)]
pub fn inherited(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: plain numbers; each test uses numbers of its own.
    unsafe {
        let flags = libc::fcntl(number, libc::F_GETFD);
        (flags >= 0 && flags & libc::FD_CLOEXEC == 0).then(|| OwnedFd::from_raw_fd(number))
    }
}
