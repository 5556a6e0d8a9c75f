//! A program as PID 1 of its own process namespace, as a container's entrypoint: pid_namespaces(7).

use super::check;
use std::io;

/// For clone(2): the mount namespace is for the namespace's own `/proc`.
pub const FLAGS: libc::c_int = libc::CLONE_NEWPID | libc::CLONE_NEWNS;

/// Mounts the new namespace's `/proc`; mounts made outside still propagate to it.
///
/// # Safety
/// Only between clone(2) with `FLAGS` and execve(2), in the child.
pub unsafe fn mount_proc() -> io::Result<()> {
    let none = std::ptr::null();
    check(libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_SLAVE, none.cast()))?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    check(libc::mount(c"proc".as_ptr(), c"/proc".as_ptr(), c"proc".as_ptr(), flags, none.cast())).map(drop)
}
