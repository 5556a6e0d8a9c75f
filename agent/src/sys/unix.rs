//! Unix stream sockets (unix(7)): with the right mode as soon as their file exists, and for passing descriptors.

use super::check;
use std::io;
use std::mem::{offset_of, size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

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

/// Lets so many bytes wait in the socket, or as many as the host allows its users (socket(7), net.core.wmem_max).
pub fn enlarge_send_buffer(socket: &impl AsRawFd, bytes: libc::c_int) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    let value = (&raw const bytes).cast();
    // SAFETY: an int with its length.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, value, length) }).map(drop)
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

/// Bytes of one control message with one descriptor, as CMSG_SPACE says.
const CONTROL: usize = 24;

/// A message of one byte and, when sending, the control message in `control`.
fn message(byte: &mut libc::iovec, control: &mut [u64; CONTROL / 8]) -> libc::msghdr {
    // SAFETY: an all-zero msghdr is valid.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_iov = byte;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = CONTROL;
    header
}

/// Sends a copy of a descriptor: SCM_RIGHTS.
pub fn send_descriptor(socket: &impl AsRawFd, fd: &impl AsRawFd) -> io::Result<()> {
    let mut data = 0u8;
    let mut byte = libc::iovec { iov_base: (&raw mut data).cast(), iov_len: 1 };
    let mut control = [0u64; CONTROL / 8];
    let header = message(&mut byte, &mut control);
    // SAFETY: the control buffer has room for one header and one int, and outlives the call.
    let sent = unsafe {
        let first = libc::CMSG_FIRSTHDR(&header);
        (*first).cmsg_level = libc::SOL_SOCKET;
        (*first).cmsg_type = libc::SCM_RIGHTS;
        (*first).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as usize;
        libc::CMSG_DATA(first).cast::<RawFd>().write_unaligned(fd.as_raw_fd());
        libc::sendmsg(socket.as_raw_fd(), &header, libc::MSG_NOSIGNAL)
    };
    check(sent as libc::c_int).map(drop)
}

/// Waits for a descriptor from `send_descriptor`; None when the other end is closed.
pub fn receive_descriptor(socket: &impl AsRawFd) -> io::Result<Option<OwnedFd>> {
    let mut data = 0u8;
    let mut byte = libc::iovec { iov_base: (&raw mut data).cast(), iov_len: 1 };
    let mut control = [0u64; CONTROL / 8];
    let mut header = message(&mut byte, &mut control);
    // SAFETY: the buffers outlive the call; the kernel fills the control message, whose descriptor is ours afterwards.
    unsafe {
        if check(libc::recvmsg(socket.as_raw_fd(), &mut header, libc::MSG_CMSG_CLOEXEC) as libc::c_int)? == 0 {
            return Ok(None);
        }
        let first = libc::CMSG_FIRSTHDR(&header);
        if first.is_null() || (*first).cmsg_level != libc::SOL_SOCKET || (*first).cmsg_type != libc::SCM_RIGHTS {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message without a descriptor"));
        }
        Ok(Some(OwnedFd::from_raw_fd(libc::CMSG_DATA(first).cast::<RawFd>().read_unaligned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_descriptor_arrives_and_the_end_is_told() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut kept, sent) = UnixStream::pair().unwrap();
        send_descriptor(&ours, &sent).unwrap();
        drop(sent);
        let mut received = UnixStream::from(receive_descriptor(&theirs).unwrap().unwrap());
        received.write_all(b"x").unwrap();
        drop(received);
        let mut text = String::new();
        kept.read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
        drop(ours);
        assert!(receive_descriptor(&theirs).unwrap().is_none());
    }

    #[test]
    fn a_byte_without_a_descriptor_is_an_error() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"x").unwrap();
        assert!(receive_descriptor(&theirs).is_err());
    }

    #[test]
    fn more_bytes_wait_in_an_enlarged_socket() {
        let waiting = |(mut socket, _other): (UnixStream, UnixStream)| {
            socket.set_nonblocking(true).unwrap();
            std::iter::from_fn(|| socket.write(&[0; 4096]).ok()).sum::<usize>()
        };
        let enlarged = UnixStream::pair().unwrap();
        enlarge_send_buffer(&enlarged.0, 1024 * 1024).unwrap();
        let usual = waiting(UnixStream::pair().unwrap());
        // a host allows twice its default at least (net.core.wmem_max)
        assert!(waiting(enlarged) > usual * 3 / 2);
    }
}
