//! What an identity leaves for later: slow, and of no use to a command that is over in a second.

use super::environment::{self, Variables};
use super::journal::{PausedJournald, Wake};
use super::machine;
use crate::console::log;
use crate::guest::Guest;
use crate::session::lock;
use crate::systemd::Manager;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The first command of a machine has it for itself: a journald that starts takes a CPU as long as most commands do.
const START_DELAY: Duration = Duration::from_secs(1);
/// Between two looks at whether a newer generation waits in this one's place.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
const JOURNALD: &str = "systemd-journald.service";

/// What is still to be done.
#[derive(Default)]
pub struct Deferred {
    /// the machine's number before, which journald files by
    journald: Option<String>,
    reload: bool,
    /// what root's own manager has
    environment: Option<Variables>,
}

impl Deferred {
    /// journald knows the machine and its boot by numbers that it read when it started.
    pub fn restart_journald(&mut self, before: String) {
        self.journald.get_or_insert(before);
    }

    /// systemd has variables from its configuration that are no longer there.
    pub fn reload_systemd(&mut self) {
        self.reload = true;
    }

    /// Root's manager, in a machine that was copied, has those of the machine before.
    pub fn update_root_manager(&mut self, before: Variables) {
        self.environment.get_or_insert(before);
    }
}

/// Comes back when all is done, or when a newer generation does it.
pub fn run(guest: &Guest, generation: u64) {
    let paused = lock(&guest.identity).journal.clone();
    match &paused {
        None => thread::sleep(START_DELAY),
        // who says something need not wait for more than a start
        Some(paused) => log_failure("journald", paused.wait(Some(START_DELAY)).map(drop)),
    }
    let mut applied = lock(&guest.identity);
    if guest.generation() != generation {
        return;
    }
    let todo = std::mem::take(&mut applied.deferred);
    let variables = applied.environment.clone().unwrap_or_default();
    log_failure("IPv6", applied.interface.renew_ipv6());
    log_failure("boot id", applied.boot_id.unveil());
    drop(applied);
    if guest.init == "systemd" && todo.reload {
        log_failure("systemd", Manager::connect().and_then(Manager::reload));
    }
    if let Some(before) = &todo.environment {
        log_failure("root's services", environment::update_root_manager(before, &variables));
    }
    let root = Path::new("/");
    let now = machine::current_id(root);
    match (paused, todo.journald, now) {
        (Some(paused), before, now) => log_failure("journald", replace_journald(guest, generation, &paused, before.or(now.clone()), now)),
        (None, Some(before), Some(now)) if guest.init == "systemd" => {
            machine::close_journal(root, &before, &now);
            log_failure("journald", Manager::connect().and_then(|manager| manager.restart(JOURNALD)));
        }
        _ => {}
    }
}

/// Waits until something is said to a journald that stands still, and has another take its place. A machine whose number has been
/// taken away keeps its files as they are.
fn replace_journald(guest: &Guest, generation: u64, paused: &PausedJournald, before: Option<String>, now: Option<String>) -> io::Result<()> {
    loop {
        // one that can't be watched must not stand still for ever
        let wake = paused.wait(Some(CHECK_INTERVAL)).unwrap_or(Wake::Message);
        let mut applied = lock(&guest.identity);
        if guest.generation() != generation {
            return Ok(());
        }
        if wake == Wake::TimedOut {
            continue;
        }
        applied.journal = None;
        if wake == Wake::Ended {
            return Ok(());
        }
        if let (Some(before), Some(now)) = (before, now) {
            machine::close_journal(Path::new("/"), &before, &now);
        }
        return paused.end();
    }
}

fn log_failure(what: &str, result: io::Result<()>) {
    if let Err(error) = result {
        log(&format!("{what}: {error}"));
    }
}
