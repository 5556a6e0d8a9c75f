//! Ends a program: SIGHUP to its process group, SIGKILL 5 s later.

use crate::sys::{signal, tty};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const GRACE: Duration = Duration::from_secs(5);

/// When to kill a program that got SIGHUP.
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

    /// Time left until the program is killed. None: this call or an earlier one has killed it.
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

    /// After the program has ended: gives the rest of its process group the remaining time, then kills it.
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

/// The program's process group and, if it is another one, the terminal's foreground group.
pub fn groups(pid: i32, terminal: Option<&File>) -> Vec<i32> {
    let front = terminal.and_then(|master| tty::foreground_group(master.as_raw_fd()).ok());
    let other = front.filter(|group| *group > 1 && *group != pid);
    [Some(pid), other].into_iter().flatten().collect()
}
