//! A channel of a stream as a `Read`.

use super::{Received, Stream};
use std::io::{self, BufRead, Read};

/// Reads one channel and returns credit for what it has read.
pub struct ChannelReader<'a> {
    stream: &'a Stream,
    channel: usize,
    chunk: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<'a> ChannelReader<'a> {
    pub fn new(stream: &'a Stream, channel: usize) -> ChannelReader<'a> {
        ChannelReader { stream, channel, chunk: Vec::new(), at: 0, ended: false }
    }
}

impl BufRead for ChannelReader<'_> {
    /// Waits for bytes. The end of the stream before EOF is an error.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.chunk.len() && !self.ended {
            self.stream.consumed(self.channel, self.chunk.len());
            (self.chunk, self.at) = (Vec::new(), 0);
            match self.stream.receive(self.channel) {
                Received::Data(bytes) => self.chunk = bytes,
                Received::Eof => self.ended = true,
                Received::Over => return Err(io::ErrorKind::ConnectionAborted.into()),
            }
        }
        Ok(&self.chunk[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.chunk.len());
    }
}

impl Read for ChannelReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
