//! Opening, reading, writing and changing files.

use super::attributes::Attributes;
use super::handles::Open;
use super::replies::{Code, Status};
use crate::sys::{open, path};
use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{chown, fchown, lchown, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

const READ: u32 = 0x01;
const WRITE: u32 = 0x02;
const APPEND: u32 = 0x04;
const CREATE: u32 = 0x08;
const TRUNCATE: u32 = 0x10;
const EXCLUSIVE: u32 = 0x20;

/// `flags`: draft-ietf-secsh-filexfer-02, section 6.3.
pub fn open(path: &Path, flags: u32, wanted: &Attributes) -> Result<Open, Status> {
    let has = |flag: u32| flags & flag != 0;
    let mut options = OpenOptions::new();
    options.read(has(READ)).write(has(WRITE)).append(has(WRITE) && has(APPEND));
    let mut more = 0;
    for (flag, of_kernel) in [(CREATE, libc::O_CREAT), (TRUNCATE, libc::O_TRUNC), (EXCLUSIVE, libc::O_EXCL)] {
        more |= if has(flag) { of_kernel } else { 0 };
    }
    if !has(READ) && !has(WRITE) {
        return Err(Status::new(Code::BadMessage, "A file is opened for reading or for writing"));
    }
    let file = options.custom_flags(more).mode(wanted.permissions().unwrap_or(0o666)).open(path)?;
    Ok(Open::File { file, appends: has(APPEND) })
}

pub fn read(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

pub fn write((mut file, appends): (&File, bool), offset: u64, data: &[u8]) -> io::Result<()> {
    if appends { file.write_all(data) } else { file.write_all_at(data, offset) }
}

/// Carries out all the changes that it can; the error is the last one. The owner is first, because changing it clears the set-id bits.
fn all<const COUNT: usize>(changes: [io::Result<()>; COUNT]) -> Result<(), Status> {
    changes.into_iter().filter_map(Result::err).last().map_or(Ok(()), |error| Err(error.into()))
}

fn if_given<T>(value: Option<T>, change: impl FnOnce(T) -> io::Result<()>) -> io::Result<()> {
    value.map_or(Ok(()), change)
}

/// Changes the file that `path` leads to.
pub fn change(path: &Path, to: &Attributes) -> Result<(), Status> {
    all([
        if_given(to.size, |size| OpenOptions::new().write(true).open(path)?.set_len(size)),
        if_given(to.owner, |(uid, gid)| chown(path, Some(uid), Some(gid))),
        if_given(to.permissions(), |mode| fs::set_permissions(path, Permissions::from_mode(mode))),
        if_given(to.times, |times| path::set_times(path, times, true)),
    ])
}

/// Changes the file at `path` itself, even if it is a link.
pub fn change_itself(path: &Path, to: &Attributes) -> Result<(), Status> {
    if to.size.is_some() {
        return Err(Status::new(Code::BadMessage, "A link has no size to change"));
    }
    all([
        if_given(to.owner, |(uid, gid)| lchown(path, Some(uid), Some(gid))),
        if_given(to.permissions(), |mode| path::set_mode_of_itself(path, mode)),
        if_given(to.times, |times| path::set_times(path, times, false)),
    ])
}

pub fn change_open(file: &File, to: &Attributes) -> Result<(), Status> {
    let time = |seconds: u32| UNIX_EPOCH + Duration::from_secs(u64::from(seconds));
    let times = |(accessed, modified)| FileTimes::new().set_accessed(time(accessed)).set_modified(time(modified));
    all([
        if_given(to.size, |size| file.set_len(size)),
        if_given(to.owner, |(uid, gid)| fchown(file, Some(uid), Some(gid))),
        if_given(to.permissions(), |mode| open::set_mode(file.as_raw_fd(), mode)),
        if_given(to.times, |given| file.set_times(times(given))),
    ])
}
