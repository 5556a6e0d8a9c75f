//! Keeps the signals of a program built with musl within the program, where Landlock can't.
//!
//! musl's pthread_kill uses tkill(2), which names a thread of any process of the user. The filter leaves this call to a supervisor: a
//! child of the program, forked before the filter, that makes it as tgkill(2) with the program's pid. So it can only reach threads of
//! the program, which keeps the pid that it was started with.
//!
//! The supervisor is in the program's cage, has a smaller filter and one descriptor, and is killed when the program's main thread
//! ends, however it ends. Without it the calls fail with ENOSYS. The program has no call that reaches its supervisor, and can't have a
//! supervisor of its own.

use crate::host::profiles::{self, SignalScope};
use crate::sys::process::{self, Forked};
use crate::sys::supervision::{self, Answer, Call};
use crate::sys::{descriptor, seccomp, signal, unix};
use std::io::{self, Error, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

/// Installs a filter that leaves calls to a supervisor, and starts that.
pub fn install(filter: &[libc::sock_filter]) -> io::Result<()> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let program = std::process::id();
    if let Forked::Child = process::fork()? {
        drop(ours);
        let _ = supervise(program, theirs);
        std::process::exit(1)
    }
    drop(theirs);
    let listener = seccomp::install_supervised(filter)?;
    unix::send_descriptor(&ours, &listener)?;
    match ours.read(&mut [0])? {
        1 => Ok(()),
        _ => Err(Error::new(ErrorKind::BrokenPipe, "it has ended")),
    }
}

/// What `install` needs of the kernel, with this filter. For a process that ends afterwards.
pub fn try_out(filter: &[libc::sock_filter]) -> io::Result<()> {
    supervision::check_structs()?;
    descriptor::close_from(u32::MAX)?;
    seccomp::install_supervised(filter).map(drop)
}

fn supervise(program: u32, line: UnixStream) -> io::Result<()> {
    process::end_with_parent()?;
    // if the program ended before that, this or the answer below fails
    let Some(listener) = unix::receive_descriptor(&line)? else { return Ok(()) };
    let [listener, line] = descriptor::keep_only([listener, line.into()])?;
    confine_self(program)?;
    UnixStream::from(line).write_all(&[0])?;
    loop {
        let call = supervision::receive(&listener)?;
        supervision::answer(&listener, &call, &decide(program as i32, &call))?;
    }
}

/// From here on the process only answers calls and signals threads of the program.
fn confine_self(program: u32) -> io::Result<()> {
    std::env::set_current_dir("/")?;
    supervision::check_structs()?;
    let rules = profiles::named("supervisor", SignalScope::None).unwrap_or_default();
    seccomp::install(&seccomp::compile(rules, program))
}

/// Sends the signal of tkill(tid, signal).
fn decide(program: i32, call: &Call) -> Answer {
    let [tid, signal] = [call.arguments[0] as i32, call.arguments[1] as i32];
    if tid == call.tid {
        // from here it would interrupt the caller, which would make the same call again and again; it can only reach the caller
        return Answer::Proceed;
    }
    match signal::kill_thread(program, tid, signal) {
        Ok(()) => Answer::Done,
        Err(error) => Answer::Failed(error.raw_os_error().unwrap_or(libc::EPERM)),
    }
}
