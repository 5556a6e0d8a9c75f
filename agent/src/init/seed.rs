//! The initial content of a folder on the data disk: a copy of the image's folder.

use crate::sys::{open, xattr};
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{lchown, symlink, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Copies the folder `from` to the new folder `to`, with all metadata except access times. False: `from` is empty.
pub fn copy(from: &Path, to: &Path) -> io::Result<bool> {
    let mut linked: HashMap<(u64, u64), PathBuf> = HashMap::new();
    let mut pending = vec![(from.to_path_buf(), to.to_path_buf())];
    // a folder's mtime changes when entries are added, so it is set last
    let mut folders = Vec::new();
    let mut count = 0;
    while let Some((source, target)) = pending.pop() {
        let metadata = fs::symlink_metadata(&source)?;
        count += 1;
        let id = (metadata.dev(), metadata.ino());
        if metadata.is_dir() {
            fs::create_dir(&target)?;
            for item in fs::read_dir(&source)? {
                let name = item?.file_name();
                pending.push((source.join(&name), target.join(&name)));
            }
            folders.push((target.clone(), metadata.clone()));
        } else if let Some(first) = linked.get(&id) {
            fs::hard_link(first, &target)?;
            continue;
        } else {
            create(&source, &target, &metadata)?;
            if metadata.nlink() > 1 {
                linked.insert(id, target.clone());
            }
        }
        copy_metadata(&source, &target, &metadata)?;
    }
    for (folder, metadata) in folders.iter().rev() {
        set_time(folder, metadata)?;
    }
    Ok(count > 1)
}

fn create(source: &Path, target: &Path, metadata: &Metadata) -> io::Result<()> {
    if metadata.is_symlink() {
        return symlink(fs::read_link(source)?, target);
    }
    if metadata.is_file() {
        return copy_content(source, target, metadata);
    }
    open::make_node(libc::AT_FDCWD, target.as_os_str().as_bytes(), metadata.mode(), metadata.rdev())
}

/// Copies a file's data and leaves its holes.
fn copy_content(source: &Path, target: &Path, metadata: &Metadata) -> io::Result<()> {
    let (mut from, mut to) = (File::open(source)?, File::create_new(target)?);
    to.set_len(metadata.len())?;
    let mut buffer = vec![0; 256 * 1024];
    let mut at = 0;
    while let Some(data) = open::next_data(&from, at)? {
        from.seek(SeekFrom::Start(data.start))?;
        to.seek(SeekFrom::Start(data.start))?;
        let mut left = (data.end - data.start) as usize;
        while left > 0 {
            let wanted = buffer.len().min(left);
            let count = from.read(&mut buffer[..wanted])?;
            if count == 0 {
                return Ok(());
            }
            to.write_all(&buffer[..count])?;
            left -= count;
        }
        at = data.end;
    }
    Ok(())
}

/// Sets the owner first, because changing it removes capabilities and the setuid bit.
fn copy_metadata(source: &Path, target: &Path, metadata: &Metadata) -> io::Result<()> {
    lchown(target, Some(metadata.uid()), Some(metadata.gid()))?;
    for name in xattr::list(source)? {
        // the overlay's origin marks refer to another file system
        if let (false, Some(value)) = (name.starts_with(b"trusted.overlay.origin"), xattr::get(source, &name)?) {
            xattr::set(target, &name, &value)?;
        }
    }
    if metadata.is_symlink() {
        return set_time(target, metadata);
    }
    fs::set_permissions(target, fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
    set_time(target, metadata)
}

fn set_time(target: &Path, metadata: &Metadata) -> io::Result<()> {
    open::set_mtime(libc::AT_FDCWD, target.as_os_str().as_bytes(), (metadata.mtime(), metadata.mtime_nsec()))
}
