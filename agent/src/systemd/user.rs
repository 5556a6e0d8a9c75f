//! Managers of users, `user@UID.service`: what a login gets by way of pam_systemd(8), for commands that are no logins.

use super::manager::{Manager, SOCKET};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A machine that starts slower than this is not waited for.
const STARTUP: Duration = Duration::from_secs(15 * 60);
/// The first that has a unit decides: systemd.unit(5).
const UNITS: [&str; 3] = ["/etc/systemd", "/usr/lib/systemd", "/lib/systemd"];
/// Where distributions keep PAM's modules; without that one a user's manager ends at once, for want of XDG_RUNTIME_DIR.
const MODULES: [&str; 5] =
    ["/usr/lib/x86_64-linux-gnu/security", "/lib/x86_64-linux-gnu/security", "/usr/lib64/security", "/lib64/security", "/usr/lib/security"];

/// XDG_RUNTIME_DIR
pub fn folder(uid: u32) -> PathBuf {
    PathBuf::from(format!("/run/user/{uid}"))
}

/// The bus that user's programs find each other on.
pub fn bus(uid: u32) -> PathBuf {
    folder(uid).join("bus")
}

fn socket(uid: u32) -> PathBuf {
    folder(uid).join("systemd/private")
}

pub fn is_running(uid: u32) -> bool {
    socket(uid).exists()
}

/// The image has what it takes, and its systemd listens.
pub fn can_run() -> bool {
    Path::new(SOCKET).exists() && can_run_in(Path::new("/"))
}

fn can_run_in(root: &Path) -> bool {
    let units = ["system/user@.service", "system/systemd-logind.service"];
    let module = |folder: &&str| below(root, folder).join("pam_systemd.so").exists();
    units.into_iter().all(|unit| has_unit(root, unit)) && MODULES.iter().any(|folder| module(&folder))
}

/// Each manager listens for its user's bus from its start on.
pub fn has_bus() -> bool {
    has_unit(Path::new("/"), "user/dbus.socket")
}

/// A masked unit is a link to /dev/null, or empty.
fn has_unit(root: &Path, unit: &str) -> bool {
    let found = UNITS.iter().find_map(|folder| fs::metadata(below(root, folder).join(unit)).ok());
    found.is_some_and(|metadata| metadata.is_file() && metadata.len() > 0)
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// logind ends a manager when its user's last login is over. Ours belong to no login: logind.conf(5). Before systemd runs.
pub fn disable_stop_on_logout() -> io::Result<()> {
    let folder = "/run/systemd/logind.conf.d";
    fs::create_dir_all(folder)?;
    fs::write(format!("{folder}/banger.conf"), "[Login]\nUserStopDelaySec=infinity\n")
}

/// Waits until a manager has started all that it starts by itself. False: the machine has not started yet.
pub fn start(uid: u32, timeout: Duration) -> io::Result<bool> {
    let mut system = Manager::connect_to(Path::new(SOCKET), timeout)?;
    if !has_started(&system.state()?) {
        return Ok(false);
    }
    let unit = format!("user@{uid}.service");
    if let Err(error) = system.start(&unit) {
        // the machine is not degraded for what nobody has asked for
        let _ = system.reset_failed(&unit);
        return Err(error);
    }
    // it says that it is ready when its basic.target is reached
    Manager::connect_to(&socket(uid), timeout)?.start("default.target")?;
    Ok(true)
}

/// The same, once the machine has started.
pub fn start_after_startup(uid: u32, timeout: Duration) -> io::Result<bool> {
    let mut system = Manager::connect_to(Path::new(SOCKET), STARTUP)?;
    if !has_started(&system.state()?) {
        system.wait_for_startup()?;
    }
    start(uid, timeout)
}

/// `systemctl is-system-running`: what starts before that must not wait for what starts now.
fn has_started(state: &str) -> bool {
    !matches!(state, "initializing" | "starting")
}

/// Variables of root's services that start from now on, where its manager runs.
pub fn change_root_environment<'a>(
    unset: impl IntoIterator<Item = &'a str>,
    set: impl IntoIterator<Item = &'a str>,
) -> io::Result<()> {
    match Manager::connect_to(&socket(0), Duration::from_secs(3)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other?.change_environment(unset, set),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempFolder;

    #[test]
    fn a_machine_without_logind_or_pam_systemd_has_no_managers() {
        let root = TempFolder::new("user");
        let units = root.join("lib/systemd/system");
        let modules = root.join("usr/lib64/security");
        for folder in [&units, &modules, &root.join("etc/systemd/system")] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(units.join("user@.service"), "[Service]\n").unwrap();
        fs::write(modules.join("pam_systemd.so"), "x").unwrap();
        assert!(!can_run_in(&root), "no logind");
        fs::write(units.join("systemd-logind.service"), "[Service]\n").unwrap();
        assert!(can_run_in(&root));
        std::os::unix::fs::symlink("/dev/null", root.join("etc/systemd/system/systemd-logind.service")).unwrap();
        assert!(!can_run_in(&root), "logind is masked");
        fs::remove_dir_all(root.join("etc")).unwrap();
        fs::remove_file(modules.join("pam_systemd.so")).unwrap();
        assert!(!can_run_in(&root), "no module");
    }
}
