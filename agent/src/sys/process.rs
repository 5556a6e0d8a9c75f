//! Forking, waiting for children, and listing processes.

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

/// Copies another process's descriptor: pidfd_getfd(2).
pub fn descriptor_of(process: &OwnedFd, number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: our descriptor and plain numbers; the new descriptor is ours.
    unsafe {
        let copy = libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0);
        Ok(OwnedFd::from_raw_fd(check_long(copy)? as i32))
    }
}

/// Whether the descriptor was opened for reading.
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

/// From here on this process ends (SIGKILL) with the thread that forked it. It has to make sure itself that this has not happened before.
pub fn end_with_parent() -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map(drop)
}

/// Reaps every child that has ended; true if `wanted` was among them.
pub fn reap_all(wanted: i32) -> bool {
    let mut found = false;
    loop {
        // SAFETY: null for the status is allowed.
        let pid = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
        if pid <= 0 {
            return found;
        }
        found |= pid == wanted;
    }
}

/// The pids of all processes.
pub fn all() -> impl Iterator<Item = i32> {
    let names = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|item| item.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok())
}

/// Every process of the sessions (setsid(2)) that `leaders` lead, including the leaders.
pub fn members_of(leaders: &[i32]) -> Vec<i32> {
    all().filter(|pid| is_member(*pid, leaders)).collect()
}

/// Whether the process belongs to a session (setsid(2)) of one of `leaders`.
pub fn is_member(pid: i32, leaders: &[i32]) -> bool {
    // SAFETY: a plain number; a process that is gone has no session.
    leaders.contains(&unsafe { libc::getsid(pid) })
}

/// Starts a new session, which has no controlling terminal.
pub fn new_session() {
    // SAFETY: no arguments; failing means that we lead one already.
    unsafe { libc::setsid() };
}

/// Ends only this thread, at once and without any cleanup.
pub fn end_thread() -> ! {
    loop {
        // SAFETY: the exit system call ends one thread; joining it still works.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}

/// A close-on-exec copy with a number of at least 10.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers; the descriptor is ours.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 10))?)) }
}

/// Makes stdin, stdout and stderr copies of `fd`.
pub fn replace_stdio(fd: RawFd) -> io::Result<()> {
    for target in 0..=2 {
        // SAFETY: plain numbers.
        check(unsafe { libc::dup2(fd, target) })?;
    }
    Ok(())
}

/// Sets the name that ps(1) and top(1) show, at most 15 bytes.
pub fn set_name(name: &std::ffi::CStr) {
    // SAFETY: a C string; a longer one is cut.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

pub fn uid() -> u32 {
    // SAFETY: no arguments.
    unsafe { libc::getuid() }
}

/// Raises the limit of descriptors: 256 streams need about five each. Raises the hard limit, if allowed, to systemd's default.
pub fn allow_many_files() {
    let limit = libc::rlimit { rlim_cur: 65_536, rlim_max: 1_048_576 };
    // SAFETY: an initialised struct.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
}

/// Starts a child that does nothing until systemd ends it, as it ends every process, at shutdown. Returns its pid and the read end of a
/// pipe that the child keeps open, so that its end can be detected.
pub fn canary() -> io::Result<(i32, std::fs::File)> {
    let (reader, writer) = super::poll::pipe()?;
    let keep = std::os::fd::AsRawFd::as_raw_fd(&writer);
    // SAFETY: the child only makes system calls, so forking with several threads is fine.
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
