//! Network interfaces, netdevice(7), and vsock.

use super::check;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// A network interface, and a socket for its ioctls.
pub struct Link {
    socket: OwnedFd,
    name: [libc::c_char; libc::IFNAMSIZ],
}

/// An Ethernet address.
pub type Mac = [u8; 6];

impl Link {
    /// Does not check whether the interface exists.
    pub fn named(name: &str) -> io::Result<Link> {
        let name = request_for(name)?.ifr_name;
        // SAFETY: a plain socket.
        let socket = unsafe { OwnedFd::from_raw_fd(check(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0))?) };
        Ok(Link { socket, name })
    }

    pub fn name(&self) -> String {
        self.name.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8 as char).collect()
    }

    fn request(&self) -> libc::ifreq {
        // SAFETY: an all-zero ifreq is valid.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        request.ifr_name = self.name;
        request
    }

    fn ask(&self, command: libc::c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
        // SAFETY: a command of netdevice(7), each of which reads and writes one ifreq at most.
        check(unsafe { libc::ioctl(self.socket.as_raw_fd(), command, request) }).map(drop)
    }

    /// Sets the interface up.
    pub fn up(&self) -> io::Result<()> {
        let mut request = self.request();
        self.ask(libc::SIOCGIFFLAGS, &mut request)?;
        // SAFETY: SIOCGIFFLAGS filled the flags.
        let flags = unsafe { request.ifr_ifru.ifru_flags };
        let up = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        if flags & libc::IFF_UP as libc::c_short != 0 {
            return Ok(());
        }
        request.ifr_ifru.ifru_flags = flags | up;
        self.ask(libc::SIOCSIFFLAGS, &mut request)
    }

    pub fn mac(&self) -> io::Result<Mac> {
        let mut request = self.request();
        self.ask(libc::SIOCGIFHWADDR, &mut request)?;
        // SAFETY: SIOCGIFHWADDR filled the address.
        let data = unsafe { request.ifr_ifru.ifru_hwaddr.sa_data };
        Ok(std::array::from_fn(|at| data[at] as u8))
    }

    /// Also makes the kernel forget the interface's neighbours.
    pub fn set_mac(&self, mac: Mac) -> io::Result<()> {
        let mut request = self.request();
        // SAFETY: an all-zero sockaddr is valid.
        let mut address: libc::sockaddr = unsafe { std::mem::zeroed() };
        address.sa_family = libc::ARPHRD_ETHER;
        for (to, from) in address.sa_data.iter_mut().zip(mac) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_hwaddr = address;
        self.ask(libc::SIOCSIFHWADDR, &mut request)
    }

    /// `mtu` in bytes of IP.
    pub fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        let mut request = self.request();
        request.ifr_ifru.ifru_mtu = mtu.into();
        self.ask(libc::SIOCSIFMTU, &mut request)
    }

    /// Removes all addresses; with the last one the kernel removes the interface's routes and neighbours.
    pub fn clear_addresses(&self) -> io::Result<()> {
        const MAX: usize = 64;
        for _ in 0..MAX {
            match self.ask(libc::SIOCGIFADDR, &mut self.request()) {
                Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => return Ok(()),
                other => other?,
            }
            self.set(libc::SIOCSIFADDR, Ipv4Addr::UNSPECIFIED)?;
        }
        Err(io::Error::from_raw_os_error(libc::EBUSY))
    }

    /// Sets the IPv4 address; `prefix` in bits.
    pub fn set_address(&self, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
        let mask = Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0));
        self.set(libc::SIOCSIFADDR, address)?;
        self.set(libc::SIOCSIFNETMASK, mask)
    }

    fn set(&self, command: libc::c_ulong, value: Ipv4Addr) -> io::Result<()> {
        let mut request = self.request();
        request.ifr_ifru.ifru_addr = socket_address(value);
        self.ask(command, &mut request)
    }

    /// Replaces the default route. `window`: the most bytes of a TCP connection on their way to the guest; None: the kernel's limits.
    pub fn set_default_route(&self, gateway: Ipv4Addr, window: Option<u32>) -> io::Result<()> {
        // SAFETY: an all-zero rtentry with three addresses and flags; no device name.
        unsafe {
            let mut route: libc::rtentry = std::mem::zeroed();
            route.rt_dst = socket_address(Ipv4Addr::UNSPECIFIED);
            route.rt_genmask = socket_address(Ipv4Addr::UNSPECIFIED);
            route.rt_gateway = socket_address(Ipv4Addr::UNSPECIFIED);
            route.rt_flags = libc::RTF_UP;
            // fails when there is none
            libc::ioctl(self.socket.as_raw_fd(), libc::SIOCDELRT, &route);
            route.rt_gateway = socket_address(gateway);
            route.rt_flags = libc::RTF_UP | libc::RTF_GATEWAY;
            if let Some(bytes) = window {
                route.rt_flags |= libc::RTF_WINDOW;
                route.rt_window = bytes.into();
            }
            check(libc::ioctl(self.socket.as_raw_fd(), libc::SIOCADDRT, &route)).map(drop)
        }
    }
}

/// Whether the network namespace has an interface of that name.
pub fn exists(name: &str) -> io::Result<bool> {
    // its name is closed by a NUL: there is always room
    let request = request_for(name)?;
    // SAFETY: a string with its NUL.
    Ok(unsafe { libc::if_nametoindex(request.ifr_name.as_ptr()) } != 0)
}

/// An ifreq with nothing but the name.
pub fn request_for(name: &str) -> io::Result<libc::ifreq> {
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

/// Listens on a vsock port, on all of the guest's addresses.
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

/// Waits for the next connection. None for one over vsock that is not the host's: a guest whose kernel has the vsock loopback would
/// otherwise let its own users in.
pub fn accept(listener: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    // SAFETY: an all-zero address is valid, and has room for any other's family; the descriptor is ours.
    unsafe {
        let mut peer: libc::sockaddr_vm = std::mem::zeroed();
        let mut size = std::mem::size_of::<libc::sockaddr_vm>() as u32;
        let fd = check(libc::accept4(listener.as_raw_fd(), (&raw mut peer).cast(), &mut size, libc::SOCK_CLOEXEC))?;
        Ok(Some(OwnedFd::from_raw_fd(fd)).filter(|_| is_from_host(&peer)))
    }
}

fn is_from_host(peer: &libc::sockaddr_vm) -> bool {
    libc::c_int::from(peer.svm_family) != libc::AF_VSOCK || peer.svm_cid == libc::VMADDR_CID_HOST
}

/// Both directions.
pub fn shut_down(socket: &impl AsRawFd) {
    // SAFETY: plain numbers.
    unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RDWR) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_vsock_only_the_host_connects() {
        // SAFETY: an all-zero address is valid.
        let mut peer: libc::sockaddr_vm = unsafe { std::mem::zeroed() };
        peer.svm_family = libc::AF_VSOCK as libc::sa_family_t;
        for (cid, expected) in [(0, false), (libc::VMADDR_CID_LOCAL, false), (libc::VMADDR_CID_HOST, true), (3, false)] {
            peer.svm_cid = cid;
            assert_eq!(is_from_host(&peer), expected, "{cid}");
        }
        peer.svm_family = libc::AF_UNIX as libc::sa_family_t;
        assert!(is_from_host(&peer));
    }
}
