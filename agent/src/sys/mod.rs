//! System calls that the standard library does not have. All `unsafe` code of the agent is in this folder; every
//! function here takes and returns safe values and turns -1 into `io::Error`.

pub mod argv0;
pub mod event_fd;
pub mod clock;
pub mod descriptor;
pub mod device;
pub mod fs_ids;
pub mod landlock;
pub mod limits;
mod messages;
pub mod mount;
pub mod namespaces;
pub mod net;
pub mod open;
pub mod path;
pub mod pid_namespace;
pub mod poll;
pub mod power;
pub mod privileges;
pub mod process;
pub mod random;
pub mod seccomp;
pub mod signal;
pub mod spawn;
mod stack;
pub mod supervision;
pub mod tcp;
pub mod tty;
pub mod tun;
pub mod unix;
pub mod xattr;

use std::ffi::CString;
use std::io;

/// -1 means `errno`.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

pub fn check_long(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// A path or name for the kernel; a NUL inside is an invalid argument.
pub fn c_string(text: impl Into<Vec<u8>>) -> io::Result<CString> {
    CString::new(text).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

/// The name and text of an `errno`, as in the protocol's `io` refusals.
pub fn errno_name(error: &io::Error) -> String {
    errno_of(error).map_or_else(|| error.to_string(), |name| format!("{name}: {error}"))
}

fn errno_of(error: &io::Error) -> Option<&'static str> {
    let name = match error.raw_os_error() {
        Some(libc::EPERM) => "EPERM",
        Some(libc::ENOENT) => "ENOENT",
        Some(libc::EIO) => "EIO",
        Some(libc::EACCES) => "EACCES",
        Some(libc::EEXIST) => "EEXIST",
        Some(libc::ENOTDIR) => "ENOTDIR",
        Some(libc::EISDIR) => "EISDIR",
        Some(libc::EINVAL) => "EINVAL",
        Some(libc::ENOSPC) => "ENOSPC",
        Some(libc::EROFS) => "EROFS",
        Some(libc::ELOOP) => "ELOOP",
        Some(libc::ENAMETOOLONG) => "ENAMETOOLONG",
        Some(libc::ECONNREFUSED) => "ECONNREFUSED",
        Some(libc::EHOSTUNREACH) => "EHOSTUNREACH",
        Some(libc::ENETUNREACH) => "ENETUNREACH",
        Some(libc::EADDRINUSE) => "EADDRINUSE",
        Some(libc::EADDRNOTAVAIL) => "EADDRNOTAVAIL",
        Some(libc::ENOMEM) => "ENOMEM",
        Some(libc::EDQUOT) => "EDQUOT",
        _ => return None,
    };
    Some(name)
}
