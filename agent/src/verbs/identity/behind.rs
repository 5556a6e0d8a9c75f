//! What an identity leaves for later: slow, and of no use to a command that is over in a second.

use super::environment::{self, Variables};
use super::journal::{Held, Wake};
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
const PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at whether a newer generation waits in this one's place.
const LOOK: Duration = Duration::from_secs(60);
const JOURNALD: &str = "systemd-journald.service";

/// What is still to be done.
#[derive(Default)]
pub struct Behind {
    /// the machine's number before, which journald files by
    journald: Option<String>,
    reload: bool,
    /// what root's own manager has
    environment: Option<Variables>,
}

impl Behind {
    /// journald knows the machine and its boot by numbers that it read when it started.
    pub fn renumbered(&mut self, before: String) {
        self.journald.get_or_insert(before);
    }

    /// systemd has variables from its configuration that are no longer there.
    pub fn reconfigured(&mut self) {
        self.reload = true;
    }

    /// Root's manager, in a machine that was copied, has those of the machine before.
    pub fn changed_environment(&mut self, before: Variables) {
        self.environment.get_or_insert(before);
    }
}

/// Comes back when all is done, or when a newer generation does it.
pub fn run(guest: &Guest, generation: u64) {
    let held = lock(&guest.identity).journal.clone();
    match &held {
        None => thread::sleep(PAUSE),
        // who says something need not wait for more than a start
        Some(held) => tell("journald", held.wait(Some(PAUSE)).map(drop)),
    }
    let mut in_force = lock(&guest.identity);
    if guest.generation() != generation {
        return;
    }
    let todo = std::mem::take(&mut in_force.behind);
    let variables = in_force.environment.clone().unwrap_or_default();
    tell("IPv6", in_force.interface.renew_ipv6());
    tell("boot id", in_force.boot_id.unveil());
    drop(in_force);
    if guest.init == "systemd" && todo.reload {
        tell("systemd", Manager::connect().and_then(Manager::reload));
    }
    if let Some(before) = &todo.environment {
        tell("root's services", environment::tell_manager_of_root(before, &variables));
    }
    let root = Path::new("/");
    let now = machine::present(root);
    match (held, todo.journald, now) {
        (Some(held), before, now) => tell("journald", succeed(guest, generation, &held, before.or(now.clone()), now)),
        (None, Some(before), Some(now)) if guest.init == "systemd" => {
            machine::close_journal(root, &before, &now);
            tell("journald", Manager::connect().and_then(|manager| manager.restart(JOURNALD)));
        }
        _ => {}
    }
}

/// Waits until something is said to a journald that stands still, and has another take its place. A machine whose number has been
/// taken away keeps its files as they are.
fn succeed(guest: &Guest, generation: u64, held: &Held, before: Option<String>, now: Option<String>) -> io::Result<()> {
    loop {
        // one that can't be watched must not stand still for ever
        let wake = held.wait(Some(LOOK)).unwrap_or(Wake::Said);
        let mut in_force = lock(&guest.identity);
        if guest.generation() != generation {
            return Ok(());
        }
        if wake == Wake::Late {
            continue;
        }
        in_force.journal = None;
        if wake == Wake::Ended {
            return Ok(());
        }
        if let (Some(before), Some(now)) = (before, now) {
            machine::close_journal(Path::new("/"), &before, &now);
        }
        return held.end();
    }
}

fn tell(what: &str, result: io::Result<()>) {
    if let Err(error) = result {
        log(&format!("{what}: {error}"));
    }
}
