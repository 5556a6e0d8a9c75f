//! mount(2), umount(2) and changing the root.

use super::{c_string, check};
use std::io;

pub use libc::{MS_BIND, MS_MOVE, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REMOUNT};

/// mount(2); an empty string stands for an argument that is not used.
pub fn mount(source: &str, target: &str, kind: &str, flags: libc::c_ulong, data: &str) -> io::Result<()> {
    let (source, target, kind, data) = (c_string(source)?, c_string(target)?, c_string(kind)?, c_string(data)?);
    // SAFETY: four C strings that live until the call returns.
    check(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast()) }).map(drop)
}

/// Makes the mount point `new_root` the root.
pub fn enter_root(new_root: &str) -> io::Result<()> {
    std::env::set_current_dir(new_root)?;
    mount(".", "/", "", MS_MOVE, "")?;
    std::os::unix::fs::chroot(".")?;
    std::env::set_current_dir("/")
}

pub fn unmount(target: &str) -> io::Result<()> {
    let target = c_string(target)?;
    // SAFETY: a C string.
    check(unsafe { libc::umount2(target.as_ptr(), 0) }).map(drop)
}

/// Detaches the mount at once, even if it is still in use.
pub fn unmount_lazily(target: &str) -> io::Result<()> {
    let target = c_string(target)?;
    // SAFETY: a C string.
    check(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

pub fn sync() {
    // SAFETY: no arguments.
    unsafe { libc::sync() }
}
