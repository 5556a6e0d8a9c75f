//! Programs that were started in sessions. A copy of a VM ends those of the original, because nobody reads their output.

use crate::session::{lock, Stream};
use crate::sys::{poll, process, signal};
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long to wait for killed processes to end.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);

/// The running programs of all sessions.
#[derive(Default)]
pub struct Running(Mutex<Vec<Program>>);

#[derive(Clone, Copy, PartialEq)]
struct Program {
    pid: i32,
    session: u64,
}

/// Registers a program. Drop it before the program is reaped, because the pid can be reused afterwards.
pub struct Entry {
    all: Arc<Running>,
    program: Program,
}

impl Running {
    pub fn add(self: &Arc<Self>, pid: i32, stream: &Stream) -> Entry {
        let program = Program { pid, session: stream.session };
        lock(&self.0).push(program);
        Entry { all: Arc::clone(self), program }
    }

    /// Kills the programs of all other sessions, with every process of their process sessions (setsid(2)), and waits for their end.
    pub fn end_others(&self, session: u64) {
        // while this is locked, none of them is reaped
        let programs = lock(&self.0);
        let others = programs.iter().filter(|program| program.session != session);
        let leaders: Vec<i32> = others.map(|program| program.pid).collect();
        if leaders.is_empty() {
            return;
        }
        let until = Instant::now() + KILL_TIMEOUT;
        for handle in kill_all(&leaders).values() {
            let _ = poll::readable(handle.as_raw_fd(), Some(until.saturating_duration_since(Instant::now())));
        }
    }
}

/// Repeats until it finds no new process: one may have forked just before it was killed.
fn kill_all(leaders: &[i32]) -> BTreeMap<i32, OwnedFd> {
    let mut killed = BTreeMap::new();
    loop {
        let before = killed.len();
        for pid in process::members_of(leaders) {
            let Ok(handle) = process::pidfd(pid) else { continue };
            // the pid may have been reused before the handle was opened
            if !killed.contains_key(&pid) && process::is_member(pid, leaders) {
                let _ = signal::kill_by(&handle, libc::SIGKILL);
                killed.insert(pid, handle);
            }
        }
        if killed.len() == before {
            return killed;
        }
    }
}

impl Entry {
    pub fn pid(&self) -> i32 {
        self.program.pid
    }

    /// The program now runs over the session of `stream`.
    pub fn move_to(&mut self, stream: &Stream) {
        let moved = Program { session: stream.session, ..self.program };
        for program in lock(&self.all.0).iter_mut().filter(|program| **program == self.program) {
            *program = moved;
        }
        self.program = moved;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.all.0).retain(|other| *other != self.program);
    }
}
