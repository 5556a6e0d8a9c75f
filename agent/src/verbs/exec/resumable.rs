//! Programs that outlive their connection. When the connection is lost, the program is parked: its output is not read and its input is
//! not written until a host with the token resumes it or the time limit expires.

use super::pump::Pump;
use super::token::Token;
use crate::session::{lock, Stream};
use crate::wire::json::{Answer, Refusal};
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Resumable programs at once; any more end with their connection. Each retains up to 1 MiB of output.
const MAX: usize = 16;
/// How long a parked program waits for its host. A daemon that does not start within 30 s has failed.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// Time between losing a stream and being parked: the thread may be blocked writing to a connection.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(5);

/// The resumable programs, by token.
pub struct Resumable {
    programs: Mutex<HashMap<Token, Program>>,
    changed: Condvar,
    time_limit: Duration,
}

impl Default for Resumable {
    fn default() -> Self {
        Resumable::with_time_limit(TIME_LIMIT)
    }
}

struct Program {
    /// the current stream or, of a parked program, the last one
    stream: Arc<Stream>,
    parked: Option<Pump>,
    /// started before the VM was copied: must not be resumed in this copy
    is_invalid: bool,
}

/// Registers a program as resumable until dropped.
pub struct Ticket {
    all: Arc<Resumable>,
    token: Token,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.all.programs).remove(&self.token);
        self.all.changed.notify_all();
    }
}

fn gone() -> Refusal {
    Refusal::new("gone", "no such program")
}

impl Resumable {
    pub fn with_time_limit(time_limit: Duration) -> Resumable {
        Resumable { programs: Mutex::default(), changed: Condvar::new(), time_limit }
    }

    /// None if there are too many, or the token is in use.
    pub fn admit(self: &Arc<Self>, token: Token, stream: &Arc<Stream>) -> Option<Ticket> {
        let mut programs = lock(&self.programs);
        if programs.len() >= MAX || programs.contains_key(&token) {
            return None;
        }
        programs.insert(token, Program { stream: Arc::clone(stream), parked: None, is_invalid: false });
        Some(Ticket { all: Arc::clone(self), token })
    }

    /// Parks a program whose connection was lost until another stream takes it; returns it if the time limit expires first.
    pub fn park(&self, pump: Pump) -> Option<Pump> {
        let Some(token) = pump.ticket().map(|ticket| ticket.token) else { return Some(pump) };
        let until = Instant::now() + self.time_limit;
        let mut programs = lock(&self.programs);
        match programs.get_mut(&token) {
            Some(program) => program.parked = Some(pump),
            None => return Some(pump),
        }
        self.changed.notify_all();
        loop {
            let program = programs.get_mut(&token).filter(|program| program.parked.is_some())?;
            if program.is_invalid || Instant::now() >= until {
                return program.parked.take();
            }
            programs = self.wait(programs, until);
        }
    }

    /// Moves the program with this token to `stream`, away from a stream that it may still be on.
    pub fn take(&self, token: Token, stream: &Arc<Stream>, fits: impl Fn(&Pump) -> bool) -> Answer<Pump> {
        let until = Instant::now() + TAKEOVER_TIMEOUT;
        let mut programs = lock(&self.programs);
        loop {
            let program = programs.get_mut(&token).filter(|program| !program.is_invalid).ok_or_else(gone)?;
            if program.parked.as_ref().is_some_and(|pump| !fits(pump)) {
                return Err(Refusal::new("gone", "the missing output is no longer retained"));
            }
            if let Some(pump) = program.parked.take() {
                program.stream = Arc::clone(stream);
                self.changed.notify_all();
                return Ok(pump);
            }
            if Instant::now() >= until {
                return Err(Refusal::new("busy", "the program is still in use by another stream"));
            }
            program.stream.disconnect();
            programs = self.wait(programs, until);
        }
    }

    /// This VM is a copy: programs of the original's sessions can no longer be resumed.
    pub fn invalidate_others(&self, session: u64) {
        for program in lock(&self.programs).values_mut().filter(|program| program.stream.session != session) {
            program.is_invalid = true;
        }
        self.changed.notify_all();
    }

    fn wait<'a>(&self, programs: MutexGuard<'a, HashMap<Token, Program>>, until: Instant) -> MutexGuard<'a, HashMap<Token, Program>> {
        let left = until.saturating_duration_since(Instant::now());
        self.changed.wait_timeout(programs, left).unwrap_or_else(PoisonError::into_inner).0
    }
}
