//! Work that an identity defers until after its REPLY: it is slow, and a short command does not need it.

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

/// Leaves the CPU to the VM's first command: starting journald costs as much CPU as most commands.
const START_DELAY: Duration = Duration::from_secs(1);
/// Time between two checks whether a newer generation has replaced this one.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
const JOURNALD: &str = "systemd-journald.service";

/// What remains to be done.
#[derive(Default)]
pub struct Deferred {
    /// restart journald; the previous machine-id, which its files are under
    journald: Option<String>,
    reload: bool,
    /// the variables that root's own service manager has
    environment: Option<Variables>,
}

impl Deferred {
    /// journald uses the machine-id and boot id that it read when it started. `before`: the previous machine-id.
    pub fn restart_journald(&mut self, before: String) {
        self.journald.get_or_insert(before);
    }

    /// systemd has variables from its configuration that were removed.
    pub fn reload_systemd(&mut self) {
        self.reload = true;
    }

    /// Root's service manager has the previous variables.
    pub fn update_root_manager(&mut self, before: Variables) {
        self.environment.get_or_insert(before);
    }
}

/// Returns when everything is done, or when a newer generation has taken it over.
pub fn run(guest: &Guest, generation: u64) {
    let paused = lock(&guest.identity).journal.clone();
    match &paused {
        None => thread::sleep(START_DELAY),
        // a message to journald ends the delay: its sender waits for journald to start
        Some(paused) => log_failure("journald", paused.wait(Some(START_DELAY)).map(drop)),
    }
    let mut applied = lock(&guest.identity);
    if guest.generation() != generation {
        return;
    }
    let todo = std::mem::take(&mut applied.deferred);
    let variables = applied.environment.clone().unwrap_or_default();
    log_failure("IPv6", applied.interface.renew_ipv6());
    log_failure("boot id", applied.boot_id.uncover_if_equal());
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

/// Waits for a message to the paused journald and then lets another one take its place. Without a machine-id the journal files stay
/// as they are.
fn replace_journald(guest: &Guest, generation: u64, paused: &PausedJournald, before: Option<String>, now: Option<String>) -> io::Result<()> {
    loop {
        // if it can't be watched, replace it: it must not stay stopped for ever
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
