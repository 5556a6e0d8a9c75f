//! Lines, contents and replies between the two sides.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};

/// Bytes of a line: a name has 255 at most (path_resolution(7)).
const MAX_LINE: u64 = 8192;
const CHUNK: usize = 256 * 1024;

pub struct Peer<R, W> {
    input: BufReader<R>,
    output: W,
    failed: bool,
}

fn broken(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("the client broke the protocol: {why}"))
}

impl<R: Read, W: Write> Peer<R, W> {
    pub fn new(input: R, output: W) -> Peer<R, W> {
        Peer { input: BufReader::with_capacity(CHUNK, input), output, failed: false }
    }

    /// Neither side has reported an error.
    pub fn is_complete(&self) -> bool {
        !self.failed
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)?;
        self.output.flush()
    }

    pub fn accept(&mut self) -> io::Result<()> {
        self.send(&[0])
    }

    /// Reports that a file was not copied; the transfer continues.
    pub fn report(&mut self, what: &[u8], why: &str) -> io::Result<()> {
        self.failed = true;
        let mut line = [b"\x01scp: ".as_slice(), what, b": ", why.as_bytes()].concat();
        line.retain(|byte| *byte != b'\n');
        line.push(b'\n');
        self.send(&line)
    }

    /// Reports an error that ends the transfer.
    pub fn refuse(&mut self, why: &str) -> io::Error {
        let _ = self.send(format!("\x02scp: {why}\n").as_bytes());
        broken(why)
    }

    /// The other side's reply: false if it did not take what was sent. An error ends the transfer.
    pub fn is_accepted(&mut self) -> io::Result<bool> {
        let mut code = [0];
        self.input.read_exact(&mut code)?;
        match code[0] {
            0 => Ok(true),
            1 => {
                self.failed = true;
                self.rest_of_line()?;
                Ok(false)
            }
            2 => Err(self.fatal()?),
            _ => Err(broken("a reply that is none")),
        }
    }

    /// The next line without its end; None at the end of the input. What the other side reports is not one.
    pub fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let Some(first) = self.input.fill_buf()?.first().copied() else { return Ok(None) };
            match first {
                1 => {
                    self.failed = true;
                    self.rest_of_line()?;
                }
                2 => return Err(self.fatal()?),
                _ => return self.rest_of_line().map(Some),
            }
        }
    }

    fn fatal(&mut self) -> io::Result<io::Error> {
        let line = self.rest_of_line()?;
        Ok(io::Error::other(String::from_utf8_lossy(&line).trim_start_matches('\x02').to_string()))
    }

    fn rest_of_line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        (&mut self.input).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(broken("a line that does not end"));
        }
        Ok(line)
    }

    /// Passes the next `size` bytes to `take`, all of them even if it fails.
    pub fn content(&mut self, size: u64, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<io::Result<()>> {
        let (mut left, mut result) = (size, Ok(()));
        while left > 0 {
            let bytes = match self.input.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            };
            if bytes.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if result.is_ok() {
                result = take(&bytes[..count]);
            }
            self.input.consume(count);
            left -= count as u64;
        }
        Ok(result)
    }
}
