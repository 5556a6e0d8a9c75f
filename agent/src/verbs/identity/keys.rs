//! ssh keys, with owners and modes that StrictModes accepts (sshd_config(5)).

use super::files::{private_folder, replace};
use super::request::HostKey;
use crate::sys::signal;
use std::fs;
use std::io;
use std::path::Path;

/// Replaces root's authorized_keys.
pub fn authorize(root: &Path, keys: &[String]) -> io::Result<()> {
    let home = root.join("root");
    let folder = home.join(".ssh");
    for path in [&home, &folder] {
        private_folder(path, 0o700)?;
    }
    let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
    replace(&folder.join("authorized_keys"), lines.as_bytes(), 0o600)
}

/// Does nothing if the image has no /etc/ssh.
pub fn write_host_keys(root: &Path, keys: &[HostKey]) -> io::Result<()> {
    let folder = root.join("etc/ssh");
    if keys.is_empty() || !folder.is_dir() {
        return Ok(());
    }
    for key in keys {
        let path = folder.join(format!("ssh_host_{}_key", key.kind));
        replace(&path, with_newline(&key.private).as_bytes(), 0o600)?;
        replace(&path.with_extension("pub"), with_newline(&key.public).as_bytes(), 0o644)?;
    }
    Ok(())
}

/// A running sshd daemon has read its keys already and gets SIGHUP. One that a socket unit starts per connection needs nothing.
pub fn reload_sshd() {
    let Some(pid) = fs::read_to_string("/run/sshd.pid").ok().and_then(|text| text.trim().parse::<i32>().ok()) else {
        return;
    };
    if pid > 1 && fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "sshd") {
        let _ = signal::kill(pid, libc::SIGHUP);
    }
}

fn with_newline(text: &str) -> String {
    format!("{}\n", text.trim_end())
}
