//! Forks into PID 1 and the process that serves the host.

use super::{failed, BootResult};
use crate::sys::process::{self, Forked};
use crate::sys::{poll, signal};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// What connects the two processes.
pub struct Pipes {
    /// PID 1 reads a byte when the identity is in force; end of file means that the server died
    pub identified: File,
    /// the server reads a byte when the device nodes exist; end of file means that PID 1 died
    pub prepared: File,
    /// PID 1 writes a signal's number to request a last NOTICE, and gets it back when the NOTICE is sent
    pub power: UnixStream,
    /// pid of the other process
    pub pid: i32,
}

/// Which of the two processes this is.
pub enum Role {
    Server(Pipes),
    Pid1(Pipes),
}

/// Signals that are blocked in both processes: PID 1 takes them one by one, and they must not end the server.
pub const SIGNALS: [i32; 7] = [
    libc::SIGCHLD,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGTERM,
    libc::SIGINT,
    signal::SIGRTMIN + 4,
    signal::SIGRTMIN + 5,
];

pub fn fork() -> BootResult<Role> {
    let (identified, identify) = poll::pipe().map_err(failed("pipe"))?;
    let (prepared, preparing) = poll::pipe().map_err(failed("pipe"))?;
    let (ours, theirs) = UnixStream::pair().map_err(failed("socketpair"))?;
    fill_stdio().map_err(failed("/dev/null"))?;
    signal::reset_ignored();
    signal::block(&SIGNALS);
    match process::fork().map_err(failed("fork"))? {
        Forked::Child => Ok(Role::Server(Pipes { identified: identify, prepared, power: theirs, pid: 1 })),
        Forked::Parent(pid) => Ok(Role::Pid1(Pipes { identified, prepared: preparing, power: ours, pid })),
    }
}

/// Opens /dev/null until descriptors 0 to 2 are in use, so that no other file gets these numbers.
fn fill_stdio() -> std::io::Result<()> {
    loop {
        let file = File::options().read(true).write(true).open("/dev/null")?;
        if file.as_raw_fd() > 2 {
            return Ok(());
        }
        // leaked on purpose: it is one of the three
        std::mem::forget(OwnedFd::from(file));
    }
}
