//! TAP interfaces: the kernel's Documentation/networking/tuntap.rst.

use super::check;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

const TUNSETIFF: libc::c_ulong = 0x4004_54ca;

/// Makes a TAP interface, which is gone when the file is closed. Each read and each write is one Ethernet frame, and never waits.
pub fn make_tap(name: &str) -> io::Result<File> {
    let file = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    let mut request = super::net::request_for(name)?;
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq.
    check(unsafe { libc::ioctl(file.as_raw_fd(), TUNSETIFF, &mut request) })?;
    Ok(file)
}
