//! Namespaces (namespaces(7), user_namespaces(7)), and a root that consists of bind mounts.

use super::mount::{self, mount};
use super::{c_string, check, check_long};
use std::io;

pub use libc::{CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS};

// linux/mount.h
const ATTR_RDONLY: u64 = 1;
const ATTR_NOSUID: u64 = 2;
const ATTR_NODEV: u64 = 4;
const ATTR_NOEXEC: u64 = 8;

/// Restrictions of a mount.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limits {
    ReadOnly,
    /// no executing, no devices
    Data,
    /// no executing
    Device,
}

#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns: u64,
}

/// Enters new namespaces of `kinds` and a new user namespace, where the user keeps their ids and has every
/// capability. Only while the process has one thread.
pub fn unshare(kinds: libc::c_int) -> io::Result<()> {
    // SAFETY: no arguments.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    // SAFETY: plain flags; the process has one thread.
    check(unsafe { libc::unshare(kinds | libc::CLONE_NEWUSER) })?;
    // otherwise the kernel refuses gid_map (user_namespaces(7))
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Enters an empty root that has the former one in its folder `old`. Needs a mount namespace of our own.
pub fn enter_empty_root(old: &str) -> io::Result<()> {
    // mounts made from here on are not visible in other namespaces
    mount("none", "/", "", libc::MS_REC | libc::MS_PRIVATE, "")?;
    // any folder will do: pivot_root moves the mount away from it
    mount("root", "/tmp", "tmpfs", mount::MS_NOSUID | mount::MS_NODEV, "size=1m,mode=755")?;
    std::env::set_current_dir("/tmp")?;
    std::fs::create_dir(old)?;
    let (new, put_old) = (c_string(".")?, c_string(old)?);
    // SAFETY: two C strings.
    check_long(unsafe { libc::syscall(libc::SYS_pivot_root, new.as_ptr(), put_old.as_ptr()) })?;
    std::env::set_current_dir("/")
}

/// Bind-mounts `source`, with all mounts below it, at `target`.
pub fn bind(source: &str, target: &str, limits: Limits) -> io::Result<()> {
    mount(source, target, "", mount::MS_BIND | libc::MS_REC, "")?;
    limit(target, limits)
}

/// Makes only the mount at `target` read-only, not those below it.
pub fn make_read_only(target: &str) -> io::Result<()> {
    set_attributes(target, 0, ATTR_RDONLY | ATTR_NOEXEC)
}

/// Restricts a mount and all mounts below it.
fn limit(target: &str, limits: Limits) -> io::Result<()> {
    let set = match limits {
        Limits::ReadOnly => ATTR_RDONLY | ATTR_NODEV,
        Limits::Data => ATTR_NOEXEC | ATTR_NODEV,
        Limits::Device => ATTR_NOEXEC,
    };
    set_attributes(target, libc::AT_RECURSIVE, set | ATTR_NOSUID)
}

/// Adds flags to those that the mount already has (mount_setattr(2), Linux 5.12).
fn set_attributes(target: &str, flags: libc::c_int, set: u64) -> io::Result<()> {
    let attr = MountAttr { set, clear: 0, propagation: 0, userns: 0 };
    let target = c_string(target)?;
    let size = std::mem::size_of::<MountAttr>();
    // SAFETY: a C string and a struct of `size` bytes.
    let result =
        unsafe { libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, target.as_ptr(), flags, &raw const attr, size) };
    check_long(result).map(drop)
}
