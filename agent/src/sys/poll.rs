//! Waiting for one of two descriptors, and pipes that only say "over".

use super::check;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

#[derive(Debug, PartialEq)]
pub enum Ready {
    First,
    Second,
    Timeout,
}

pub const READ: i16 = libc::POLLIN;
pub const WRITE: i16 = libc::POLLOUT;

/// Waits until `first` is ready for `events` or `second` is over. `first` wins when both are.
pub fn either(first: RawFd, events: i16, second: RawFd, timeout_ms: i32) -> io::Result<Ready> {
    let mut fds = [
        libc::pollfd { fd: first, events, revents: 0 },
        libc::pollfd { fd: second, events: libc::POLLIN, revents: 0 },
    ];
    loop {
        // SAFETY: two initialised pollfds.
        let count = unsafe { libc::poll(fds.as_mut_ptr(), 2, timeout_ms) };
        match check(count) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
            Ok(0) => return Ok(Ready::Timeout),
            Ok(_) if fds[0].revents != 0 => return Ok(Ready::First),
            Ok(_) => return Ok(Ready::Second),
        }
    }
}

/// Waits until `fd` can be read; false after the timeout.
pub fn readable(fd: RawFd, timeout_ms: i32) -> io::Result<bool> {
    Ok(either(fd, READ, -1, timeout_ms)? == Ready::First)
}

/// Close-on-exec pipe: read end, write end.
pub fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: two ints to be filled; both descriptors are ours afterwards.
    unsafe {
        check(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC))?;
        Ok((File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])))
    }
}

pub fn set_nonblocking(fd: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: plain fcntl on a descriptor that the caller holds.
    unsafe {
        let flags = check(libc::fcntl(fd.as_raw_fd(), libc::F_GETFL))?;
        check(libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK))?;
    }
    Ok(())
}

/// Bytes that can be read now without waiting.
pub fn available(fd: &impl AsRawFd) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD fills one int.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut count) };
    if result < 0 { 0 } else { count.max(0) as usize }
}

/// inotify(7) on the creation of names in `folder`.
pub fn watch_folder(folder: &str) -> io::Result<OwnedFd> {
    let path = super::c_string(folder)?;
    // SAFETY: a valid path; the descriptor is ours.
    unsafe {
        let fd = OwnedFd::from_raw_fd(check(libc::inotify_init1(libc::IN_CLOEXEC))?);
        check(libc::inotify_add_watch(fd.as_raw_fd(), path.as_ptr(), libc::IN_CREATE | libc::IN_MOVED_TO))?;
        Ok(fd)
    }
}

/// Reads and drops whatever is there.
pub fn drain(fd: &impl AsRawFd) {
    let mut buffer = [0u8; 4096];
    // SAFETY: the buffer's length is passed.
    unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
}
