//! ssh's keys, with owners and modes that StrictModes takes.

use super::files::{private_folder, replace, replace_if_other};
use super::request::HostKey;
use crate::sys::process;
use std::io;
use std::os::unix::fs::{chown, MetadataExt};
use std::path::Path;

pub fn authorize(root: &Path, keys: &[String]) -> io::Result<()> {
    let home = root.join("root");
    let folder = home.join(".ssh");
    for path in [&home, &folder] {
        private_folder(path, 0o700)?;
        owned_by_root(path)?;
    }
    let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
    replace(&folder.join("authorized_keys"), lines.as_bytes(), 0o600)
}

/// An image may leave `/root` to anyone.
fn owned_by_root(path: &Path) -> io::Result<()> {
    let metadata = std::fs::metadata(path)?;
    if process::uid() == 0 && (metadata.uid(), metadata.gid()) != (0, 0) {
        chown(path, Some(0), Some(0))?;
    }
    Ok(())
}

/// Where the image has no sshd nobody would read them.
pub fn write_host_keys(root: &Path, keys: &[HostKey]) -> io::Result<()> {
    let folder = root.join("etc/ssh");
    if !folder.is_dir() {
        return Ok(());
    }
    for key in keys {
        let path = folder.join(format!("ssh_host_{}_key", key.kind));
        replace_if_other(&path, line_end(&key.private).as_bytes(), 0o600)?;
        replace_if_other(&path.with_extension("pub"), line_end(&key.public).as_bytes(), 0o644)?;
    }
    Ok(())
}

fn line_end(text: &str) -> String {
    format!("{}\n", text.trim_end())
}
