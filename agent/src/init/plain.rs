//! Folders that are on the data disk's plain file system instead of the overlay, for what an overlay cannot store: the upper directory
//! of another overlay, a swap file. Each is the folder of that name in the overlay's upper directory, made complete and opaque, and
//! bind-mounted over the overlay's view of it. So saving the upper directory saves it as well.

use super::root::DATA;
use super::seed;
use crate::console::log;
use crate::sys::mount::{mount, sync, MS_BIND};
use crate::sys::xattr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Homes, and folders where programs are built and unpacked. As few as possible, because hard links between them and the rest of the tree
/// are not possible. All are at the top level, because creating a folder changes the mtime of its parent.
const FOLDERS: [&str; 4] = ["/root", "/home", "/tmp", "/opt"];
/// The image's content of such a folder is copied at the first boot; if it is larger than this, the folder stays on the overlay.
const MAX: Size = Size { files: 1000, bytes: 8 * 1024 * 1024 };
const OPAQUE: &[u8] = b"trusted.overlay.opaque";

#[derive(Debug, Default, PartialEq)]
struct Size {
    files: usize,
    bytes: u64,
}

/// Mounts each folder of `FOLDERS` that is suitable; reports failures on the console.
pub fn mount_all() {
    // in an image without one: keys are written there
    let _ = fs::DirBuilder::new().mode(0o700).create("/root");
    for folder in FOLDERS {
        mount_one(Path::new(folder)).unwrap_or_else(|error| log(&format!("{folder}: {error}")));
    }
}

fn mount_one(folder: &Path) -> io::Result<()> {
    // skip a symbolic link: its target is another folder
    if !fs::canonicalize(folder).is_ok_and(|real| real == folder && real.is_dir()) {
        return Ok(());
    }
    let upper = PathBuf::from(format!("{DATA}/upper{}", folder.display()));
    if is_complete(&upper) || complete(folder, &upper)? {
        mount(&upper.to_string_lossy(), &folder.to_string_lossy(), "", MS_BIND, "")?;
    }
    Ok(())
}

fn is_complete(upper: &Path) -> bool {
    fs::symlink_metadata(upper).is_ok_and(|metadata| metadata.is_dir())
        && xattr::get(upper, OPAQUE).is_ok_and(|value| value.as_deref() == Some(b"y"))
}

/// Copies the folder's content into the upper directory, completely or not at all. False: it is too large, or the VM has already
/// written to the folder through the overlay.
fn complete(folder: &Path, upper: &Path) -> io::Result<bool> {
    if !is_small(folder, &MAX)? {
        return Ok(false);
    }
    // makes the overlay create the folder and its parents in the upper directory
    fs::set_permissions(folder, fs::metadata(folder)?.permissions())?;
    if fs::read_dir(upper)?.next().is_some() {
        return Ok(false);
    }
    let new = PathBuf::from(format!("{DATA}/plain.new"));
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let has_content = seed::copy(folder, &new)?;
    xattr::set(&new, OPAQUE, b"y")?;
    if has_content {
        sync();
    }
    fs::rename(&new, upper)?;
    Ok(true)
}

fn is_small(folder: &Path, max: &Size) -> io::Result<bool> {
    let mut size = Size::default();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(next) = pending.pop() {
        for item in fs::read_dir(next)? {
            let item = item?;
            let metadata: Metadata = item.metadata()?;
            size.files += 1;
            size.bytes += metadata.len();
            if size.files > max.files || size.bytes > max.bytes {
                return Ok(false);
            }
            if metadata.is_dir() {
                pending.push(item.path());
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempFolder;

    #[test]
    fn a_folder_is_small_up_to_both_limits() {
        let folder = TempFolder::new("plain");
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(folder.join("a/b/c"), [0; 4000]).unwrap();
        let holds = |files, bytes: u64| is_small(&folder, &Size { files, bytes: bytes * 1024 }).unwrap();
        assert!(holds(3, 64) && !holds(2, 64) && !holds(3, 3));
    }
}
