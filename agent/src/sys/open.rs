//! Opens and creates files below a folder without ever leaving it: with openat2(2), RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS or, on
//! kernels without it, component by component with O_NOFOLLOW. Names are bytes.

use super::{c_string, check, check_long};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const FOLDER: i32 = libc::O_DIRECTORY | libc::O_CLOEXEC | libc::O_RDONLY;
const RESOLVE_NO_SYMLINKS: u64 = 0x04;
const RESOLVE_BENEATH: u64 = 0x08;

/// Opens the folder `path` (relative, no `..`) below `root`.
pub fn folder_beneath(root: RawFd, path: &[u8]) -> io::Result<OwnedFd> {
    let name = c_string(if path.is_empty() { b".".as_slice() } else { path })?;
    // SAFETY: an open_how of the size that is passed, zero beyond what is set.
    let result = unsafe {
        let mut how: libc::open_how = std::mem::zeroed();
        how.flags = FOLDER as u64;
        how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
        libc::syscall(libc::SYS_openat2, root, name.as_ptr(), &raw mut how, std::mem::size_of::<libc::open_how>())
    };
    match check_long(result) {
        // SAFETY: a new descriptor of ours.
        Ok(fd) => Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }),
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => folder_by_steps(root, path),
        Err(error) => Err(error),
    }
}

/// Like `folder_beneath`, one component at a time.
pub fn folder_by_steps(root: RawFd, path: &[u8]) -> io::Result<OwnedFd> {
    let mut folder = open_at(root, b".", FOLDER, 0)?;
    for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".") {
        if name == b".." {
            return Err(io::Error::from_raw_os_error(libc::EXDEV));
        }
        folder = open_at(folder.as_raw_fd(), name, FOLDER | libc::O_NOFOLLOW, 0)?;
    }
    Ok(folder)
}

/// Opens a folder; a link is not followed.
pub fn folder_at(folder: RawFd, name: &[u8]) -> io::Result<OwnedFd> {
    open_at(folder, name, FOLDER | libc::O_NOFOLLOW, 0)
}

/// Opens a file for reading; a link is not followed, and opening a FIFO does not block.
pub fn file_at(folder: RawFd, name: &[u8]) -> io::Result<File> {
    open_at(folder, name, libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK, 0).map(File::from)
}

fn open_at(folder: RawFd, name: &[u8], flags: i32, mode: u32) -> io::Result<OwnedFd> {
    let name = c_string(name)?;
    // SAFETY: a valid name; the descriptor is ours.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::openat(folder, name.as_ptr(), flags | libc::O_CLOEXEC, mode))?)) }
}

/// Creates a regular file; never follows a link, never opens an existing file.
pub fn create_file(folder: RawFd, name: &[u8], mode: u32) -> io::Result<File> {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
    open_at(folder, name, flags, mode).map(File::from)
}

/// Creates a folder; an existing name is an error.
pub fn make_folder(folder: RawFd, name: &[u8], mode: u32) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: a valid name.
    check(unsafe { libc::mkdirat(folder, name.as_ptr(), mode) }).map(drop)
}

/// Creates a symbolic link; an existing name is an error.
pub fn make_link(folder: RawFd, name: &[u8], target: &[u8]) -> io::Result<()> {
    let (name, target) = (c_string(name)?, c_string(target)?);
    // SAFETY: two C strings.
    check(unsafe { libc::symlinkat(target.as_ptr(), folder, name.as_ptr()) }).map(drop)
}

/// Creates a hard link; a symbolic link at the source is linked itself, not followed.
pub fn make_hard_link(from: (RawFd, &[u8]), to: (RawFd, &[u8])) -> io::Result<()> {
    let (source, target) = (c_string(from.1)?, c_string(to.1)?);
    // SAFETY: two C strings.
    check(unsafe { libc::linkat(from.0, source.as_ptr(), to.0, target.as_ptr(), 0) }).map(drop)
}

/// Removes a name that is not a folder.
pub fn remove(folder: RawFd, name: &[u8]) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: a valid name.
    check(unsafe { libc::unlinkat(folder, name.as_ptr(), 0) }).map(drop)
}

/// Renames within a folder; what has the new name is replaced, unless it is a folder.
pub fn rename(folder: RawFd, from: &[u8], to: &[u8]) -> io::Result<()> {
    let (from, to) = (c_string(from)?, c_string(to)?);
    // SAFETY: two C strings.
    check(unsafe { libc::renameat(folder, from.as_ptr(), folder, to.as_ptr()) }).map(drop)
}

/// The target of the link `folder`/`name`.
pub fn read_link(folder: RawFd, name: &[u8]) -> io::Result<Vec<u8>> {
    let name = c_string(name)?;
    let mut target = vec![0u8; libc::PATH_MAX as usize];
    // SAFETY: a valid name, a buffer and its length.
    let size = unsafe { libc::readlinkat(folder, name.as_ptr(), target.as_mut_ptr().cast(), target.len()) };
    target.truncate(check_long(size as libc::c_long)? as usize);
    Ok(target)
}

/// Sets the owner of `folder`/`name`; a link is not followed.
pub fn set_owner(folder: RawFd, name: &[u8], uid: u32, gid: u32) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: a valid name.
    check(unsafe { libc::fchownat(folder, name.as_ptr(), uid, gid, libc::AT_SYMLINK_NOFOLLOW) }).map(drop)
}

/// Sets the owner of an open file or folder.
pub fn set_owner_of(fd: RawFd, uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::fchown(fd, uid, gid) }).map(drop)
}

/// Sets the mode of an open file or folder.
pub fn set_mode(fd: RawFd, mode: u32) -> io::Result<()> {
    // SAFETY: an int and a mode.
    check(unsafe { libc::fchmod(fd, mode & 0o7777) }).map(drop)
}

/// A time in seconds and nanoseconds since 1970.
pub type Time = (i64, i64);

/// Sets the modification time of `folder`/`name`; a link is not followed.
pub fn set_mtime(folder: RawFd, name: &[u8], time: Time) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: two timespecs, a valid name.
    check(unsafe { libc::utimensat(folder, name.as_ptr(), times(time).as_ptr(), libc::AT_SYMLINK_NOFOLLOW) }).map(drop)
}

/// Creates a device, FIFO or socket. `mode` includes the file type.
pub fn make_node(folder: RawFd, name: &[u8], mode: u32, device: u64) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: a valid name.
    check(unsafe { libc::mknodat(folder, name.as_ptr(), mode, device) }).map(drop)
}

/// The next range of data from byte `at` on; None if there is only a hole up to the end. lseek(2), SEEK_DATA.
pub fn next_data(file: &File, at: u64) -> io::Result<Option<std::ops::Range<u64>>> {
    // SAFETY: plain numbers.
    let start = match check_long(unsafe { libc::lseek(file.as_raw_fd(), at as i64, libc::SEEK_DATA) }) {
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => return Ok(None),
        other => other? as u64,
    };
    // SAFETY: as above.
    let end = check_long(unsafe { libc::lseek(file.as_raw_fd(), start as i64, libc::SEEK_HOLE) })? as u64;
    Ok(Some(start..end))
}

/// Sets the modification time of an open file or folder.
pub fn set_mtime_of(fd: RawFd, time: Time) -> io::Result<()> {
    // SAFETY: two timespecs.
    check(unsafe { libc::futimens(fd, times(time).as_ptr()) }).map(drop)
}

/// The access time stays.
fn times((seconds, nanos): Time) -> [libc::timespec; 2] {
    [libc::timespec { tv_sec: 0, tv_nsec: libc::UTIME_OMIT }, libc::timespec { tv_sec: seconds, tv_nsec: nanos }]
}
