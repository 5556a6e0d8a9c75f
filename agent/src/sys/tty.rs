//! Pseudo-terminals: pty(7).

use super::{c_string, check};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Opens a pseudo-terminal of this size: master and slave, close-on-exec.
pub fn open_pty(cols: u16, rows: u16) -> io::Result<(File, OwnedFd)> {
    let path = c_string("/dev/ptmx")?;
    // SAFETY: a valid path; TIOCSPTLCK reads and TIOCGPTPEER takes plain ints; the descriptors are ours.
    unsafe {
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        let master = File::from_raw_fd(check(libc::open(path.as_ptr(), flags))?);
        let unlocked: libc::c_int = 0;
        check(libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &unlocked))?;
        let slave = check(libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags))?;
        resize(master.as_raw_fd(), cols, rows)?;
        Ok((master, OwnedFd::from_raw_fd(slave)))
    }
}

pub fn resize(master: RawFd, cols: u16, rows: u16) -> io::Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: an initialised winsize.
    check(unsafe { libc::ioctl(master, libc::TIOCSWINSZ, &size) }).map(drop)
}

/// Whether there is input, text or an end of file, that no program has read yet.
pub fn has_unread_input(master: RawFd) -> io::Result<bool> {
    let flags = libc::O_RDONLY | libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_CLOEXEC;
    // SAFETY: TIOCGPTPEER takes plain flags; the descriptor is ours.
    let slave = unsafe { OwnedFd::from_raw_fd(check(libc::ioctl(master, libc::TIOCGPTPEER, flags))?) };
    super::poll::readable(slave.as_raw_fd(), Some(std::time::Duration::ZERO))
}

/// The terminal's end-of-file character: ^D unless a program has changed it.
pub fn end_of_file_key(master: RawFd) -> u8 {
    const CONTROL_D: u8 = 4;
    // SAFETY: tcgetattr fills the struct; for a master it returns the slave's modes.
    let mode = unsafe {
        let mut mode: libc::termios = std::mem::zeroed();
        check(libc::tcgetattr(master, &mut mode)).map(|_| mode)
    };
    mode.map_or(CONTROL_D, |mode| Some(mode.c_cc[libc::VEOF]).filter(|key| *key != 0).unwrap_or(CONTROL_D))
}

/// The terminal's foreground process group.
pub fn foreground_group(master: RawFd) -> io::Result<i32> {
    let mut group: libc::pid_t = 0;
    // SAFETY: TIOCGPGRP fills one pid.
    check(unsafe { libc::ioctl(master, libc::TIOCGPGRP, &mut group) })?;
    Ok(group)
}
