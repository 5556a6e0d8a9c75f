//! Forking before there are threads, what becomes of children, and who belongs to whom.

use super::{check, check_long};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ended {
    Exit(i32),
    Signal { number: i32, core_dumped: bool },
}

/// Becomes readable when the child ends: pidfd_open(2).
pub fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: two ints; the descriptor is ours.
    unsafe { Ok(OwnedFd::from_raw_fd(check_long(libc::syscall(libc::SYS_pidfd_open, pid, 0))? as i32)) }
}

/// A copy of another process's descriptor: pidfd_getfd(2).
pub fn descriptor_of(process: &OwnedFd, number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: our descriptor and plain numbers; the new descriptor is ours.
    unsafe {
        let copy = libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0);
        Ok(OwnedFd::from_raw_fd(check_long(copy)? as i32))
    }
}

/// Whether it was opened for reading.
pub fn may_read(fd: &OwnedFd) -> bool {
    // SAFETY: plain fcntl on a descriptor of ours.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    flags >= 0 && flags & libc::O_ACCMODE != libc::O_WRONLY
}

/// Waits until our child `pid` has ended, and reaps it.
pub fn wait_for(pid: i32) -> io::Result<Ended> {
    let mut status = 0;
    loop {
        // SAFETY: one int to be filled.
        match check(unsafe { libc::waitpid(pid, &mut status, 0) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
            Ok(_) if libc::WIFSIGNALED(status) => {
                return Ok(Ended::Signal { number: libc::WTERMSIG(status), core_dumped: libc::WCOREDUMP(status) })
            }
            Ok(_) => return Ok(Ended::Exit(libc::WEXITSTATUS(status))),
        }
    }
}

pub enum Forked {
    Parent(i32),
    Child,
}

/// fork(2); only while the process has one thread.
pub fn fork() -> io::Result<Forked> {
    // SAFETY: the process has one thread, so the child may do anything.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(pid)),
    }
}

/// Reaps every child that has ended; true when `wanted` was among them.
pub fn reap_all(wanted: i32) -> bool {
    let mut found = false;
    loop {
        // SAFETY: no status is wanted.
        let pid = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
        if pid <= 0 {
            return found;
        }
        found |= pid == wanted;
    }
}

/// The pids of all that there are.
pub fn all() -> impl Iterator<Item = i32> {
    let names = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|item| item.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok())
}

/// Every process of the sessions (setsid(2)) that these lead, and the leaders.
pub fn members_of(leaders: &[i32]) -> Vec<i32> {
    all().filter(|pid| is_member(*pid, leaders)).collect()
}

pub fn is_member(pid: i32, leaders: &[i32]) -> bool {
    // SAFETY: a plain number; a process that is gone has no session.
    leaders.contains(&unsafe { libc::getsid(pid) })
}

/// A session of our own, so that nobody's terminal is ours.
pub fn new_session() {
    // SAFETY: no arguments; failing means that we lead one already.
    unsafe { libc::setsid() };
}

/// This thread alone, at once; nothing of it is cleaned up.
pub fn end_thread() -> ! {
    loop {
        // SAFETY: exit(2), which ends one thread; whoever joins it sees it go.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}

/// A copy above 9, close-on-exec.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers; the descriptor is ours.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 10))?)) }
}

/// stdin, stdout and stderr become `fd`.
pub fn replace_stdio(fd: RawFd) -> io::Result<()> {
    for target in 0..=2 {
        // SAFETY: plain numbers.
        check(unsafe { libc::dup2(fd, target) })?;
    }
    Ok(())
}

pub fn uid() -> u32 {
    // SAFETY: no arguments.
    unsafe { libc::getuid() }
}

/// Room for descriptors: 256 streams with five each. Where the hard limit can be raised it is, to what systemd gives.
pub fn allow_many_files() {
    let limit = libc::rlimit { rlim_cur: 65_536, rlim_max: 1_048_576 };
    // SAFETY: an initialised struct.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
}

/// A child that only waits to be told to end. Whoever holds the other end of its pipe, returned here, sees it go.
/// systemd's last killing spree asks it, as it asks everyone, when the machine goes down.
pub fn canary() -> io::Result<(i32, std::fs::File)> {
    let (reader, writer) = super::poll::pipe()?;
    let keep = std::os::fd::AsRawFd::as_raw_fd(&writer);
    // SAFETY: the child makes system calls only, so it may be forked from among threads.
    let pid = unsafe {
        let pid = check(libc::fork())?;
        if pid == 0 {
            be_canary(keep);
        }
        pid
    };
    Ok((pid, reader))
}

unsafe fn be_canary(keep: libc::c_int) -> ! {
    libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    libc::prctl(libc::PR_SET_NAME, c"banger-canary".as_ptr());
    super::argv0::unmark();
    let mut none: libc::sigset_t = std::mem::zeroed();
    libc::sigemptyset(&mut none);
    libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    libc::dup2(keep, 3);
    libc::syscall(libc::SYS_close_range, 4, u32::MAX, 0);
    loop {
        libc::pause();
    }
}
