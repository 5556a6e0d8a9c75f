//! Signals: sending them, blocking them, and taking blocked ones.

use super::check;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

pub const SIGRTMIN: i32 = 34; // glibc's and systemd's; the kernel's 32 and 33 belong to threads

/// The number of a signal that a host may send; `name` is without `SIG`.
pub fn number_of(name: &str) -> Option<i32> {
    let number = match name {
        "HUP" => libc::SIGHUP,
        "INT" => libc::SIGINT,
        "QUIT" => libc::SIGQUIT,
        "KILL" => libc::SIGKILL,
        "USR1" => libc::SIGUSR1,
        "USR2" => libc::SIGUSR2,
        "TERM" => libc::SIGTERM,
        "CONT" => libc::SIGCONT,
        "TSTP" => libc::SIGTSTP,
        "WINCH" => libc::SIGWINCH,
        "ALRM" => libc::SIGALRM,
        "VTALRM" => libc::SIGVTALRM,
        "PROF" => libc::SIGPROF,
        "IO" => libc::SIGIO,
        "PWR" => libc::SIGPWR,
        "XCPU" => libc::SIGXCPU,
        "XFSZ" => libc::SIGXFSZ,
        _ => return None,
    };
    Some(number)
}

/// For example `KILL` for 9; `SIG<number>` for signals that are not in the table.
pub fn name_of(number: i32) -> String {
    let names = [
        (1, "HUP"), (2, "INT"), (3, "QUIT"), (4, "ILL"), (5, "TRAP"), (6, "ABRT"), (7, "BUS"), (8, "FPE"), (9, "KILL"),
        (10, "USR1"), (11, "SEGV"), (12, "USR2"), (13, "PIPE"), (14, "ALRM"), (15, "TERM"), (24, "XCPU"), (25, "XFSZ"),
        (31, "SYS"),
    ];
    names.iter().find(|(n, _)| *n == number).map_or_else(|| format!("SIG{number}"), |(_, name)| (*name).to_string())
}

/// `pid` below -1: a process group; -1: all processes except PID 1 and this one.
pub fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: two ints.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Signals a thread, only if it belongs to the process `pid`: tgkill(2). ESRCH: it does not.
pub fn kill_thread(pid: i32, thread: i32, signal: i32) -> io::Result<()> {
    // SAFETY: three ints.
    super::check_long(unsafe { libc::syscall(libc::SYS_tgkill, pid, thread, signal) }).map(drop)
}

/// Sends a signal with a value, which `wait_for` returns: sigqueue(3).
pub fn queue(pid: i32, signal: i32, value: i32) -> io::Result<()> {
    let value = libc::sigval { sival_ptr: value as usize as *mut libc::c_void };
    // SAFETY: two ints and a value that is never used as a pointer.
    check(unsafe { libc::sigqueue(pid, signal, value) }).map(drop)
}

/// Signals a process by its pidfd, so it cannot be another one with a reused pid.
pub fn kill_by(handle: &OwnedFd, signal: i32) -> io::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: our descriptor, plain numbers, no siginfo.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, handle.as_raw_fd(), signal, none, 0) };
    super::check_long(result).map(drop)
}

/// Resets signals that the parent ignored, because programs inherit that. SIGPIPE stays ignored here; `spawn` resets it.
pub fn reset_ignored() {
    for signal in (1..32).filter(|signal| !matches!(*signal, libc::SIGKILL | libc::SIGSTOP | libc::SIGPIPE)) {
        // SAFETY: the default disposition; only the runtime has handlers, for stack overflows (SIGSEGV, SIGBUS).
        if !matches!(signal, libc::SIGSEGV | libc::SIGBUS) {
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
}

/// Blocks `signals` for this thread and those that it creates; `wait_for` takes them.
pub fn block(signals: &[i32]) {
    let set = set_of(signals);
    // SAFETY: an initialised set.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) };
}

pub fn unblock(signals: &[i32]) {
    let set = set_of(signals);
    // SAFETY: an initialised set.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut()) };
}

/// A signal that was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taken {
    pub number: i32,
    /// pid of the sender and the value, if it was sent by `queue`
    pub queued: Option<(i32, i32)>,
}

/// The next of `signals`, which must be blocked; None after the timeout.
pub fn wait_for(signals: &[i32], timeout: Option<Duration>) -> Option<Taken> {
    let set = set_of(signals);
    let timespec = |time: Duration| libc::timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
    let timeout = timeout.map(timespec);
    let pointer = timeout.as_ref().map_or(std::ptr::null(), |time| &raw const *time);
    // SAFETY: an initialised set, a siginfo to be filled, a timespec or null; what is read of it is there for SI_QUEUE.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let number = libc::sigtimedwait(&set, &mut info, pointer);
        let queued = || (info.si_pid(), info.si_value().sival_ptr as usize as i32);
        (number > 0).then(|| Taken { number, queued: (info.si_code == libc::SI_QUEUE).then(queued) })
    }
}

fn set_of(signals: &[i32]) -> libc::sigset_t {
    // SAFETY: sigemptyset initialises what is read afterwards.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in signals {
            libc::sigaddset(&mut set, *signal);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queued_signal_has_its_value() {
        extern "C" {
            fn pthread_sigqueue(thread: libc::pthread_t, signal: i32, value: libc::sigval) -> i32;
        }
        let signal = SIGRTMIN + 4;
        block(&[signal]);
        let value = libc::sigval { sival_ptr: 60_000 as *mut libc::c_void };
        // only to this thread: other threads do not block it, and it would end the process
        // SAFETY: this thread, and a value that is never used as a pointer.
        assert_eq!(unsafe { pthread_sigqueue(libc::pthread_self(), signal, value) }, 0);
        let taken = wait_for(&[signal], Some(Duration::from_secs(5)));
        assert_eq!(taken, Some(Taken { number: signal, queued: Some((std::process::id() as i32, 60_000)) }));
    }
}
