//! Unix stream sockets whose file has the right mode as soon as it exists (unix(7)).

use super::check;
use std::io;
use std::mem::{offset_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// connections that can wait to be accepted; the program that accepts them can call listen(2) again
const BACKLOG: libc::c_int = 16;

/// Binds a socket to `path` and listens. Its file has `mode`, without the bits of the umask, as soon as it exists.
pub fn listen(path: &str, mode: libc::mode_t) -> io::Result<OwnedFd> {
    let fd = stream()?;
    let (address, length) = address_of(path)?;
    // SAFETY: our descriptor and an address of `length` bytes. bind(2) takes the file's mode from the socket's own.
    unsafe {
        check(libc::fchmod(fd.as_raw_fd(), mode))?;
        check(libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length))?;
        check(libc::listen(fd.as_raw_fd(), BACKLOG))?;
    }
    Ok(fd)
}

pub fn connect(path: &str) -> io::Result<OwnedFd> {
    std::os::unix::net::UnixStream::connect(path).map(OwnedFd::from)
}

fn stream() -> io::Result<OwnedFd> {
    // SAFETY: plain numbers; the descriptor is ours.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0))?)) }
}

fn address_of(path: &str) -> io::Result<(libc::sockaddr_un, libc::socklen_t)> {
    // SAFETY: all zeroes is a valid address.
    let mut address: libc::sockaddr_un = unsafe { zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    if path.is_empty() || path.len() >= address.sun_path.len() || path.contains('\0') {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    for (to, from) in address.sun_path.iter_mut().zip(path.bytes()) {
        *to = from as libc::c_char;
    }
    let length = offset_of!(libc::sockaddr_un, sun_path) + path.len() + 1;
    Ok((address, length as libc::socklen_t))
}
