//! What happens between fork and exec, and reaping.

use super::check;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Who a command runs as.
#[derive(Clone, Debug, PartialEq)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
}

/// Makes the command lead a session of its own, on its terminal if stdin is one, with these ids and no OOM protection.
pub fn prepare(command: &mut Command, ids: Ids, terminal: bool) {
    // SAFETY: only async-signal-safe calls on memory that exists already.
    unsafe {
        command.pre_exec(move || {
            check(libc::setsid())?;
            if terminal {
                check(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
            }
            let adjust = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if adjust >= 0 {
                libc::write(adjust, c"0".as_ptr().cast(), 1);
                libc::close(adjust);
            }
            if libc::getuid() == 0 {
                check(libc::setgroups(ids.groups.len(), ids.groups.as_ptr()))?;
                check(libc::setresgid(ids.gid, ids.gid, ids.gid))?;
                check(libc::setresuid(ids.uid, ids.uid, ids.uid))?;
            }
            Ok(())
        });
    }
}

pub enum Forked {
    Parent,
    Child,
}

/// fork(2); only before any thread was started.
pub fn fork() -> io::Result<Forked> {
    // SAFETY: the process has one thread, so the child may do anything.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Forked::Child),
        _ => Ok(Forked::Parent),
    }
}

/// Reaps every child that has ended.
pub fn reap_all() {
    // SAFETY: no status is wanted.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

/// A session of our own, so that nobody's terminal is ours.
pub fn new_session() {
    // SAFETY: no arguments; failing means that we lead one already.
    unsafe { libc::setsid() };
}

pub fn uid() -> u32 {
    // SAFETY: no arguments.
    unsafe { libc::getuid() }
}
