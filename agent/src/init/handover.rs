//! What PID 1 becomes: the image's own init, or a small one of ours.

use super::end_in_order;
use crate::sys::power::Power;
use crate::sys::{process, signal};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Found in the image before the root was entered.
pub struct Init {
    /// `systemd`, `none`, or the program's name
    pub name: String,
    path: Option<&'static str>,
}

/// A halted VM would burn a CPU for ever: halting powers it off (systemd-halt.service(8)).
const HALT_DROP_IN: (&str, &str) = ("/run/systemd/system/systemd-halt.service.d/banger.conf", "[Unit]\nSuccessAction=poweroff-force\n");

impl Init {
    pub fn of(root: &Path, wanted: bool) -> Init {
        let none = Init { name: "none".to_string(), path: None };
        if !wanted {
            return none;
        }
        let exists = |path: &str| fs::symlink_metadata(root.join(path)).is_ok();
        let is_systemd = exists("usr/lib/systemd/systemd") || exists("lib/systemd/systemd");
        match (exists("sbin/init") || exists("usr/sbin/init"), is_systemd) {
            (true, true) => Init { name: "systemd".to_string(), path: Some("/sbin/init") },
            (true, false) => {
                let target = fs::read_link(root.join("sbin/init")).unwrap_or_default();
                let name = target.file_name().map_or("init".into(), |name| name.to_string_lossy().into_owned());
                Init { name, path: Some("/sbin/init") }
            }
            (false, true) => Init { name: "systemd".to_string(), path: Some("/lib/systemd/systemd") },
            (false, false) => none,
        }
    }
}

/// Never comes back.
pub fn run(init: Init) -> ! {
    if let Some(path) = init.path {
        if init.name == "systemd" {
            let (file, text) = HALT_DROP_IN;
            let _ = fs::create_dir_all(Path::new(file).parent().unwrap_or(Path::new("/run")));
            let _ = fs::write(file, text);
        }
        let error = Command::new(path).env_clear().env("TERM", "linux").exec();
        super::say(&format!("{path}: {error}; going on without it"));
    }
    reap_for_ever()
}

/// As busybox's init: SIGUSR1 halts, SIGUSR2 powers off, SIGTERM reboots; and systemd's real-time signals.
fn reap_for_ever() -> ! {
    let rt = signal::SIGRTMIN;
    let all = [libc::SIGCHLD, libc::SIGUSR1, libc::SIGUSR2, libc::SIGTERM, libc::SIGINT, rt + 4, rt + 5];
    signal::block(&all);
    process::reap_all();
    loop {
        match signal::wait_for(&all, None) {
            Some(libc::SIGUSR1 | libc::SIGUSR2) => end_in_order(Power::Off),
            Some(libc::SIGTERM | libc::SIGINT) => end_in_order(Power::Reboot),
            Some(number) if number == rt + 4 => end_in_order(Power::Off),
            Some(number) if number == rt + 5 => end_in_order(Power::Reboot),
            _ => process::reap_all(),
        }
    }
}

/// Any process beside PID 1 and kernel threads: those have no command line.
pub fn has_children() -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.parse::<u32>().ok()).unwrap_or(1);
        pid != 1 && fs::read(entry.path().join("cmdline")).is_ok_and(|line| !line.is_empty())
    })
}
