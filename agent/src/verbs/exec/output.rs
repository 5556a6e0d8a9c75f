//! One output of a program: read from its pipe or terminal, sent to the host.

use super::replay::Replay;
use crate::session::Stream;
use crate::sys::poll;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsRawFd, RawFd};

/// Bytes that are read or sent at a time.
pub const CHUNK: usize = 32 * 1024;
/// Capacity of a pipe, in bytes, once a program has shown that it transfers much: fewer context switches between it and the agent.
pub const WIDE: usize = 256 * 1024;

/// State of one output channel.
pub struct Output {
    pub channel: usize,
    file: File,
    /// after the program has ended: bytes that are still to be read
    left: usize,
    open: bool,
    wide: bool,
    /// Some: the program is resumable
    replay: Option<Replay>,
    /// EOF was sent on the current stream
    eof_sent: bool,
}

/// How output is handled at the moment.
#[derive(Clone, Copy)]
pub struct Mode {
    pub ended: bool,
    /// the host no longer wants it
    pub discards: bool,
}

impl Output {
    pub fn new(channel: usize, file: File, is_resumable: bool) -> Output {
        let replay = is_resumable.then(Replay::default);
        Output { channel, file, left: usize::MAX, open: true, wide: false, replay, eof_sent: false }
    }

    /// Everything has been read and sent.
    pub fn is_over(&self) -> bool {
        !self.open && self.backlog() == 0
    }

    /// Discards what has not been sent.
    pub fn drop_rest(&mut self) {
        self.open = false;
        if let Some(replay) = &mut self.replay {
            *replay = Replay::default();
        }
    }

    /// The program has ended: read only what is buffered now or, if `max` is given, at most that many bytes.
    pub fn end_with(&mut self, max: Option<usize>) {
        self.left = max.unwrap_or_else(|| poll::available(&self.file));
    }

    /// The descriptor to poll, if there is room to read from it.
    pub fn source(&self, stream: &Stream, discards: bool) -> Option<RawFd> {
        let has_room = discards || (self.backlog() == 0 && stream.credit(self.channel) > 0);
        (self.open && has_room).then(|| self.file.as_raw_fd())
    }

    /// Whether a backlog can be sent right now.
    pub fn can_repeat(&self, stream: &Stream) -> bool {
        self.backlog() > 0 && stream.credit(self.channel) > 0
    }

    /// Whether all bytes from `offset` on are still retained.
    pub fn can_resume_at(&self, offset: u64) -> bool {
        self.replay.as_ref().is_some_and(|replay| replay.reaches(offset))
    }

    /// Continues on a new stream from `offset`; see `can_resume_at`.
    pub fn resume_at(&mut self, offset: u64) {
        self.eof_sent = false;
        if let Some(replay) = &mut self.replay {
            replay.rewind(offset);
        }
    }

    fn backlog(&self) -> usize {
        self.replay.as_ref().map_or(0, Replay::backlog)
    }

    /// Sends one chunk within the credit: from the backlog if there is one, else read from the program.
    pub fn transfer(&mut self, stream: &Stream, buffer: &mut [u8], mode: Mode) {
        if !mode.discards && self.backlog() > 0 {
            self.repeat(stream);
        } else if self.open {
            self.read(stream, buffer, mode);
        }
        self.send_eof_if_over(stream);
    }

    /// Sends EOF once per stream.
    pub fn send_eof_if_over(&mut self, stream: &Stream) {
        if self.is_over() && !self.eof_sent {
            self.eof_sent = true;
            stream.eof(self.channel as u8);
        }
    }

    fn repeat(&mut self, stream: &Stream) {
        let max = CHUNK.min(stream.credit(self.channel));
        let Some(replay) = self.replay.as_mut().filter(|_| max > 0) else { return };
        // if the stream is lost now, the next one gives its own offset
        let _ = stream.send(self.channel, &replay.take(max));
    }

    fn read(&mut self, stream: &Stream, buffer: &mut [u8], mode: Mode) {
        let credit = if mode.discards { CHUNK } else { stream.credit(self.channel) };
        let wanted = buffer.len().min(self.left).min(credit);
        if wanted == 0 && self.left > 0 {
            return;
        }
        let stays_open = match self.file.read(&mut buffer[..wanted]) {
            // a terminal that no process has open any more returns EIO, handled below
            Ok(0) => false,
            Ok(count) => {
                if count == CHUNK && !self.wide {
                    self.wide = true;
                    poll::widen(&self.file, WIDE);
                }
                self.left -= if mode.ended { count } else { 0 };
                mode.discards || self.send(stream, &buffer[..count])
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => !mode.ended,
            Err(error) => error.kind() == ErrorKind::Interrupted,
        };
        self.open = stays_open && self.left > 0;
    }

    /// False when the bytes can never be delivered.
    fn send(&mut self, stream: &Stream, bytes: &[u8]) -> bool {
        if let Some(replay) = &mut self.replay {
            replay.push(bytes);
        }
        stream.send(self.channel, bytes).is_ok() || self.replay.is_some()
    }
}
