//! A user's runtime folder, service manager and bus, so that `systemctl --user` works in a command as it does in a
//! login (pam_systemd(8)).
//!
//! A user's first command starts the user's manager and waits for it, as a login would. Root's first command does not wait, because
//! it decides how fast a VM starts. In a template it does wait, so that copies have the manager already.

use crate::console::log;
use crate::guest::Guest;
use crate::session::lock;
use crate::systemd::user;
use crate::users::User;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Time for a manager to start; under emulation it takes 2 or 3 s. Less than the 30 s that the host gives `exec` to begin.
const START_TIMEOUT: Duration = Duration::from_secs(25);
/// The same in a template, where the host gives `exec` 60 s.
const TEMPLATE_START_TIMEOUT: Duration = Duration::from_secs(50);
/// Leaves the CPU to the VM's first command for this long.
const START_DELAY: Duration = Duration::from_secs(1);

/// State of an attempt to start a user's manager that has not succeeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attempt {
    /// a thread is starting it
    InProgress,
    Failed,
}

/// Attempts by uid.
#[derive(Clone, Default)]
pub struct Attempts(Arc<Mutex<BTreeMap<u32, Attempt>>>);

impl Attempts {
    /// Forgets all attempts: what failed in the original can succeed in a copy.
    pub fn forget(&self) {
        lock(&self.0).clear();
    }

    fn get(&self, uid: u32) -> Option<Attempt> {
        lock(&self.0).get(&uid).copied()
    }

    /// True if no other thread is starting it.
    fn begin(&self, uid: u32) -> bool {
        lock(&self.0).insert(uid, Attempt::InProgress) != Some(Attempt::InProgress)
    }

    /// `outcome`: the result of `user::start`. An attempt that can be repeated is forgotten. True: the manager runs or is still starting.
    fn end(&self, uid: u32, outcome: std::io::Result<bool>) -> bool {
        let mut attempts = lock(&self.0);
        match outcome {
            Ok(runs) => {
                attempts.remove(&uid);
                runs
            }
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                attempts.remove(&uid);
                true
            }
            // systemd has bound its socket but does not listen yet
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                attempts.remove(&uid);
                false
            }
            Err(error) => {
                log(&format!("the manager of user {uid}: {error}"));
                attempts.insert(uid, Attempt::Failed);
                false
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Facts {
    is_running: bool,
    /// the image has systemd with user managers, and systemd listens
    can_run: bool,
    may_log_in: bool,
    attempt: Option<Attempt>,
    is_root: bool,
    is_template: bool,
}

#[derive(Debug, PartialEq)]
enum Step {
    /// there is no user session and there will be none
    Nothing,
    Use,
    StartAndWait,
    /// the runtime folder will exist soon
    StartInBackground,
}

fn decide(facts: Facts) -> Step {
    match facts {
        Facts { is_running: true, .. } => Step::Use,
        Facts { can_run: false, .. } | Facts { may_log_in: false, .. } => Step::Nothing,
        Facts { attempt: Some(Attempt::Failed), .. } => Step::Nothing,
        Facts { is_root: true, is_template: false, .. } => Step::StartInBackground,
        _ => Step::StartAndWait,
    }
}

/// Environment variables of the user session for a command of this user.
pub fn variables(user: &User, guest: &Guest) -> Vec<(&'static str, String)> {
    if !guest.is_vm() || guest.init != "systemd" {
        return Vec::new();
    }
    let uid = user.ids.uid;
    let is_running = user::is_running(uid);
    let step = decide(Facts {
        is_running,
        can_run: !is_running && user::can_run(),
        may_log_in: user.may_log_in(),
        attempt: guest.user_managers.get(uid),
        is_root: uid == 0,
        is_template: guest.is_template(),
    });
    let attempts = &guest.user_managers;
    match step {
        Step::Nothing => Vec::new(),
        Step::Use => session_variables(uid, user::bus(uid).exists()),
        Step::StartInBackground => {
            start_in_background(attempts, uid);
            session_variables(uid, user::has_bus())
        }
        // two concurrent first commands request the same job, and both wait for it
        Step::StartAndWait => {
            let timeout = if guest.is_template() { TEMPLATE_START_TIMEOUT } else { START_TIMEOUT };
            attempts.begin(uid);
            match attempts.end(uid, user::start(uid, timeout)) {
                true => session_variables(uid, user::bus(uid).exists() || user::has_bus()),
                false => Vec::new(),
            }
        }
    }
}

fn start_in_background(attempts: &Attempts, uid: u32) {
    if !attempts.begin(uid) {
        return;
    }
    let attempts_of_thread = attempts.clone();
    let start = move || {
        thread::sleep(START_DELAY);
        attempts_of_thread.end(uid, user::start_after_startup(uid, START_TIMEOUT));
    };
    if let Err(error) = thread::Builder::new().stack_size(64 * 1024).spawn(start) {
        attempts.end(uid, Err(error));
    }
}

fn session_variables(uid: u32, has_bus: bool) -> Vec<(&'static str, String)> {
    let mut variables = vec![("XDG_RUNTIME_DIR", user::folder(uid).display().to_string())];
    if has_bus {
        variables.push(("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", user::bus(uid).display())));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Facts =
        Facts { is_running: false, can_run: true, may_log_in: true, attempt: None, is_root: false, is_template: false };

    #[test]
    fn a_users_first_command_waits_and_roots_does_not() {
        assert_eq!(decide(FIRST), Step::StartAndWait);
        assert_eq!(decide(Facts { is_root: true, ..FIRST }), Step::StartInBackground);
        assert_eq!(decide(Facts { is_root: true, is_template: true, ..FIRST }), Step::StartAndWait);
    }

    #[test]
    fn a_running_manager_is_used_whatever_happened_to_our_attempt() {
        for attempt in [None, Some(Attempt::InProgress), Some(Attempt::Failed)] {
            assert_eq!(decide(Facts { is_running: true, can_run: false, may_log_in: false, attempt, ..FIRST }), Step::Use);
        }
    }

    #[test]
    fn a_manager_that_cannot_run_or_has_failed_is_not_started() {
        for is_root in [false, true] {
            let facts = Facts { is_root, ..FIRST };
            assert_eq!(decide(Facts { can_run: false, ..facts }), Step::Nothing);
            assert_eq!(decide(Facts { may_log_in: false, ..facts }), Step::Nothing);
            assert_eq!(decide(Facts { attempt: Some(Attempt::Failed), ..facts }), Step::Nothing);
        }
    }

    #[test]
    fn a_failure_is_remembered_and_a_starting_system_is_asked_again() {
        let attempts = Attempts::default();
        assert!(attempts.begin(1) && !attempts.begin(1));
        assert!(!attempts.end(1, Ok(false)) && attempts.get(1).is_none());
        assert!(attempts.begin(1) && attempts.end(1, Ok(true)) && attempts.get(1).is_none());
        assert!(attempts.begin(1) && attempts.end(1, Err(ErrorKind::WouldBlock.into())) && attempts.get(1).is_none());
        assert!(attempts.begin(1) && !attempts.end(1, Err(ErrorKind::ConnectionRefused.into())) && attempts.get(1).is_none());
        assert!(attempts.begin(1) && !attempts.end(1, Err(ErrorKind::Other.into())));
        assert_eq!(attempts.get(1), Some(Attempt::Failed));
        attempts.forget();
        assert_eq!(attempts.get(1), None);
    }

    #[test]
    fn the_bus_variable_is_set_only_if_there_is_a_bus() {
        let folder = ("XDG_RUNTIME_DIR", "/run/user/7".to_string());
        let bus = ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/7/bus".to_string());
        assert_eq!(session_variables(7, true), [folder.clone(), bus]);
        assert_eq!(session_variables(7, false), [folder]);
    }
}
