//! A program's pipes or terminal: the agent's ends and the program's ends.

use super::request::Size;
use crate::sys::spawn::Ids;
use crate::sys::{open, poll, tty};
use crate::wire::json::{Answer, Refusal};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// The agent's ends.
pub struct Stdio {
    /// writes to the program's stdin; with a terminal, a copy of its master
    pub input: File,
    /// channel, and the file that its bytes are read from
    pub outputs: Vec<(usize, File)>,
    /// the master, for its size and its foreground group
    pub terminal: Option<File>,
}

/// The program's ends.
pub enum ChildEnds {
    Pipes([File; 3]),
    Terminal(OwnedFd),
}

impl ChildEnds {
    pub fn fds(&self) -> [RawFd; 3] {
        match self {
            ChildEnds::Pipes(pipes) => [pipes[0].as_raw_fd(), pipes[1].as_raw_fd(), pipes[2].as_raw_fd()],
            ChildEnds::Terminal(slave) => [slave.as_raw_fd(); 3],
        }
    }

    /// Makes the user the owner, so that the user's programs can reopen /dev/stderr and the terminal. The terminal's group stays.
    pub fn chown_to(&self, ids: Option<&Ids>) {
        let Some(ids) = ids.filter(|ids| ids.uid != 0) else { return };
        let group = if matches!(self, ChildEnds::Terminal(_)) { u32::MAX } else { ids.gid };
        for fd in self.fds() {
            let _ = open::set_owner_of(fd, ids.uid, group);
        }
    }
}

impl Stdio {
    pub fn open(tty: Option<Size>) -> Answer<(Stdio, ChildEnds)> {
        let opened = match tty {
            Some(size) => terminal(size),
            None => pipes(),
        };
        opened.map_err(|error| Refusal::io(if tty.is_some() { "terminal" } else { "pipe" }, &error))
    }
}

fn pipes() -> io::Result<(Stdio, ChildEnds)> {
    let (their_input, input) = poll::pipe()?;
    let (output, their_output) = poll::pipe()?;
    let (errors, their_errors) = poll::pipe()?;
    for pipe in [&input, &output, &errors] {
        poll::set_nonblocking(pipe)?;
    }
    let stdio = Stdio { input, outputs: vec![(1, output), (2, errors)], terminal: None };
    Ok((stdio, ChildEnds::Pipes([their_input, their_output, their_errors])))
}

fn terminal(size: Size) -> io::Result<(Stdio, ChildEnds)> {
    let (master, slave) = tty::open_pty(size.cols, size.rows)?;
    poll::set_nonblocking(&master)?;
    let stdio = Stdio { input: master.try_clone()?, outputs: vec![(1, master.try_clone()?)], terminal: Some(master) };
    Ok((stdio, ChildEnds::Terminal(slave)))
}
