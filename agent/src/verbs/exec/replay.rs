//! The last bytes that a program wrote, for a host that lost its connection before it received them.

use crate::wire::frame::{append, WINDOW};
use std::collections::VecDeque;

/// Bytes. At most one credit window is in flight to `bangerd`, and another from there to `banger`: anything older has arrived.
pub const MAX: usize = 2 * WINDOW;

/// Offsets count all bytes of the output from its beginning.
#[derive(Default)]
pub struct Replay {
    bytes: VecDeque<u8>,
    end: u64,
    /// offset of the first byte that the current stream has not been sent
    next: u64,
}

impl Replay {
    /// Records what is being sent. There must be no backlog.
    pub fn push(&mut self, bytes: &[u8]) {
        append(&mut self.bytes, bytes);
        self.end += bytes.len() as u64;
        self.next = self.end;
        self.bytes.drain(..self.bytes.len().saturating_sub(MAX));
    }

    /// Whether everything from `offset` on can be sent again.
    pub fn reaches(&self, offset: u64) -> bool {
        (self.end - self.bytes.len() as u64..=self.end).contains(&offset)
    }

    /// Restarts sending at `offset`, which must be within reach.
    pub fn rewind(&mut self, offset: u64) {
        self.next = offset;
    }

    /// Bytes still to be sent again.
    pub fn backlog(&self) -> usize {
        (self.end - self.next) as usize
    }

    /// Takes the next bytes of the backlog, at most `max`.
    pub fn take(&mut self, max: usize) -> Vec<u8> {
        let size = self.backlog().min(max);
        let from = self.bytes.len() - self.backlog();
        self.next += size as u64;
        self.bytes.range(from..from + size).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_within_reach_are_sent_again() {
        let mut replay = Replay::default();
        replay.push(b"hello ");
        replay.push(b"world");
        assert_eq!(replay.backlog(), 0);
        assert!(replay.reaches(0) && replay.reaches(11) && !replay.reaches(12));
        replay.rewind(4);
        assert_eq!((replay.take(3), replay.backlog()), (b"o w".to_vec(), 4));
        assert_eq!((replay.take(100), replay.backlog()), (b"orld".to_vec(), 0));
        replay.push(b"!");
        replay.rewind(10);
        assert_eq!(replay.take(100), b"d!");
    }

    #[test]
    fn exactly_two_windows_are_retained() {
        let mut replay = Replay::default();
        replay.push(&vec![1; MAX]);
        assert!(replay.reaches(0));
        replay.push(b"2");
        assert!(!replay.reaches(0) && replay.reaches(1));
        replay.rewind(1);
        assert_eq!(replay.backlog(), MAX);
        let again = replay.take(MAX);
        assert_eq!((again.len(), again.last()), (MAX, Some(&b'2')));
    }
}
