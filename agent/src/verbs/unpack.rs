//! Unpacking a tar stream below one folder. No name leaves it, no link is followed on the way.

use super::tar_header::{next_entry, skip_padding, Entry, Kind};
use crate::sys::{device, errno_name, open};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

#[derive(Clone, Copy)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

#[derive(Debug, Default, PartialEq)]
pub struct Unpacked {
    pub entries: u64,
    pub bytes: u64,
}

#[derive(Debug)]
pub struct UnpackError {
    pub code: &'static str,
    pub message: String,
}

fn failed(name: &str, error: &io::Error) -> UnpackError {
    let unsafe_path = matches!(error.raw_os_error(), Some(libc::ELOOP | libc::EXDEV));
    UnpackError { code: if unsafe_path { "unsafe_path" } else { "io" }, message: format!("{name}: {}", errno_name(error)) }
}

fn refused(name: &str, why: &str) -> UnpackError {
    UnpackError { code: "unsafe_path", message: format!("{name:?} {why}") }
}

pub fn unpack(input: &mut impl Read, folder: &File, owner: Option<Owner>) -> Result<Unpacked, UnpackError> {
    let mut target = Target { root: folder, owner, last: None, folders: HashMap::new(), order: Vec::new() };
    let mut done = Unpacked::default();
    while let Some(entry) = next_entry(input).map_err(|error| failed("the archive", &error))? {
        let name = checked_name(&entry.name)?;
        target.make(input, &entry, &name).map_err(|error| match error.get_ref() {
            Some(_) => UnpackError { code: "unsafe_path", message: format!("{name}: {error}") },
            None => failed(&name, &error),
        })?;
        done.entries += 1;
        done.bytes += entry.size;
    }
    target.finish().map_err(|error| failed("folders", &error))?;
    Ok(done)
}

/// Relative, without `..`; an absolute name, NUL or empty one is refused.
fn checked_name(name: &str) -> Result<String, UnpackError> {
    if name.starts_with('/') || name.contains('\0') {
        return Err(refused(name, "is not relative"));
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(refused(name, "has .. in it"));
    }
    Ok(parts.join("/"))
}

struct Target<'a> {
    root: &'a File,
    owner: Option<Owner>,
    /// the folder that was used last, by name: most entries come folder by folder
    last: Option<(String, OwnedFd)>,
    /// mode and mtime of folders are set at the end, deepest first
    folders: HashMap<String, (u32, (i64, i64))>,
    order: Vec<String>,
}

impl Target<'_> {
    fn make(&mut self, input: &mut impl Read, entry: &Entry, name: &str) -> io::Result<()> {
        if name.is_empty() {
            if entry.kind == Kind::Folder {
                return self.remember(name, entry);
            }
            return Err(io::Error::other("is the folder itself"));
        }
        let (parent, base) = name.rsplit_once('/').unwrap_or(("", name));
        self.enter(parent)?;
        let folder = self.last.as_ref().map_or(self.root.as_raw_fd(), |(_, fd)| fd.as_raw_fd());
        match entry.kind {
            Kind::Folder => return self.make_folder(folder, base, name, entry),
            Kind::File => {
                clear(folder, base)?;
                let mut file = open::create_file(folder, base)?;
                copy_exactly(input, &mut file, entry.size)?;
                self.own(folder, base, entry)?;
                open::set_mode(file.as_raw_fd(), entry.mode)?;
            }
            Kind::Link => {
                clear(folder, base)?;
                open::make_link(folder, base, &entry.target)?;
                self.own(folder, base, entry)?;
            }
            Kind::HardLink => return self.hard_link(folder, base, &entry.target),
            Kind::Other(kind) => return Err(io::Error::other(format!("has type {:?}, which is not unpacked", kind as char))),
        }
        device::set_mtime(folder, base, entry.mtime.0, entry.mtime.1)
    }

    fn hard_link(&self, folder: i32, base: &str, target: &str) -> io::Result<()> {
        let target = checked_name(target).map_err(|error| io::Error::other(error.message))?;
        let (parent, name) = target.rsplit_once('/').unwrap_or(("", &target));
        let from = open::folder_beneath(self.root.as_raw_fd(), parent)?;
        clear(folder, base)?;
        open::make_hard_link((from.as_raw_fd(), name), (folder, base))
    }

    fn make_folder(&mut self, folder: i32, base: &str, name: &str, entry: &Entry) -> io::Result<()> {
        match open::make_folder(folder, base, 0o700) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // must be a folder, not a link to one
                open::folder_beneath(folder, base)?;
            }
            other => other?,
        }
        self.own(folder, base, entry)?;
        self.remember(name, entry)
    }

    fn remember(&mut self, name: &str, entry: &Entry) -> io::Result<()> {
        if self.folders.insert(name.to_string(), (entry.mode, entry.mtime)).is_none() {
            self.order.push(name.to_string());
        }
        Ok(())
    }

    fn own(&self, folder: i32, base: &str, entry: &Entry) -> io::Result<()> {
        let owner = self.owner.unwrap_or(Owner { uid: entry.uid, gid: entry.gid });
        match open::set_owner(folder, base, owner.uid, owner.gid) {
            // who is not root keeps what they make
            Err(error) if error.raw_os_error() == Some(libc::EPERM) && crate::sys::process::uid() != 0 => Ok(()),
            other => other,
        }
    }

    /// Makes `parent` the folder in use, making what is missing.
    fn enter(&mut self, parent: &str) -> io::Result<()> {
        if parent.is_empty() {
            self.last = None;
            return Ok(());
        }
        if self.last.as_ref().is_some_and(|(name, _)| name == parent) {
            return Ok(());
        }
        let fd = match open::folder_beneath(self.root.as_raw_fd(), parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_parents(parent)?,
            other => other?,
        };
        self.last = Some((parent.to_string(), fd));
        Ok(())
    }

    fn make_parents(&self, path: &str) -> io::Result<OwnedFd> {
        let mut folder = open::folder_beneath(self.root.as_raw_fd(), "")?;
        for name in path.split('/') {
            match open::make_folder(folder.as_raw_fd(), name, 0o755) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => other?,
            }
            folder = open::folder_beneath(folder.as_raw_fd(), name)?;
        }
        Ok(folder)
    }

    fn finish(&mut self) -> io::Result<()> {
        for name in self.order.iter().rev() {
            let (mode, (seconds, nanos)) = self.folders[name];
            let folder = open::folder_beneath(self.root.as_raw_fd(), name)?;
            open::set_mode(folder.as_raw_fd(), mode)?;
            device::set_mtime(folder.as_raw_fd(), ".", seconds, nanos)?;
        }
        Ok(())
    }
}

/// An entry replaces what has its name, unless that is a folder.
fn clear(folder: i32, base: &str) -> io::Result<()> {
    match open::remove(folder, base) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn copy_exactly(input: &mut impl Read, file: &mut File, size: u64) -> io::Result<()> {
    let mut buffer = [0u8; 32 * 1024];
    let mut left = size;
    while left > 0 {
        let wanted = left.min(buffer.len() as u64) as usize;
        match input.read(&mut buffer[..wanted])? {
            0 => return Err(io::Error::other("is cut short")),
            count => {
                file.write_all(&buffer[..count])?;
                left -= count as u64;
            }
        }
    }
    skip_padding(input, size)
}

#[cfg(test)]
#[path = "unpack_test.rs"]
mod tests;
