//! Renaming, resolving and expanding paths.

use super::replies::{Code, Status};
use crate::sys::path::rename_if_free;
use crate::users;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Links that are followed at most, as in the kernel (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Renames; fails if `to` exists.
pub fn rename(from: &Path, to: &Path) -> Result<(), Status> {
    let renamed = match rename_if_free(from, to) {
        // a file system that cannot check it in the same step
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) && fs::symlink_metadata(to).is_err() => fs::rename(from, to),
        other => other,
    };
    Ok(renamed?)
}

/// The absolute path without links. Its last part need not exist.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return other,
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(ErrorKind::NotFound.into()) };
        let parent = fs::canonicalize(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?;
        let inside = parent.join(name);
        match fs::read_link(&inside) {
            // a link whose target does not exist
            Ok(target) => path = parent.join(target),
            Err(_) => return Ok(inside),
        }
    }
    Err(io::Error::from_raw_os_error(libc::ELOOP))
}

/// Replaces a `~` or `~user` at the start by that home, as a shell does; then resolves the path.
pub fn expand(path: &[u8]) -> Result<PathBuf, Status> {
    let resolved = |path: PathBuf| Ok(resolve(&path)?);
    let Some(rest) = path.strip_prefix(b"~") else {
        return resolved(OsStr::from_bytes(if path.is_empty() { b"." } else { path }).into());
    };
    let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    let home = match &rest[..end] {
        b"" => std::env::var_os("HOME").map_or_else(|| "/".into(), PathBuf::from),
        name => home_of(name).ok_or_else(|| Status::new(Code::NoSuchFile, "No such user"))?,
    };
    resolved(home.join(without_slashes(&rest[end..])))
}

fn home_of(name: &[u8]) -> Option<PathBuf> {
    let user = users::find(name).ok().filter(|user| user.name == name)?;
    Some(OsStr::from_bytes(&user.home).into())
}

/// A path is relative when it begins below the home.
fn without_slashes(path: &[u8]) -> &OsStr {
    let first = path.iter().position(|byte| *byte != b'/').unwrap_or(path.len());
    OsStr::from_bytes(&path[first..])
}
