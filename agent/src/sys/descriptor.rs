//! Gives descriptors the numbers that a program expects after exec.

use super::{check, check_long};
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

/// Moves `kept` to the numbers from 0 on, and closes all other descriptors.
pub fn keep_only<const COUNT: usize>(kept: [OwnedFd; COUNT]) -> io::Result<[OwnedFd; COUNT]> {
    // first out of the way of the numbers that the others get
    let moved = kept.into_iter().map(|fd| at_least(COUNT as RawFd, fd)).collect::<io::Result<Vec<_>>>()?;
    for (number, fd) in (0..).zip(&moved) {
        inherit_as(number, fd)?;
    }
    drop(moved);
    close_from(COUNT as u32)?;
    // SAFETY: these numbers are open, and their former owners are gone.
    Ok(std::array::from_fn(|number| unsafe { OwnedFd::from_raw_fd(number as RawFd) }))
}

/// Closes the descriptors from `lowest` on: close_range(2), Linux 5.9.
pub fn close_from(lowest: u32) -> io::Result<()> {
    // SAFETY: plain numbers; the caller uses none of these descriptors any more.
    check_long(unsafe { libc::syscall(libc::SYS_close_range, lowest, u32::MAX, 0) }).map(drop)
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
