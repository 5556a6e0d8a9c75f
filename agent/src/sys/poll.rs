//! poll(2), epoll(7), pipes and inotify(7).

use super::check;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// POLLIN: readable, or at the end of file.
pub const READ: i16 = libc::POLLIN;
/// POLLOUT: writable.
pub const WRITE: i16 = libc::POLLOUT;

/// Descriptors to wait for; negative ones are ignored.
#[derive(Default)]
pub struct PollSet(Vec<libc::pollfd>);

impl PollSet {
    /// Returns the index for `is_ready`.
    pub fn add(&mut self, fd: RawFd, events: i16) -> usize {
        self.0.push(libc::pollfd { fd, events, revents: 0 });
        self.0.len() - 1
    }

    /// False after the timeout.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        let ms = milliseconds(timeout);
        loop {
            // SAFETY: initialised pollfds and their number.
            match check(unsafe { libc::poll(self.0.as_mut_ptr(), self.0.len() as libc::nfds_t, ms) }) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
                Ok(count) => return Ok(count > 0),
            }
        }
    }

    /// Ready, closed or failed: the next read or write shows which.
    pub fn is_ready(&self, place: usize) -> bool {
        self.0[place].revents != 0
    }
}

/// Waits until `fd` can be read; false after the timeout.
pub fn readable(fd: RawFd, timeout: Option<Duration>) -> io::Result<bool> {
    let mut poll_set = PollSet::default();
    poll_set.add(fd, READ);
    poll_set.wait(timeout)
}

/// Waits for changes of a descriptor's state: epoll(7), edge-triggered.
pub struct StateChanges(OwnedFd);

impl StateChanges {
    pub fn of(fd: &impl AsRawFd) -> io::Result<StateChanges> {
        let mut event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLHUP | libc::EPOLLET) as u32, u64: 0 };
        // SAFETY: plain calls; the event is initialised; the descriptor is ours.
        unsafe {
            let epoll = OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?);
            check(libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &mut event))?;
            Ok(StateChanges(epoll))
        }
    }

    /// False after the timeout.
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        loop {
            // SAFETY: room for one event.
            match check(unsafe { libc::epoll_wait(self.0.as_raw_fd(), &mut event, 1, milliseconds(timeout)) }) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => return other.map(|count| count > 0),
            }
        }
    }
}

/// Rounded up; -1 without a timeout.
fn milliseconds(timeout: Option<Duration>) -> libc::c_int {
    timeout.map_or(-1, |time| time.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32)
}

/// A close-on-exec pipe: read end, write end.
pub fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: two ints to be filled; both descriptors are ours afterwards.
    unsafe {
        check(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC))?;
        Ok((File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])))
    }
}

/// Sets the capacity of a pipe; if the kernel refuses, it stays as it was.
pub fn widen(pipe: &impl AsRawFd, bytes: usize) {
    // SAFETY: plain fcntl on a descriptor that the caller holds.
    unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, bytes as libc::c_int) };
}

/// For a pipe or terminal, which has no other flags that F_SETFL could clear.
pub fn set_nonblocking(fd: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: plain fcntl on a descriptor that the caller holds.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }).map(drop)
}

/// Bytes that can be read now without waiting.
pub fn available(fd: &impl AsRawFd) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD fills one int.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut count) };
    if result < 0 { 0 } else { count.max(0) as usize }
}

/// Readable when a name appears in `folder`: inotify(7).
pub fn watch_folder(folder: &str) -> io::Result<File> {
    let path = super::c_string(folder)?;
    // SAFETY: a valid path; the descriptor is ours.
    unsafe {
        let file = File::from_raw_fd(check(libc::inotify_init1(libc::IN_CLOEXEC))?);
        check(libc::inotify_add_watch(file.as_raw_fd(), path.as_ptr(), libc::IN_CREATE | libc::IN_MOVED_TO))?;
        Ok(file)
    }
}
