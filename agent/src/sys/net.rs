//! The guest's one interface: netdevice(7), and the listening sockets: sock_diag(7).

use super::check;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

fn inet_socket() -> io::Result<OwnedFd> {
    // SAFETY: a plain socket.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0))?)) }
}

fn request(name: &str) -> io::Result<libc::ifreq> {
    if name.is_empty() || name.len() >= libc::IFNAMSIZ {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    // SAFETY: an all-zero ifreq is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    Ok(request)
}

fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    // SAFETY: sockaddr_in and sockaddr have one size; both are plain bytes.
    unsafe {
        let mut inet: libc::sockaddr_in = std::mem::zeroed();
        inet.sin_family = libc::AF_INET as u16;
        inet.sin_addr.s_addr = u32::from_ne_bytes(address.octets());
        std::mem::transmute::<libc::sockaddr_in, libc::sockaddr>(inet)
    }
}

pub fn interface_up(name: &str) -> io::Result<()> {
    let socket = inet_socket()?;
    let mut request = request(name)?;
    // SAFETY: SIOC[GS]IFFLAGS use the flags of an ifreq.
    unsafe {
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &mut request))?;
        request.ifr_ifru.ifru_flags |= (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request)).map(drop)
    }
}

pub fn set_address(name: &str, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
    let socket = inet_socket()?;
    let mask = Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0));
    for (command, value) in [(libc::SIOCSIFADDR, address), (libc::SIOCSIFNETMASK, mask)] {
        let mut request = request(name)?;
        request.ifr_ifru.ifru_addr = socket_address(value);
        // SAFETY: the ifreq holds an address.
        check(unsafe { libc::ioctl(socket.as_raw_fd(), command, &request) })?;
    }
    Ok(())
}

/// In place of the default route there was.
pub fn set_default_route(gateway: Ipv4Addr) -> io::Result<()> {
    let socket = inet_socket()?;
    // SAFETY: an all-zero rtentry with three addresses and flags; no device name.
    unsafe {
        let mut route: libc::rtentry = std::mem::zeroed();
        route.rt_dst = socket_address(Ipv4Addr::UNSPECIFIED);
        route.rt_genmask = socket_address(Ipv4Addr::UNSPECIFIED);
        route.rt_gateway = socket_address(Ipv4Addr::UNSPECIFIED);
        route.rt_flags = libc::RTF_UP;
        // fails when there is none
        libc::ioctl(socket.as_raw_fd(), libc::SIOCDELRT, &route);
        route.rt_gateway = socket_address(gateway);
        route.rt_flags = libc::RTF_UP | libc::RTF_GATEWAY;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCADDRT, &route)).map(drop)
    }
}

/// State number of a listening socket (include/net/tcp_states.h).
pub const TCP_LISTEN: u8 = 10;

/// The answer to one sock_diag dump of listening TCP sockets, as netlink messages.
pub fn listening_dump(family: u8) -> io::Result<Vec<u8>> {
    let mut message = [0u8; 16 + 56];
    message[0..4].copy_from_slice(&72u32.to_ne_bytes());
    message[4..6].copy_from_slice(&20u16.to_ne_bytes()); // SOCK_DIAG_BY_FAMILY
    message[6..8].copy_from_slice(&0x301u16.to_ne_bytes()); // NLM_F_REQUEST | NLM_F_DUMP
    message[16] = family;
    message[17] = libc::IPPROTO_TCP as u8;
    message[20..24].copy_from_slice(&(1u32 << TCP_LISTEN).to_ne_bytes());
    let mut dump = Vec::new();
    // SAFETY: a plain socket; buffers with their lengths.
    unsafe {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
        let socket = OwnedFd::from_raw_fd(check(libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_SOCK_DIAG))?);
        super::check_long(libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), 0) as libc::c_long)?;
        let mut buffer = [0u8; 32768];
        loop {
            let got = libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0);
            let got = super::check_long(got as libc::c_long)? as usize;
            dump.extend_from_slice(&buffer[..got]);
            if got < 16 || has_end(&buffer[..got]) || dump.len() > 4 << 20 {
                return Ok(dump);
            }
        }
    }
}

/// NLMSG_DONE or NLMSG_ERROR among the messages.
fn has_end(mut bytes: &[u8]) -> bool {
    while bytes.len() >= 16 {
        let length = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        let kind = u16::from_ne_bytes([bytes[4], bytes[5]]);
        if kind == 2 || kind == 3 || length < 16 {
            return true;
        }
        bytes = bytes.get((length + 3) & !3..).unwrap_or(&[]);
    }
    false
}

/// A listener on a vsock port, on every address of ours.
pub fn listen_vsock(port: u32) -> io::Result<OwnedFd> {
    // SAFETY: a plain socket, and an address of the size that is passed.
    unsafe {
        let fd = OwnedFd::from_raw_fd(check(libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0))?);
        let mut address: libc::sockaddr_vm = std::mem::zeroed();
        address.svm_family = libc::AF_VSOCK as libc::sa_family_t;
        address.svm_port = port;
        address.svm_cid = libc::VMADDR_CID_ANY;
        let size = std::mem::size_of::<libc::sockaddr_vm>() as u32;
        check(libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size))?;
        check(libc::listen(fd.as_raw_fd(), 16))?;
        Ok(fd)
    }
}

/// The next connection; waits.
pub fn accept(listener: &OwnedFd) -> io::Result<OwnedFd> {
    // SAFETY: no address is wanted; the descriptor is ours.
    unsafe {
        let null = std::ptr::null_mut();
        let fd = check(libc::accept4(listener.as_raw_fd(), null, std::ptr::null_mut(), libc::SOCK_CLOEXEC))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Both directions.
pub fn shut_down(socket: &impl AsRawFd) {
    // SAFETY: plain numbers.
    unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RDWR) };
}
