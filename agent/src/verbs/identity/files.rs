//! Writing the guest's files.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// A file of its own in place of whatever was there, a link not followed. Its folder is made.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let make = || OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = match make() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            clear(path)?;
            make()?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            folder(path.parent().unwrap_or(path), 0o755)?;
            make()?
        }
        other => other?,
    };
    file.write_all(content)
}

/// An image may have a folder there.
fn clear(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(|error| match error.raw_os_error() {
        Some(libc::EISDIR) => fs::remove_dir_all(path),
        _ => Err(error),
    })
}

/// As `replace`, but a file that holds this already is left alone: a copy-up costs more than a look.
pub fn replace_if_other(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    match fs::read(path) {
        Ok(present) if present == content => Ok(()),
        _ => replace(path, content, mode),
    }
}

/// Missing is fine.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

pub fn folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// A folder with this mode, made or changed.
pub fn private_folder(path: &Path, mode: u32) -> io::Result<()> {
    folder(path, mode)?;
    let now = fs::metadata(path)?.permissions().mode() & 0o7777;
    if now != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(())
}
