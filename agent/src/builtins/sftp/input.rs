//! Packets from the client: a length and so many bytes.

use super::wire::{Malformed, MAX_PACKET};
use std::io::{self, ErrorKind, Read};
use std::ops::Range;

/// Room for one packet and most of the next, so that bytes seldom have to be moved.
const SIZE: usize = 2 * MAX_PACKET;

/// Reads packets in place.
pub struct Input<R> {
    from: R,
    buffer: Vec<u8>,
    /// what was read and not yet taken
    unread: Range<usize>,
}

impl<R: Read> Input<R> {
    pub fn new(from: R) -> Input<R> {
        Input { from, buffer: vec![0; SIZE], unread: 0..0 }
    }

    /// The next packet without its length; None at the end. `before_wait` runs before each read, which may wait for the client.
    pub fn next(&mut self, mut before_wait: impl FnMut() -> io::Result<()>) -> io::Result<Option<&[u8]>> {
        loop {
            if let Some(packet) = self.complete()? {
                self.unread.start = packet.end;
                return Ok(Some(&self.buffer[packet]));
            }
            before_wait()?;
            if self.fill()? == 0 {
                return if self.unread.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// Where the first packet is, if all of it has been read.
    fn complete(&self) -> Result<Option<Range<usize>>, Malformed> {
        let Some(length) = self.buffer[self.unread.clone()].first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length == 0 || length > MAX_PACKET {
            return Err(Malformed);
        }
        let start = self.unread.start + 4;
        Ok((start + length <= self.unread.end).then_some(start..start + length))
    }

    fn fill(&mut self) -> io::Result<usize> {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.end == self.buffer.len() {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        loop {
            match self.from.read(&mut self.buffer[self.unread.end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.unread.end += count;
                    return Ok(count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives at most so many bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(buffer.len());
            self.0.read(&mut buffer[..count])
        }
    }

    fn packet(size: usize, byte: u8) -> Vec<u8> {
        [&(size as u32).to_be_bytes(), vec![byte; size].as_slice()].concat()
    }

    #[test]
    fn packets_are_whole_however_they_arrive() {
        let sizes = [1, 300, MAX_PACKET, 5, MAX_PACKET, MAX_PACKET - 1, 70_000];
        let bytes: Vec<u8> = sizes.iter().zip(1..).flat_map(|(size, byte)| packet(*size, byte)).collect();
        for step in [7, 4096, SIZE] {
            let mut input = Input::new(Slow(&bytes, step));
            for (size, byte) in sizes.iter().zip(1..) {
                let found = input.next(|| Ok(())).unwrap().unwrap();
                assert!(found.len() == *size && found.iter().all(|other| *other == byte), "{size} by {step}");
            }
            assert!(input.next(|| Ok(())).unwrap().is_none());
        }
    }

    #[test]
    fn a_packet_that_is_empty_too_long_or_cut_ends_it() {
        for (bytes, kind) in [
            (packet(0, 0), ErrorKind::InvalidData),
            (packet(MAX_PACKET + 1, 0), ErrorKind::InvalidData),
            (vec![0xff; 8], ErrorKind::InvalidData),
            (packet(9, 0)[..8].to_vec(), ErrorKind::UnexpectedEof),
            (vec![0, 0], ErrorKind::UnexpectedEof),
        ] {
            assert_eq!(Input::new(bytes.as_slice()).next(|| Ok(())).unwrap_err().kind(), kind);
        }
    }
}
