//! Asking a program to end: SIGHUP to its process group, SIGKILL 5 s later.

use crate::sys::{signal, tty};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const GRACE: Duration = Duration::from_secs(5);

pub struct Termination {
    until: Instant,
    killed: bool,
}

impl Termination {
    pub fn begin(pid: i32, terminal: Option<&File>) -> Termination {
        for group in groups(pid, terminal) {
            let _ = signal::kill(-group, libc::SIGHUP);
        }
        let _ = signal::kill(-pid, libc::SIGCONT);
        Termination { until: Instant::now() + GRACE, killed: false }
    }

    /// How long to wait for the program; it has been killed when that is over.
    pub fn wait_at_most(&mut self, pid: i32, terminal: Option<&File>) -> Option<Duration> {
        if self.killed {
            return None;
        }
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            for group in groups(pid, terminal) {
                let _ = signal::kill(-group, libc::SIGKILL);
            }
            self.killed = true;
            return None;
        }
        Some(left)
    }

    /// The program is gone; what is left of its group has the rest of the time.
    pub fn finish_group(&self, pid: i32) {
        while !self.killed && signal::kill(-pid, 0).is_ok() {
            if Instant::now() >= self.until {
                let _ = signal::kill(-pid, libc::SIGKILL);
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The program's group, and the terminal's foreground group where that is another.
pub fn groups(pid: i32, terminal: Option<&File>) -> Vec<i32> {
    let front = terminal.and_then(|master| tty::foreground_group(master.as_raw_fd()).ok());
    let other = front.filter(|group| *group > 1 && *group != pid);
    [Some(pid), other].into_iter().flatten().collect()
}
