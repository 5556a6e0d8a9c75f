//! The end of a terminal's input. A pipe says it to every reader, again and again; a terminal says it once for each character
//! typed, to whoever reads next, and forgets it when a program changes the terminal's mode. So it is typed again each time
//! somebody took it, until the program has ended.

use crate::sys::tty;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// The kernel has no event for input that was taken: between two looks.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

pub struct EndOfInput {
    next: Instant,
    pause: Duration,
}

impl EndOfInput {
    pub fn begin() -> EndOfInput {
        EndOfInput { next: Instant::now(), pause: FIRST }
    }

    /// Time until `say` has something to do.
    pub fn wait_at_most(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Types the character for the end of a file, where it is time for that and all before it was taken.
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
