//! A user's runtime folder, manager and bus, so that `systemctl --user` works in a command as it does in a
//! login (pam_systemd(8)).
//!
//! A user's manager is started for the user's first command, which waits for it, as a login would. Root's first command of a machine
//! does not: it is what everybody waits for. In a machine that is to be copied it does, so that copies have the manager already.

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

/// For a manager to start; an emulated machine takes two seconds or three. Less than the 30 s that the host gives `exec` to begin.
const START_TIMEOUT: Duration = Duration::from_secs(25);
/// In a machine that is to be copied the host gives it 60 s.
const TEMPLATE_START_TIMEOUT: Duration = Duration::from_secs(50);
/// The first command of a machine has it for itself.
const START_DELAY: Duration = Duration::from_secs(1);

/// What became of starting a user's manager, where that is not that it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attempt {
    /// somebody sees to it
    InProgress,
    Failed,
}

/// By the user's number.
#[derive(Clone, Default)]
pub struct Attempts(Arc<Mutex<BTreeMap<u32, Attempt>>>);

impl Attempts {
    /// What failed in another machine may go well in its copy.
    pub fn forget(&self) {
        lock(&self.0).clear();
    }

    fn get(&self, uid: u32) -> Option<Attempt> {
        lock(&self.0).get(&uid).copied()
    }

    /// True: nobody else has begun.
    fn begin(&self, uid: u32) -> bool {
        lock(&self.0).insert(uid, Attempt::InProgress) != Some(Attempt::InProgress)
    }

    /// `outcome`: as `user::start` tells it. What can be tried again is forgotten. True: it runs, or is still starting.
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
            // systemd has bound its socket and does not listen yet
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
    /// the image has systemd, with managers for users, and it listens
    can_run: bool,
    may_log_in: bool,
    attempt: Option<Attempt>,
    is_root: bool,
    is_template: bool,
}

#[derive(Debug, PartialEq)]
enum Step {
    /// there is no session, and will be none
    Nothing,
    Use,
    StartAndWait,
    /// the folder will be there soon
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

/// What a command of that user gets into its environment.
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
        // two first commands at once ask for the same job, and both wait for it
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
    fn a_manager_that_runs_is_used_whatever_became_of_ours() {
        for attempt in [None, Some(Attempt::InProgress), Some(Attempt::Failed)] {
            assert_eq!(decide(Facts { is_running: true, can_run: false, may_log_in: false, attempt, ..FIRST }), Step::Use);
        }
    }

    #[test]
    fn nothing_is_started_that_can_t_run_nor_twice_in_vain() {
        for is_root in [false, true] {
            let facts = Facts { is_root, ..FIRST };
            assert_eq!(decide(Facts { can_run: false, ..facts }), Step::Nothing);
            assert_eq!(decide(Facts { may_log_in: false, ..facts }), Step::Nothing);
            assert_eq!(decide(Facts { attempt: Some(Attempt::Failed), ..facts }), Step::Nothing);
        }
    }

    #[test]
    fn a_failure_is_kept_and_a_machine_that_still_starts_is_asked_again() {
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
    fn the_bus_is_named_where_there_is_one() {
        let folder = ("XDG_RUNTIME_DIR", "/run/user/7".to_string());
        let bus = ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/7/bus".to_string());
        assert_eq!(session_variables(7, true), [folder.clone(), bus]);
        assert_eq!(session_variables(7, false), [folder]);
    }
}
