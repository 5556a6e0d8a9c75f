//! Changes to files that are named by a path, and what the standard library cannot ask of a file system.

use super::{c_string, check, check_long};
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Sets the access and the modification time, in whole seconds since 1970.
pub fn set_times(path: &Path, (accessed, modified): (u32, u32), follows: bool) -> io::Result<()> {
    let name = c_string(path.as_os_str().as_bytes())?;
    let time = |seconds: u32| libc::timespec { tv_sec: i64::from(seconds), tv_nsec: 0 };
    let (times, flags) = ([time(accessed), time(modified)], if follows { 0 } else { libc::AT_SYMLINK_NOFOLLOW });
    // SAFETY: a C string and two timespecs.
    check(unsafe { libc::utimensat(libc::AT_FDCWD, name.as_ptr(), times.as_ptr(), flags) }).map(drop)
}

/// Sets the mode. If the path is a link, it fails (EOPNOTSUPP): a link has no mode of its own.
pub fn set_mode_of_itself(path: &Path, mode: u32) -> io::Result<()> {
    let name = c_string(path.as_os_str().as_bytes())?;
    // SAFETY: a C string and plain numbers.
    check(unsafe { libc::fchmodat(libc::AT_FDCWD, name.as_ptr(), mode, libc::AT_SYMLINK_NOFOLLOW) }).map(drop)
}

/// Renames unless `to` exists (EEXIST): renameat2(2), RENAME_NOREPLACE. Not every file system can do it (EINVAL).
pub fn rename_if_free(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (c_string(from.as_os_str().as_bytes())?, c_string(to.as_os_str().as_bytes())?);
    let flags = libc::RENAME_NOREPLACE;
    // SAFETY: two C strings and plain numbers.
    let result = unsafe {
        libc::syscall(libc::SYS_renameat2, libc::AT_FDCWD, from.as_ptr(), libc::AT_FDCWD, to.as_ptr(), flags)
    };
    check_long(result).map(drop)
}

/// What statvfs(3) reports, in its order and units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Space {
    pub block_size: u64,
    pub fragment_size: u64,
    pub blocks: u64,
    pub free: u64,
    pub available: u64,
    pub files: u64,
    pub free_files: u64,
    pub available_files: u64,
    pub id: u64,
    pub flags: u64,
    pub longest_name: u64,
}

pub fn space(path: &Path) -> io::Result<Space> {
    let name = c_string(path.as_os_str().as_bytes())?;
    // SAFETY: statvfs fills the struct, which is read only on success.
    unsafe {
        let mut stat: libc::statvfs = zeroed();
        check(libc::statvfs(name.as_ptr(), &mut stat))?;
        Ok(space_in(&stat))
    }
}

pub fn space_of(file: &impl AsRawFd) -> io::Result<Space> {
    let fd: RawFd = file.as_raw_fd();
    // SAFETY: as above.
    unsafe {
        let mut stat: libc::statvfs = zeroed();
        check(libc::fstatvfs(fd, &mut stat))?;
        Ok(space_in(&stat))
    }
}

fn space_in(stat: &libc::statvfs) -> Space {
    Space {
        block_size: stat.f_bsize,
        fragment_size: stat.f_frsize,
        blocks: stat.f_blocks,
        free: stat.f_bfree,
        available: stat.f_bavail,
        files: stat.f_files,
        free_files: stat.f_ffree,
        available_files: stat.f_favail,
        id: stat.f_fsid,
        flags: stat.f_flag,
        longest_name: stat.f_namemax,
    }
}
