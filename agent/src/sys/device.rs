//! Kernel modules, device events, entropy, clock, and sizes of disks.

use super::{check, check_long};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// finit_module(2); succeeds if the module is already loaded.
pub fn load_module(file: &File) -> io::Result<()> {
    // SAFETY: an open file and an empty parameter string.
    let result = unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
    match check_long(result) {
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
        other => other.map(drop),
    }
}

/// The kernel's uevents: netlink(7), NETLINK_KOBJECT_UEVENT, group 1.
pub fn uevents() -> io::Result<OwnedFd> {
    // SAFETY: a plain socket, and an address of the size that is passed.
    unsafe {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        let fd = OwnedFd::from_raw_fd(check(libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_KOBJECT_UEVENT))?);
        let mut address: libc::sockaddr_nl = std::mem::zeroed();
        address.nl_family = libc::AF_NETLINK as u16;
        address.nl_groups = 1;
        let size = std::mem::size_of::<libc::sockaddr_nl>() as u32;
        check(libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size))?;
        Ok(fd)
    }
}

const RNDADDENTROPY: libc::c_ulong = 0x4008_5203;
const RNDRESEEDCRNG: libc::c_ulong = 0x5207;

/// Adds bytes from the host to the kernel's entropy pool and reseeds at once: random(4).
pub fn add_entropy(bytes: &[u8]) -> io::Result<()> {
    let file = File::options().write(true).open("/dev/urandom")?;
    let mut request = Vec::with_capacity(8 + bytes.len());
    request.extend_from_slice(&((bytes.len() * 8) as i32).to_ne_bytes());
    request.extend_from_slice(&(bytes.len() as i32).to_ne_bytes());
    request.extend_from_slice(bytes);
    // SAFETY: struct rand_pool_info: two ints, then as many bytes as the second says.
    unsafe {
        check(libc::ioctl(file.as_raw_fd(), RNDADDENTROPY, request.as_ptr()))?;
        check(libc::ioctl(file.as_raw_fd(), RNDRESEEDCRNG, 0))?;
    }
    Ok(())
}

/// Sets the wall clock. `nanos` is below 10^9.
pub fn set_clock(seconds: i64, nanos: i64) -> io::Result<()> {
    let time = libc::timespec { tv_sec: seconds, tv_nsec: nanos };
    // SAFETY: an initialised timespec.
    check(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &time) }).map(drop)
}

pub fn set_hostname(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length of one string.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }).map(drop)
}

const BLKGETSIZE64: libc::c_ulong = 0x8008_1272;
const EXT4_IOC_RESIZE_FS: libc::c_ulong = 0x4008_6610;

/// Size of a block device in bytes.
pub fn device_bytes(device: &File) -> io::Result<u64> {
    let mut bytes: u64 = 0;
    // SAFETY: BLKGETSIZE64 fills one u64.
    check(unsafe { libc::ioctl(device.as_raw_fd(), BLKGETSIZE64, &mut bytes) })?;
    Ok(bytes)
}

/// Grows a mounted ext4 to `blocks` of its own blocks. `folder` is its mount point.
pub fn resize_ext4(folder: &File, blocks: u64) -> io::Result<()> {
    // SAFETY: EXT4_IOC_RESIZE_FS reads one u64.
    check(unsafe { libc::ioctl(folder.as_raw_fd(), EXT4_IOC_RESIZE_FS, &blocks) }).map(drop)
}

const FITRIM: libc::c_ulong = 0xc018_5879;

/// Discards every free block of the file system that `folder` is on. Returns the number of bytes: none on a disk that can't discard,
/// as Firecracker's can't.
pub fn trim(folder: &File) -> io::Result<u64> {
    // struct fstrim_range: start, length, shortest extent
    let mut range = [0u64, u64::MAX, 0];
    // SAFETY: FITRIM reads three u64 and writes the second.
    match check(unsafe { libc::ioctl(folder.as_raw_fd(), FITRIM, range.as_mut_ptr()) }) {
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(0),
        other => other.map(|_| range[1]),
    }
}

/// Total bytes, free bytes, block size of the file system that `fd` is on.
pub fn fs_bytes(fd: RawFd) -> io::Result<(u64, u64, u64)> {
    // SAFETY: fstatvfs fills the struct, which is read only on success.
    unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        check(libc::fstatvfs(fd, &mut stat))?;
        let size = stat.f_frsize as u64;
        Ok((stat.f_blocks as u64 * size, stat.f_bavail as u64 * size, size))
    }
}
