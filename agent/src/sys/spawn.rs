//! Starts a program with a clone(2) that shares memory until exec, like posix_spawn(3): nothing is copied, and the parent knows exactly
//! what failed. The child only makes system calls.

use super::{check, pid_namespace};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::RawFd;

/// User and groups that a program runs as.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
}

/// A program to start.
pub struct Program<'a> {
    /// paths to try in turn
    pub candidates: &'a [CString],
    pub argv: &'a [CString],
    pub env: &'a [CString],
    pub cwd: &'a CStr,
    /// None: those of this process
    pub ids: Option<&'a Ids>,
    /// descriptors above 3
    pub stdio: [RawFd; 3],
    /// becomes descriptor 3
    pub extra: Option<RawFd>,
    /// stdin becomes the controlling terminal
    pub terminal: bool,
    /// undo the agent's protection from the OOM killer, and its limit of open files
    pub oom_killable: bool,
    /// run it as PID 1 of its own process namespace, with its own `/proc`: pid_namespaces(7). When it ends, all processes in it end
    pub pid1: bool,
}

/// The step of starting a program that failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    Setup,
    Ids,
    Cwd,
    Exec,
}

#[derive(Debug)]
pub struct Failure {
    pub stage: Stage,
    pub error: io::Error,
}

const STACK: usize = 64 * 1024;
/// Enough for databases and build tools, and few enough for programs that close every possible descriptor when they start.
const OPEN_FILES: libc::rlim_t = 65_536;

struct Job<'a> {
    program: &'a Program<'a>,
    argv: Vec<*const libc::c_char>,
    env: Vec<*const libc::c_char>,
    stage: Stage,
    errno: libc::c_int,
}

/// Returns the pid after the program has been exec'ed. It leads its own session (setsid(2)).
pub fn spawn(program: &Program) -> Result<i32, Failure> {
    let setup = |error| Failure { stage: Stage::Setup, error };
    let mut job =
        Job { program, argv: pointers(program.argv), env: pointers(program.env), stage: Stage::Setup, errno: 0 };
    let mut stack = vec![0u128; STACK / 16];
    // SAFETY: this thread is suspended until the child has exec'ed or exited (CLONE_VFORK), so the job and the stack
    // outlive the child's use of them; no signal handler can run in the child because all signals are blocked.
    let result = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        let own = if program.pid1 { pid_namespace::FLAGS } else { 0 };
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD | own;
        let top = stack.as_mut_ptr().add(stack.len()).cast();
        let result = check(libc::clone(run, top, flags, (&raw mut job).cast()));
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        result
    };
    let pid = result.map_err(setup)?;
    if job.errno == 0 {
        return Ok(pid);
    }
    let _ = super::process::wait_for(pid);
    Err(Failure { stage: job.stage, error: io::Error::from_raw_os_error(job.errno) })
}

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

/// The child.
extern "C" fn run(job: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `spawn` passes its job, and waits.
    let job = unsafe { &mut *job.cast::<Job>() };
    // SAFETY: system calls on memory that `spawn` prepared.
    let error = unsafe { become_program(job) }.err().and_then(|error| error.raw_os_error());
    job.errno = error.unwrap_or(libc::EIO);
    127
}

/// Returns only on failure.
unsafe fn become_program(job: &mut Job) -> io::Result<()> {
    let program = job.program;
    libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    check(libc::setsid())?;
    for (target, source) in program.stdio.iter().enumerate() {
        check(libc::dup2(*source, target as RawFd))?;
    }
    if let Some(extra) = program.extra {
        check(libc::dup2(extra, 3))?;
    }
    if program.terminal {
        check(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
    }
    if program.oom_killable {
        reset_limits();
    }
    if program.pid1 {
        pid_namespace::mount_proc()?;
    }
    libc::umask(0o022);
    job.stage = Stage::Ids;
    if let Some(ids) = program.ids {
        // raw system calls: libc's functions would change the ids of the parent's threads too, because the memory is shared
        raw(libc::syscall(libc::SYS_setgroups, ids.groups.len(), ids.groups.as_ptr()))?;
        raw(libc::syscall(libc::SYS_setresgid, ids.gid, ids.gid, ids.gid))?;
        raw(libc::syscall(libc::SYS_setresuid, ids.uid, ids.uid, ids.uid))?;
    }
    job.stage = Stage::Cwd;
    check(libc::chdir(program.cwd.as_ptr()))?;
    job.stage = Stage::Exec;
    let mut none: libc::sigset_t = std::mem::zeroed();
    libc::sigemptyset(&mut none);
    libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    Err(exec_first(program.candidates, &job.argv, &job.env))
}

/// Replaces this process with the program; returns only on failure.
pub fn exec(candidates: &[CString], argv: &[CString], env: &[CString]) -> io::Error {
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: null-terminated arrays of C strings; SIGPIPE is the signal that std ignores.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        exec_first(candidates, &argv, &env)
    }
}

/// Like execvp(3): skips missing files, and remembers EACCES.
unsafe fn exec_first(candidates: &[CString], argv: &[*const libc::c_char], env: &[*const libc::c_char]) -> io::Error {
    let mut worst = io::Error::from_raw_os_error(libc::ENOENT);
    for path in candidates {
        // access(2) costs a tenth of a failing exec, for which the kernel first creates an address space
        if candidates.len() == 1 || libc::access(path.as_ptr(), libc::F_OK) == 0 {
            libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            Some(libc::EACCES) => worst = error,
            _ => return error,
        }
    }
    worst
}

unsafe fn reset_limits() {
    let adjust = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
    if adjust >= 0 {
        libc::write(adjust, c"0".as_ptr().cast(), 1);
        libc::close(adjust);
    }
    let mut files: libc::rlimit = std::mem::zeroed();
    if libc::getrlimit(libc::RLIMIT_NOFILE, &mut files) == 0 {
        files.rlim_cur = files.rlim_max.min(OPEN_FILES);
        libc::setrlimit(libc::RLIMIT_NOFILE, &files);
    }
}

fn raw(result: libc::c_long) -> io::Result<()> {
    super::check_long(result).map(drop)
}
