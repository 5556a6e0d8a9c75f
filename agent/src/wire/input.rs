//! The receiving half of a connection: splits the bytes into preambles and frames.

use super::frame::{decode, Frame, Violation, HEADER, MAX_PAYLOAD, TRAILER};
use std::io::{self, Read};

/// The beginning of a preamble.
pub const MAGIC: &[u8; 16] = b"banger-agent/1\r\n";
/// Bytes of the nonce after the magic.
pub const NONCE: usize = 16;
/// In bytes: room for two of the largest frames.
const CAPACITY: usize = 2 * (HEADER + MAX_PAYLOAD + TRAILER);

/// A fixed buffer for received bytes.
pub struct Input {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Default for Input {
    fn default() -> Self {
        Input { buffer: vec![0; CAPACITY].into_boxed_slice(), start: 0, end: 0 }
    }
}

impl Input {
    /// Reads once. Returns the number of bytes; 0: the peer has disconnected.
    pub fn fill(&mut self, reader: &mut impl Read) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.start > CAPACITY / 2 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let count = reader.read(&mut self.buffer[self.end..])?;
        self.end += count;
        Ok(count)
    }

    /// Discards bytes up to the end of a preamble and returns its nonce; None if there is none yet. A nonce with tag 0 is not a preamble.
    pub fn find_preamble(&mut self) -> Option<[u8; NONCE]> {
        loop {
            let bytes = &self.buffer[self.start..self.end];
            let Some(at) = position(bytes, MAGIC) else {
                self.start = self.end - bytes.len().min(MAGIC.len() - 1);
                return None;
            };
            self.start += at;
            let nonce = self.buffer[self.start..self.end].get(MAGIC.len()..MAGIC.len() + NONCE)?;
            let nonce: [u8; NONCE] = nonce.try_into().ok()?;
            self.start += MAGIC.len();
            if nonce[..4] != [0; 4] {
                self.start += NONCE;
                return Some(nonce);
            }
        }
    }

    /// The next complete frame. A violation ends the session; the bytes stay for `find_preamble`.
    pub fn next_frame(&mut self, tag: u32) -> Result<Option<Frame>, Violation> {
        let Some((frame, size)) = decode(&self.buffer[self.start..self.end], tag)? else { return Ok(None) };
        self.start += size;
        Ok(Some(frame))
    }
}

/// Looks for `0a` first, which is only at the end of the magic.
fn position(bytes: &[u8], magic: &[u8; 16]) -> Option<usize> {
    let last = magic.len() - 1;
    let mut from = last;
    while let Some(found) = bytes.get(from..)?.iter().position(|byte| *byte == magic[last]) {
        let end = from + found;
        if bytes[end - last..=end] == magic[..] {
            return Some(end - last);
        }
        from = end + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{encode, Kind};

    fn preamble(nonce: u8) -> Vec<u8> {
        [MAGIC.as_slice(), &[nonce; NONCE]].concat()
    }

    /// Feeds `bytes` in pieces of `step` and returns the first result of `take`.
    fn feed<T>(bytes: &[u8], step: usize, mut take: impl FnMut(&mut Input) -> Option<T>) -> Option<T> {
        let mut input = Input::default();
        for mut chunk in bytes.chunks(step) {
            while !chunk.is_empty() {
                input.fill(&mut chunk).unwrap();
                if let Some(found) = take(&mut input) {
                    return Some(found);
                }
            }
        }
        None
    }

    #[test]
    fn a_preamble_is_found_after_any_bytes_and_in_any_pieces() {
        let mut bytes = b"noise banger-agent/1\r banger-agent/banger-agent/1\n".to_vec();
        bytes.extend_from_slice(&[0; 70_000]);
        bytes.extend(preamble(7));
        for step in [1, 3, 17, 4096, 100_000] {
            assert_eq!(feed(&bytes, step, Input::find_preamble), Some([7; NONCE]));
        }
    }

    #[test]
    fn a_nonce_whose_tag_is_zero_is_skipped() {
        let bytes = [preamble(0), preamble(9)].concat();
        assert_eq!(feed(&bytes, 5, Input::find_preamble), Some([9; NONCE]));
    }

    #[test]
    fn the_filler_completes_a_cut_frame_and_is_skipped() {
        let frame = encode(Kind::Data(0), 1, &[0xaa; MAX_PAYLOAD], 0x0506_0708);
        for cut in [1, 4, 8, 9, 100, frame.len() - 1] {
            let mut bytes = frame[..cut].to_vec();
            bytes.extend_from_slice(&[0; 32780]);
            bytes.extend(preamble(3));
            let mut broken = false;
            let found = feed(&bytes, 4096, |input| {
                if !broken {
                    match input.next_frame(0x0506_0708) {
                        Ok(None) => return None,
                        Ok(Some(_)) => panic!("a cut frame was delivered"),
                        Err(_) => broken = true,
                    }
                }
                input.find_preamble()
            });
            assert_eq!(found, Some([3; NONCE]), "cut at {cut}");
        }
    }

    #[test]
    fn a_magic_at_a_frame_boundary_is_a_violation_and_is_then_found() {
        let bytes = [encode(Kind::Ping, 0, b"x", 5), preamble(4)].concat();
        let mut input = Input::default();
        input.fill(&mut bytes.as_slice()).unwrap();
        assert_eq!(input.next_frame(5).unwrap().unwrap().kind, Kind::Ping);
        assert_eq!(input.next_frame(5), Err(Violation::TooLong));
        assert_eq!(input.find_preamble(), Some([4; NONCE]));
    }

    #[test]
    fn frames_are_decoded_from_any_pieces() {
        let sizes = [0, 1, 5, 4096, MAX_PAYLOAD, 31, MAX_PAYLOAD, MAX_PAYLOAD];
        let bytes: Vec<u8> = sizes.iter().flat_map(|size| encode(Kind::Data(2), 3, &vec![1; *size], 8)).collect();
        for step in [1, 13, 4096, 65_000, 1_000_000] {
            let mut got = Vec::new();
            feed(&bytes, step, |input| -> Option<()> {
                while let Some(frame) = input.next_frame(8).unwrap() {
                    got.push(frame.payload.len());
                }
                None
            });
            assert_eq!(got, sizes);
        }
    }
}
