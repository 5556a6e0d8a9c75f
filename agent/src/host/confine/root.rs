//! A root file system, in its own namespaces, that contains only the paths of a program.
//!
//! It does not use a process namespace. Entering one takes a fork, but the process that the daemon started must itself become the
//! program, since the daemon adopts, stops, limits and waits for it by its pid. The filter allows no call that affects another process, and there is no
//! `/proc`.

use crate::sys::landlock::Right;
use crate::sys::mount::unmount_lazily;
use crate::sys::namespaces::{self as ns, Limits};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the former root is mounted while the new one is set up.
const OLD: &str = "/.old";

/// Enters a root with these paths, each with its right; paths that do not exist are left out. The current folder keeps its path.
///
/// # Errors
/// Names the step that failed. The process may already be in some of the namespaces.
pub fn enter(rules: &[(Right, String)], own_network: bool) -> Result<(), String> {
    let folder = std::env::current_dir().map_err(|error| format!("current folder: {error}"))?;
    let network = if own_network { ns::CLONE_NEWNET } else { 0 };
    let kinds = ns::CLONE_NEWNS | ns::CLONE_NEWIPC | ns::CLONE_NEWUTS | network;
    // resolved here, because symbolic links would otherwise be followed in the new root
    let mut binds = resolve(rules)?;
    binds.sort_by(|a, b| a.target.cmp(b.target));
    ns::unshare(kinds).map_err(|error| format!("user namespace: {error}"))?;
    ns::enter_empty_root(OLD.trim_start_matches('/')).map_err(|error| format!("new root: {error}"))?;
    for bind in &binds {
        bind.mount().map_err(|error| format!("{}: {error}", bind.target))?;
    }
    leave_old().map_err(|error| format!("former root: {error}"))?;
    // if the current folder is not among the paths, start at the root
    std::env::set_current_dir(&folder).or_else(|_| std::env::set_current_dir("/")).map_err(|error| format!("{}: {error}", folder.display()))
}

struct Bind<'a> {
    right: Right,
    source: PathBuf,
    target: &'a str,
}

fn resolve(rules: &[(Right, String)]) -> Result<Vec<Bind<'_>>, String> {
    let mut binds = Vec::new();
    for (right, path) in rules {
        match fs::canonicalize(path) {
            Ok(source) => binds.push(Bind { right: *right, source, target: path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{path}: {error}")),
        }
    }
    Ok(binds)
}

impl Bind<'_> {
    fn mount(&self) -> io::Result<()> {
        let source = format!("{OLD}{}", self.source.display());
        make_place(Path::new(self.target), fs::metadata(&source)?.is_dir())?;
        let limits = match self.right {
            Right::ReadOnly | Right::Connect => Limits::ReadOnly,
            Right::ReadWrite | Right::Existing | Right::Output => Limits::Data,
            Right::Device => Limits::Device,
        };
        ns::bind(&source, self.target, limits)
    }
}

/// Creates a folder or an empty file to mount on. It can exist already, below a path that was mounted before.
fn make_place(path: &Path, is_folder: bool) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if is_folder {
        return fs::create_dir_all(path);
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::File::create(path).map(drop)
}

fn leave_old() -> io::Result<()> {
    unmount_lazily(OLD)?;
    fs::remove_dir(OLD)?;
    // not the mounts below it
    ns::make_read_only("/")
}
