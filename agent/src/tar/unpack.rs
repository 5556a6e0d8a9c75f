//! Unpacks below one folder: no name in the archive leads out of it, and no link in it is followed.

use super::read::Archive;
use super::{shown, Entry, Kind};
use crate::sys::{open, process, random};
use crate::wire::json::{Answer, Refusal};
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;

/// Bytes of a file that is received whole before it is made, which saves it a second name.
const SMALL: u64 = 64 * 1024;

/// Overrides the owner of every entry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner {
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// How many entries and bytes of files were unpacked.
#[derive(Debug, Default, PartialEq)]
pub struct Done {
    pub entries: u64,
    pub bytes: u64,
}

/// Unpacks one archive into a folder.
pub struct Unpacker {
    root: OwnedFd,
    owner: Owner,
    is_root: bool,
    /// folder of the previous entry, because the next one is usually in the same
    parent: Option<Parent>,
    /// their mode and time are set last, because entries below change them
    folders: Vec<Entry>,
    /// content of a small file; kept for its memory
    small: Vec<u8>,
    done: Done,
}

struct Parent {
    path: Vec<u8>,
    fd: OwnedFd,
    /// setgid: new entries get the folder's group
    gives_group: bool,
}

impl Unpacker {
    pub fn new(root: OwnedFd, owner: Owner) -> Unpacker {
        let is_root = process::uid() == 0;
        Unpacker { root, owner, is_root, parent: None, folders: Vec::new(), small: Vec::new(), done: Done::default() }
    }

    /// Reads the whole archive; stops at the first error and leaves the entries that were unpacked until then.
    pub fn unpack(mut self, input: impl BufRead) -> Answer<Done> {
        let mut archive = Archive::new(input);
        while let Some(mut entry) = archive.next_entry()? {
            entry.path = safe_path(&entry.path)?;
            entry.uid = self.owner.uid.unwrap_or(entry.uid);
            entry.gid = self.owner.gid.unwrap_or(entry.gid);
            self.unpack_entry(entry, &mut archive)?;
            self.done.entries += 1;
        }
        self.finish_folders()?;
        Ok(self.done)
    }

    fn unpack_entry(&mut self, entry: Entry, archive: &mut Archive<impl BufRead>) -> Answer<()> {
        let (parent, name) = split(&entry.path);
        if name.is_empty() {
            return self.root_itself(entry);
        }
        let fd = self.open_parent(parent)?;
        match entry.kind {
            Kind::Folder => self.folder(fd, name, &entry)?,
            Kind::File => self.file(fd, name, &entry, archive)?,
            Kind::Link => self.link(fd, name, &entry)?,
            Kind::HardLink => self.hard_link(fd, name, &entry)?,
        }
        if entry.kind == Kind::Folder {
            self.folders.push(entry);
        }
        Ok(())
    }

    fn root_itself(&mut self, entry: Entry) -> Answer<()> {
        if entry.kind != Kind::Folder {
            return Err(unsafe_path(&entry.path, "is the target folder itself"));
        }
        self.folders.push(entry);
        Ok(())
    }

    /// Opens the parent folder of an entry; creates it and those above it if the archive had no entries for them.
    fn open_parent(&mut self, path: &[u8]) -> Answer<RawFd> {
        if let Some(parent) = self.parent.as_ref().filter(|parent| parent.path == path) {
            return Ok(parent.fd.as_raw_fd());
        }
        let fd = match open::folder_beneath(self.root.as_raw_fd(), path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_parents(path)?,
            opened => opened.map_err(|error| failed(path, &error))?,
        };
        let file = File::from(fd);
        let mode = file.metadata().map_err(|error| failed(path, &error))?.mode();
        let (path, gives_group) = (path.to_vec(), mode & libc::S_ISGID != 0);
        let parent = self.parent.insert(Parent { path, fd: OwnedFd::from(file), gives_group });
        Ok(parent.fd.as_raw_fd())
    }

    fn make_parents(&self, path: &[u8]) -> Answer<OwnedFd> {
        let mut folder = open::folder_beneath(self.root.as_raw_fd(), b"").map_err(|error| failed(path, &error))?;
        for name in path.split(|byte| *byte == b'/') {
            let made = make_or_keep_folder(folder.as_raw_fd(), name).map_err(|error| failed(path, &error))?;
            let next = open::folder_at(folder.as_raw_fd(), name).map_err(|error| failed(path, &error))?;
            if made && self.is_root {
                let Owner { uid, gid } = self.owner;
                let (uid, gid) = (uid.unwrap_or(u32::MAX), gid.unwrap_or(u32::MAX));
                open::set_owner_of(next.as_raw_fd(), uid, gid).map_err(|error| failed(path, &error))?;
            }
            folder = next;
        }
        Ok(folder)
    }

    fn folder(&self, parent: RawFd, name: &[u8], entry: &Entry) -> Answer<()> {
        make_or_keep_folder(parent, name).map_err(|error| failed(&entry.path, &error))?;
        // an existing name may be a link, which this refuses
        let folder = open::folder_at(parent, name).map_err(|error| failed(&entry.path, &error))?;
        self.set_owner(folder.as_raw_fd(), entry).map_err(|error| failed(&entry.path, &error))
    }

    /// A name never shows part of a file: a small one is received before it is made, and a large one gets its name at the end.
    fn file(&mut self, parent: RawFd, name: &[u8], entry: &Entry, archive: &mut Archive<impl BufRead>) -> Answer<()> {
        if entry.size <= SMALL { self.small_file(parent, name, entry, archive) } else { self.large_file(parent, name, entry, archive) }?;
        self.done.bytes += entry.size;
        Ok(())
    }

    fn small_file(&mut self, parent: RawFd, name: &[u8], entry: &Entry, archive: &mut Archive<impl BufRead>) -> Answer<()> {
        let mut content = std::mem::take(&mut self.small);
        content.clear();
        archive.content(|bytes| {
            content.extend_from_slice(bytes);
            Ok(())
        })?;
        let make = || open::create_file(parent, name, entry.mode & 0o777);
        let mut file = replacing(parent, name, make).map_err(|error| failed(&entry.path, &error))?;
        let made = file.write_all(&content).and_then(|()| self.finish_file(&file, entry));
        self.small = content;
        made.map_err(|error| {
            let _ = open::remove(parent, name);
            failed(&entry.path, &error)
        })
    }

    fn large_file(&mut self, parent: RawFd, name: &[u8], entry: &Entry, archive: &mut Archive<impl BufRead>) -> Answer<()> {
        let broken = |error: io::Error| failed(&entry.path, &error);
        let temporary = temporary_name().map_err(broken)?;
        let mut file = open::create_file(parent, &temporary, entry.mode & 0o777).map_err(broken)?;
        let made = archive.content(|bytes| file.write_all(bytes).map_err(broken)).and_then(|()| {
            self.finish_file(&file, entry).map_err(broken)?;
            open::rename(parent, &temporary, name).map_err(broken)
        });
        if made.is_err() {
            let _ = open::remove(parent, &temporary);
        }
        made
    }

    fn finish_file(&self, file: &File, entry: &Entry) -> io::Result<()> {
        self.set_owner(file.as_raw_fd(), entry)?;
        // after the owner, because changing it clears the set-id bits; the umask has cleared the others
        if entry.mode & 0o7022 != 0 {
            open::set_mode(file.as_raw_fd(), entry.mode)?;
        }
        open::set_mtime_of(file.as_raw_fd(), entry.mtime)
    }

    fn link(&self, parent: RawFd, name: &[u8], entry: &Entry) -> Answer<()> {
        let make = || {
            open::make_link(parent, name, &entry.link)?;
            if self.is_root {
                open::set_owner(parent, name, entry.uid, entry.gid)?;
            }
            open::set_mtime(parent, name, entry.mtime)
        };
        if entry.link.is_empty() {
            return Err(unsafe_path(&entry.path, "is a link without a target"));
        }
        replacing(parent, name, make).map_err(|error| failed(&entry.path, &error))
    }

    fn hard_link(&self, parent: RawFd, name: &[u8], entry: &Entry) -> Answer<()> {
        let target = safe_path(&entry.link)?;
        let (folder, target_name) = split(&target);
        if target_name.is_empty() {
            return Err(unsafe_path(&entry.link, "is the target folder itself"));
        }
        if target == entry.path {
            return Ok(());
        }
        let broken = |error: io::Error| failed(&entry.path, &error);
        let from = open::folder_beneath(self.root.as_raw_fd(), folder).map_err(broken)?;
        let make = || open::make_hard_link((from.as_raw_fd(), target_name), (parent, name));
        replacing(parent, name, make).map_err(broken)
    }

    fn set_owner(&self, fd: RawFd, entry: &Entry) -> io::Result<()> {
        let given = self.parent.as_ref().is_some_and(|parent| parent.gives_group);
        let is_ours = entry.kind == Kind::File && entry.uid == 0 && entry.gid == 0 && !given;
        if !self.is_root || is_ours {
            return Ok(());
        }
        open::set_owner_of(fd, entry.uid, entry.gid)
    }

    /// Sets mode and time of the folders, the deepest first.
    fn finish_folders(&mut self) -> Answer<()> {
        for entry in std::mem::take(&mut self.folders).iter().rev() {
            let set = || {
                let folder = open::folder_beneath(self.root.as_raw_fd(), &entry.path)?;
                if entry.path.is_empty() {
                    self.set_owner(folder.as_raw_fd(), entry)?;
                }
                open::set_mode(folder.as_raw_fd(), entry.mode)?;
                open::set_mtime_of(folder.as_raw_fd(), entry.mtime)
            };
            set().map_err(|error| failed(&entry.path, &error))?;
        }
        Ok(())
    }
}

/// Of a file that is not complete. It stays if the agent is killed.
fn temporary_name() -> io::Result<Vec<u8>> {
    let mut random = [0; 8];
    random::fill(&mut random)?;
    Ok(format!(".banger-put-{:016x}", u64::from_ne_bytes(random)).into_bytes())
}

/// True if the folder is new.
fn make_or_keep_folder(parent: RawFd, name: &[u8]) -> io::Result<bool> {
    match open::make_folder(parent, name, 0o755) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Runs `make`; if the name exists already, removes it first, unless it is a folder.
fn replacing<T>(parent: RawFd, name: &[u8], make: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match make() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            open::remove(parent, name)?;
            make()
        }
        other => other,
    }
}

/// Normalizes a relative path: without `.` and repeated slashes; refuses `..`. The result is empty for the target folder itself.
pub fn safe_path(path: &[u8]) -> Answer<Vec<u8>> {
    if path.is_empty() || path.starts_with(b"/") || path.contains(&0) || path.len() > 4096 {
        return Err(unsafe_path(path, "is empty, absolute or too long"));
    }
    let parts: Vec<&[u8]> =
        path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    if parts.contains(&b"..".as_slice()) {
        return Err(unsafe_path(path, "contains `..`"));
    }
    Ok(parts.join(&b'/'))
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

fn unsafe_path(path: &[u8], why: &str) -> Refusal {
    Refusal::new("unsafe_path", format!("{} {why}", shown(path)))
}

/// A link or another file in place of a folder means that the archive may be trying to escape.
fn failed(path: &[u8], error: &io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(libc::ELOOP | libc::ENOTDIR | libc::EXDEV) => unsafe_path(path, "has a parent that is not a folder"),
        _ => Refusal::io(&shown(path), error),
    }
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
