//! Service managers of users, `user@UID.service`: what a login gets from pam_systemd(8), for commands that are not logins.

use super::manager::{Manager, SOCKET};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Maximum time to wait until the system has started.
const STARTUP: Duration = Duration::from_secs(15 * 60);
/// Folders of units; the first one that has a unit wins: systemd.unit(5).
const UNITS: [&str; 3] = ["/etc/systemd", "/usr/lib/systemd", "/lib/systemd"];
/// Folders of PAM modules. Without pam_systemd a user's manager ends at once, because XDG_RUNTIME_DIR is not set.
const MODULES: [&str; 5] =
    ["/usr/lib/x86_64-linux-gnu/security", "/lib/x86_64-linux-gnu/security", "/usr/lib64/security", "/lib64/security", "/usr/lib/security"];

/// The user's XDG_RUNTIME_DIR.
pub fn folder(uid: u32) -> PathBuf {
    PathBuf::from(format!("/run/user/{uid}"))
}

/// Socket of the user's D-Bus session bus.
pub fn bus(uid: u32) -> PathBuf {
    folder(uid).join("bus")
}

fn socket(uid: u32) -> PathBuf {
    folder(uid).join("systemd/private")
}

/// Whether the user's manager has created its socket.
pub fn is_running(uid: u32) -> bool {
    socket(uid).exists()
}

/// The image has everything that user managers need, and its systemd listens.
pub fn can_run() -> bool {
    Path::new(SOCKET).exists() && can_run_in(Path::new("/"))
}

fn can_run_in(root: &Path) -> bool {
    let units = ["system/user@.service", "system/systemd-logind.service"];
    let module = |folder: &&str| below(root, folder).join("pam_systemd.so").exists();
    units.into_iter().all(|unit| has_unit(root, unit)) && MODULES.iter().any(|folder| module(&folder))
}

/// Whether a manager listens on its user's bus socket as soon as it has started.
pub fn has_bus() -> bool {
    has_unit(Path::new("/"), "user/dbus.socket")
}

/// False for a masked unit, which is a link to /dev/null, or an empty file.
fn has_unit(root: &Path, unit: &str) -> bool {
    let found = UNITS.iter().find_map(|folder| fs::metadata(below(root, folder).join(unit)).ok());
    found.is_some_and(|metadata| metadata.is_file() && metadata.len() > 0)
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// logind stops a manager when its user's last login ends, but the agent's commands are not logins: logind.conf(5). To be called before
/// systemd runs.
pub fn disable_stop_on_logout() -> io::Result<()> {
    let folder = "/run/systemd/logind.conf.d";
    fs::create_dir_all(folder)?;
    fs::write(format!("{folder}/banger.conf"), "[Login]\nUserStopDelaySec=infinity\n")
}

/// Starts a user's manager and waits until its default.target is reached. False: the system is still starting.
pub fn start(uid: u32, timeout: Duration) -> io::Result<bool> {
    let mut system = Manager::connect_to(Path::new(SOCKET), timeout)?;
    if !has_started(&system.state()?) {
        return Ok(false);
    }
    let unit = format!("user@{uid}.service");
    if let Err(error) = system.start(&unit) {
        // nobody requested this unit, so its failure must not make the system "degraded"
        let _ = system.reset_failed(&unit);
        return Err(error);
    }
    // the unit counts as started when the manager's basic.target is reached
    Manager::connect_to(&socket(uid), timeout)?.start("default.target")?;
    Ok(true)
}

/// Waits until the system has started, then does the same.
pub fn start_after_startup(uid: u32, timeout: Duration) -> io::Result<bool> {
    let mut system = Manager::connect_to(Path::new(SOCKET), STARTUP)?;
    if !has_started(&system.state()?) {
        system.wait_for_startup()?;
    }
    start(uid, timeout)
}

/// `state`: as of `systemctl is-system-running`. While the system is starting, waiting for another unit could deadlock.
fn has_started(state: &str) -> bool {
    !matches!(state, "initializing" | "starting")
}

/// Removes and sets variables of root's user services that start from now on, if root's manager runs.
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
    fn an_image_without_logind_or_pam_systemd_has_no_user_managers() {
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
