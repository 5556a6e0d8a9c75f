//! The end of a terminal's input. A pipe reports its end to every read. A terminal reports it once per end-of-file character, to the
//! next read, and loses it when a program changes the terminal's mode. So the character is typed again each time it has been read,
//! until the program has ended.

use crate::sys::tty;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Time between two checks: the kernel has no event for input that was read.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// When to check again, with a growing pause.
pub struct EndOfInput {
    next: Instant,
    pause: Duration,
}

impl EndOfInput {
    pub fn begin() -> EndOfInput {
        EndOfInput { next: Instant::now(), pause: FIRST }
    }

    /// Time until `type_if_due` has something to do.
    pub fn wait_at_most(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Types the end-of-file character if a check is due and all input before it has been read.
    pub fn type_if_due(&mut self, mut terminal: &File) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + self.pause;
        self.pause = LONGEST.min(self.pause * 2);
        if let Ok(false) = tty::has_unread_input(terminal.as_raw_fd()) {
            let _ = terminal.write(&[tty::end_of_file_key(terminal.as_raw_fd())]);
        }
    }
}
