//! The machine-id, and the journal files that are named after it.

use super::files::replace;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const MACHINE_ID: &str = "etc/machine-id";
/// On most systems a link to the former.
const DBUS: &str = "var/lib/dbus/machine-id";
const JOURNALS: [&str; 2] = ["run/log/journal", "var/log/journal"];
const SEED: &str = "var/lib/systemd/random-seed";

/// The machine-id that the guest has now.
pub fn current_id(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join(MACHINE_ID)).ok()?;
    Some(text.trim().to_string()).filter(|id| super::request::is_machine_id(id))
}

/// Writes the machine-id, also for D-Bus if its file is not a link.
pub fn write(root: &Path, id: &str) -> io::Result<()> {
    let line = format!("{id}\n");
    replace(&root.join(MACHINE_ID), line.as_bytes(), 0o444)?;
    let dbus = root.join(DBUS);
    if fs::symlink_metadata(&dbus).is_ok_and(|metadata| metadata.is_file()) {
        replace(&dbus, line.as_bytes(), 0o644)?;
    }
    Ok(())
}

/// Renames the journal folder to the new machine-id, so that journalctl, which reads only that one, still finds the earlier entries.
pub fn refile_journal(root: &Path, before: &str, id: &str) -> io::Result<()> {
    for folder in JOURNALS.map(|folder| root.join(folder)) {
        match fs::rename(folder.join(before), folder.join(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

/// Sets aside the files that a running journald writes to, so that the next journald does not append to files of another machine-id.
/// A journald that rotates meanwhile does so under the old machine-id; those files are moved, too.
pub fn close_journal(root: &Path, before: &str, id: &str) {
    for folder in JOURNALS.map(|folder| root.join(folder)) {
        let target = folder.join(id);
        for source in [folder.join(before), target.clone()] {
            for item in fs::read_dir(&source).into_iter().flatten().flatten() {
                let _ = fs::rename(item.path(), target.join(closed_name(&item.file_name().to_string_lossy())));
            }
        }
        if before != id {
            let _ = fs::remove_dir(folder.join(before));
        }
    }
}

/// journald's name for a file that was not closed properly.
fn closed_name(name: &str) -> String {
    match name.strip_suffix(".journal") {
        Some(stem) if !stem.contains('@') => format!("{stem}@{}.journal~", timestamp()),
        _ => name.to_string(),
    }
}

/// Microseconds since 1970 and a random number, in journald's format.
fn timestamp() -> String {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros() as u64);
    let mut number = [0; 8];
    let _ = crate::sys::random::fill(&mut number);
    format!("{micros:016x}-{:016x}", u64::from_ne_bytes(number))
}

/// Writes a new random seed for the next boot, if the image has systemd's folder for it.
pub fn renew_seed(root: &Path) -> io::Result<()> {
    let path = root.join(SEED);
    if !path.parent().is_some_and(Path::is_dir) {
        return Ok(());
    }
    let mut seed = [0; 512];
    crate::sys::random::fill(&mut seed)?;
    replace(&path, &seed, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempFolder;

    #[test]
    fn machine_ids_seeds_and_journals_change_and_missing_folders_are_not_created() {
        let root = TempFolder::new("machine");
        let (old, new) = ("0".repeat(32), "f".repeat(32));
        assert_eq!(current_id(&root), None);
        write(&root, &old).unwrap();
        renew_seed(&root).unwrap();
        assert!(!root.join("var").exists());
        let journal = root.join("var/log/journal").join(&old);
        fs::create_dir_all(&journal).unwrap();
        fs::write(journal.join("system.journal"), "past").unwrap();
        fs::create_dir_all(root.join("var/lib/dbus")).unwrap();
        fs::write(root.join(DBUS), "old\n").unwrap();
        fs::create_dir_all(root.join("var/lib/systemd")).unwrap();
        assert_eq!(current_id(&root), Some(old.clone()));
        write(&root, &new).unwrap();
        refile_journal(&root, &old, &new).unwrap();
        renew_seed(&root).unwrap();
        let first = fs::read(root.join(SEED)).unwrap();
        renew_seed(&root).unwrap();
        let second = fs::read(root.join(SEED)).unwrap();
        assert!(first.len() == 512 && second.len() == 512 && first != second);
        assert_eq!(fs::read_to_string(root.join(DBUS)).unwrap(), format!("{new}\n"));
        assert_eq!(fs::read_to_string(root.join("var/log/journal").join(&new).join("system.journal")).unwrap(), "past");
        assert!(!journal.exists());
        fs::create_dir_all(&journal).unwrap();
        fs::write(journal.join("system.journal"), "written meanwhile").unwrap();
        close_journal(&root, &old, &new);
        assert!(!journal.exists());
        let names: Vec<String> = fs::read_dir(root.join("var/log/journal").join(&new))
            .unwrap()
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(names.len() == 2 && names.iter().all(|name| name.len() == "system@.journal~".len() + 33), "{names:?}");
    }
}
