//! Writing the guest's files.

use crate::sys::process;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// A file of our own with this content, a link not followed. One that is there and ours already is written over: on an
/// overlay that costs a tenth of making another. Whatever else is there gives way. The folder is made.
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

/// False: what is there must give way, as it has other names, another owner or another mode.
fn overwrite(path: &Path, content: &[u8], mode: u32) -> io::Result<bool> {
    // it must not wait for the other end of a pipe
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    let is_ours = metadata.uid() == process::uid() && metadata.mode() & 0o7777 == mode;
    if !metadata.is_file() || metadata.nlink() != 1 || !is_ours {
        return Ok(false);
    }
    let length = content.len() as u64;
    if metadata.len() == length && holds(&file, content) {
        return Ok(true);
    }
    file.write_all_at(content, 0)?;
    if metadata.len() > length {
        file.set_len(length)?;
    }
    Ok(true)
}

fn holds(file: &File, content: &[u8]) -> bool {
    let mut present = vec![0; content.len()];
    file.read_exact_at(&mut present, 0).is_ok() && present == content
}

/// An image may have a folder there.
fn clear(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(|error| match error.raw_os_error() {
        Some(libc::EISDIR) => fs::remove_dir_all(path),
        _ => Err(error),
    })
}

/// As `replace`, but a file that holds this already is left alone, whosever it is: a copy-up costs more than a look.
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

/// Root's folder with this mode, made or changed.
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
    // an image may leave `/root` to anyone
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
    fn a_file_of_ours_is_written_over_whatever_its_length() {
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
    fn what_is_not_a_plain_file_of_ours_gives_way() {
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
