//! Folders that are on the data disk itself and not on the overlay, so that another overlay's upper half, a swap file or
//! whatever else wants a plain file system can be in them. Each is its own folder in the overlay's upper half, complete and
//! opaque, mounted over the overlay's view of it: what saves the upper half saves it, too.

use super::root::DATA;
use super::seed;
use crate::console::log;
use crate::sys::mount::{mount, sync, MS_BIND};
use crate::sys::xattr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Homes, and where programs are built and unpacked. No hard link leads from one of them to the rest of the tree, so there are no
/// more than are needed; and each is at the top, because making it changes the time of the folder that it is in.
const FOLDERS: [&str; 4] = ["/root", "/home", "/tmp", "/opt"];
/// What an image has in such a folder is copied at the first boot; where that is more, the folder stays on the overlay.
const MAX: Size = Size { files: 1000, bytes: 8 * 1024 * 1024 };
const OPAQUE: &[u8] = b"trusted.overlay.opaque";

#[derive(Debug, Default, PartialEq)]
struct Size {
    files: usize,
    bytes: u64,
}

pub fn mount_all() {
    // the machine's own, where the image has none: keys go there
    let _ = fs::DirBuilder::new().mode(0o700).create("/root");
    for folder in FOLDERS {
        mount_one(Path::new(folder)).unwrap_or_else(|error| log(&format!("{folder}: {error}")));
    }
}

fn mount_one(folder: &Path) -> io::Result<()> {
    // one that is a link, or below one, is another folder
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

/// Puts all that the overlay shows into the upper half, whole or not at all. False: it is too much, or the machine has been
/// writing to the folder by way of the overlay.
fn complete(folder: &Path, upper: &Path) -> io::Result<bool> {
    if !is_small(folder, &MAX)? {
        return Ok(false);
    }
    // the overlay makes it and its parents in the upper half, as they are
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

fn is_small(folder: &Path, most: &Size) -> io::Result<bool> {
    let mut size = Size::default();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(next) = waiting.pop() {
        for item in fs::read_dir(next)? {
            let item = item?;
            let metadata: Metadata = item.metadata()?;
            size.files += 1;
            size.bytes += metadata.len();
            if size.files > most.files || size.bytes > most.bytes {
                return Ok(false);
            }
            if metadata.is_dir() {
                waiting.push(item.path());
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
    fn what_is_in_a_folder_is_counted_no_further_than_need_be() {
        let folder = TempFolder::new("plain");
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(folder.join("a/b/c"), [0; 4000]).unwrap();
        let holds = |files, bytes: u64| is_small(&folder, &Size { files, bytes: bytes * 1024 }).unwrap();
        assert!(holds(3, 64) && !holds(2, 64) && !holds(3, 3));
    }
}
