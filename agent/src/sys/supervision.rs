//! Answers the calls that a filter leaves to a supervisor: seccomp_unotify(2). The kernel copies a call's number and arguments, so its
//! caller can't change them afterwards; a caller waits for its answer, and gets ENOSYS when the supervisor ends.

use super::{check, check_long};
use libc::{seccomp_notif, seccomp_notif_resp};
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, OwnedFd};

/// `SECCOMP_IOCTL_NOTIF_RECV` of linux/seccomp.h: `_IOWR('!', 0, struct seccomp_notif)`.
pub const RECEIVE: u64 = 0xc050_2100;
/// `SECCOMP_IOCTL_NOTIF_SEND`: `_IOWR('!', 1, struct seccomp_notif_resp)`.
pub const SEND: u64 = 0xc018_2101;

/// A call that waits for its answer.
#[derive(Debug)]
pub struct Call {
    id: u64,
    /// of its caller
    pub tid: i32,
    pub arguments: [u64; 6],
}

#[derive(Debug, PartialEq)]
pub enum Answer {
    /// it returns 0 without being made
    Done,
    /// it returns this `errno` without being made
    Failed(i32),
    /// the kernel makes it; safe only if nothing but its arguments decides what it does
    Proceed,
}

/// Whether this kernel's structs are those that are used here: later ones may be larger.
pub fn check_structs() -> io::Result<()> {
    let mut sizes = libc::seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
    // SAFETY: one struct to be filled.
    check_long(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_NOTIF_SIZES, 0, &raw mut sizes) })?;
    let ours = (size_of::<seccomp_notif>(), size_of::<seccomp_notif_resp>());
    if (usize::from(sizes.seccomp_notif), usize::from(sizes.seccomp_notif_resp)) != ours {
        return Err(io::Error::from_raw_os_error(libc::E2BIG));
    }
    Ok(())
}

/// Waits for the next call. `listener` is of `seccomp::install_supervised`.
pub fn receive(listener: &OwnedFd) -> io::Result<Call> {
    loop {
        // SAFETY: all zeroes is valid, and older kernels ask for it; the kernel fills a struct of this size.
        let mut call: seccomp_notif = unsafe { zeroed() };
        match check(unsafe { libc::ioctl(listener.as_raw_fd(), RECEIVE, &raw mut call) }) {
            Ok(_) => return Ok(Call { id: call.id, tid: call.pid as i32, arguments: call.data.args }),
            // ENOENT: a signal has taken its caller out of the call
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::ENOENT)) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Does nothing if a signal has taken the caller out of the call.
pub fn answer(listener: &OwnedFd, call: &Call, answer: &Answer) -> io::Result<()> {
    let (error, flags) = match answer {
        Answer::Done => (0, 0),
        Answer::Failed(errno) => (-errno, 0),
        Answer::Proceed => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
    };
    let mut response = seccomp_notif_resp { id: call.id, val: 0, error, flags };
    // SAFETY: a struct of this size, which the kernel only reads.
    match check(unsafe { libc::ioctl(listener.as_raw_fd(), SEND, &raw mut response) }) {
        Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requests_name_the_size_of_their_structs() {
        let request = |number: u64, size: usize| (3 << 30) | ((size as u64) << 16) | (u64::from(b'!') << 8) | number;
        assert_eq!(RECEIVE, request(0, size_of::<seccomp_notif>()));
        assert_eq!(SEND, request(1, size_of::<seccomp_notif_resp>()));
        check_structs().unwrap();
    }
}
