//! Writing the guest's files.

use crate::sys::process;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Writes a file that we own, without following a link. If it exists and is ours, it is overwritten in place: on an overlay that
/// costs a tenth of creating one. Anything else at that path is replaced. A missing folder is created.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    if overwrite(path, content, mode).unwrap_or(false) {
        return Ok(());
    }
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

/// False: the file must be replaced, because it has other hard links, another owner or another mode.
fn overwrite(path: &Path, content: &[u8], mode: u32) -> io::Result<bool> {
    // opening a FIFO must not block
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    let is_ours = metadata.uid() == process::uid() && metadata.mode() & 0o7777 == mode;
    if !metadata.is_file() || metadata.nlink() != 1 || !is_ours {
        return Ok(false);
    }
    let length = content.len() as u64;
    if metadata.len() == length && has_content(&file, content) {
        return Ok(true);
    }
    file.write_all_at(content, 0)?;
    if metadata.len() > length {
        file.set_len(length)?;
    }
    Ok(true)
}

fn has_content(file: &File, content: &[u8]) -> bool {
    let mut present = vec![0; content.len()];
    file.read_exact_at(&mut present, 0).is_ok() && present == content
}

/// Removes what is at the path, even a folder.
fn clear(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(|error| match error.raw_os_error() {
        Some(libc::EISDIR) => fs::remove_dir_all(path),
        _ => Err(error),
    })
}

/// Like `replace`, but leaves a file alone that has this content already, whoever owns it: reading it is cheaper than a copy-up.
pub fn replace_if_other(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    match fs::read(path) {
        Ok(present) if present == content => Ok(()),
        _ => replace(path, content, mode),
    }
}

/// Removes a file if it exists.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Creates a folder and its parents; `mode` is for those that are new.
pub fn folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// Creates a folder that root owns, with this mode, or changes owner and mode of an existing one.
pub fn private_folder(path: &Path, mode: u32) -> io::Result<()> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            folder(path, mode)?;
            fs::metadata(path)?
        }
        other => other?,
    };
    if metadata.mode() & 0o7777 != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    // the image may have given `/root` to another user
    if process::uid() == 0 && (metadata.uid(), metadata.gid()) != (0, 0) {
        std::os::unix::fs::chown(path, Some(0), Some(0))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempFolder;
    use std::os::unix::fs::symlink;

    #[test]
    fn our_own_file_is_overwritten_in_place() {
        let temp = TempFolder::new("files-over");
        let path = temp.join("a/b/file");
        replace(&path, b"first", 0o600).unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        for content in ["second", "3", "", "the longest of them"] {
            replace(&path, content.as_bytes(), 0o600).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
        }
    }

    #[test]
    fn anything_but_our_own_plain_file_is_replaced() {
        let temp = TempFolder::new("files-way");
        let (path, other) = (temp.join("file"), temp.join("other"));
        let all: [&dyn Fn(); 4] = [
            &|| symlink(&other, &path).unwrap(),
            &|| fs::hard_link(&other, &path).unwrap(),
            &|| fs::create_dir_all(path.join("inside")).unwrap(),
            &|| fs::write(&path, "with another mode").unwrap(),
        ];
        for make in all {
            fs::write(&other, "untouched").unwrap();
            make();
            replace(&path, b"ours", 0o600).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "ours");
            assert_eq!(fs::symlink_metadata(&path).unwrap().mode(), 0o100600);
            assert_eq!(fs::read_to_string(&other).unwrap(), "untouched");
            fs::remove_file(&path).unwrap();
        }
    }
}
