//! TAP interfaces: the kernel's Documentation/networking/tuntap.rst.

use super::check;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

const TUNSETIFF: libc::c_ulong = 0x4004_54ca;

/// Attaches to a persistent TAP interface, which takes no privilege if it belongs to the user. Each read and each write is one Ethernet
/// frame behind a `virtio_net_hdr`, and never waits. ENODEV: there is none; EBUSY: a program is attached already.
pub fn attach_tap(name: &str) -> io::Result<File> {
    // with CAP_NET_ADMIN the kernel would make an interface that is missing
    if !super::net::exists(name)? {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    open_tap(name, libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR)
}

/// Makes a TAP interface, which is gone when the file is closed. Each read and each write is one Ethernet frame, and never waits.
pub fn make_tap(name: &str) -> io::Result<File> {
    open_tap(name, libc::IFF_TAP | libc::IFF_NO_PI)
}

fn open_tap(name: &str, flags: libc::c_int) -> io::Result<File> {
    let file = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    let mut request = super::net::request_for(name)?;
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq.
    check(unsafe { libc::ioctl(file.as_raw_fd(), TUNSETIFF, &mut request) })?;
    Ok(file)
}
