//! Reads a hostile tar stream entry by entry.

use super::header::Header;
use super::pax::Overrides;
use super::{malformed, shown, Entry, Kind, BLOCK};
use crate::wire::json::{Answer, Refusal};
use std::io::{BufRead, ErrorKind};

/// Maximum size of a PAX header or GNU long name, in bytes.
const MAX_EXTRA: u64 = 1024 * 1024;

/// An archive that is read sequentially.
pub struct Archive<R> {
    input: R,
    /// bytes of the current entry's content that have not been read yet
    left: u64,
    padding: u64,
}

#[derive(Default)]
struct Extras {
    pax: Overrides,
    long_path: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl<R: BufRead> Archive<R> {
    pub fn new(input: R) -> Archive<R> {
        Archive { input, left: 0, padding: 0 }
    }

    /// None at the end of the archive; what follows it is discarded.
    pub fn next_entry(&mut self) -> Answer<Option<Entry>> {
        let mut extras = Extras::default();
        loop {
            self.skip_content()?;
            let block = self.block()?;
            let Some(header) = Header::parse(&block)? else {
                return self.drain().map(|()| None);
            };
            self.expect(header.size()?)?;
            match header.flag() {
                b'x' => extras.pax.read(&self.extra()?)?,
                // global headers are ignored: no archiver sets the fields that we read in one
                b'g' => drop(self.extra()?),
                b'L' => extras.long_path = Some(until_nul(self.extra()?)),
                b'K' => extras.long_link = Some(until_nul(self.extra()?)),
                flag => return self.entry(&header, flag, extras).map(Some),
            }
        }
    }

    fn entry(&mut self, header: &Header, flag: u8, extras: Extras) -> Answer<Entry> {
        let path = extras.pax.path.or(extras.long_path).unwrap_or_else(|| header.path());
        let kind = match flag {
            b'5' => Kind::Folder,
            b'0' | 0 | b'7' if path.ends_with(b"/") => Kind::Folder,
            b'0' | 0 | b'7' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Link,
            _ => return Err(Refusal::new("unsupported", format!("{} is not a file, folder or link", shown(&path)))),
        };
        if let Some(size) = extras.pax.size {
            self.expect(size)?;
        }
        if kind != Kind::File && self.left > 0 {
            return Err(malformed("content after an entry that is not a file"));
        }
        Ok(Entry {
            path,
            kind,
            link: extras.pax.link.or(extras.long_link).unwrap_or_else(|| header.link()),
            mode: header.mode()? & 0o7777,
            uid: extras.pax.uid.map_or_else(|| header.uid(), Ok)?,
            gid: extras.pax.gid.map_or_else(|| header.gid(), Ok)?,
            size: self.left,
            mtime: extras.pax.mtime.unwrap_or((header.mtime(), 0)),
        })
    }

    /// Passes the rest of the current entry's content to `take`, piece by piece.
    pub fn content(&mut self, mut take: impl FnMut(&[u8]) -> Answer<()>) -> Answer<()> {
        while self.left > 0 {
            let bytes = fill(&mut self.input)?;
            let size = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            take(&bytes[..size])?;
            self.input.consume(size);
            self.left -= size as u64;
        }
        Ok(())
    }

    fn expect(&mut self, size: u64) -> Answer<()> {
        let padded = size.checked_next_multiple_of(BLOCK as u64).filter(|size| *size < 1 << 62);
        let padded = padded.ok_or_else(|| malformed("a size is too large"))?;
        (self.left, self.padding) = (size, padded - size);
        Ok(())
    }

    fn extra(&mut self) -> Answer<Vec<u8>> {
        if self.left > MAX_EXTRA {
            return Err(malformed("an extended header of more than 1 MiB"));
        }
        let mut bytes = Vec::new();
        self.content(|piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    fn skip_content(&mut self) -> Answer<()> {
        self.left += std::mem::take(&mut self.padding);
        self.content(|_| Ok(()))
    }

    fn block(&mut self) -> Answer<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        let mut at = 0;
        self.left = BLOCK as u64;
        self.content(|piece| {
            block[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
            Ok(())
        })?;
        Ok(block)
    }

    fn drain(&mut self) -> Answer<()> {
        loop {
            let size = match self.input.fill_buf() {
                Ok(bytes) => bytes.len(),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Refusal::io("reading", &error)),
            };
            if size == 0 {
                return Ok(());
            }
            self.input.consume(size);
        }
    }
}

/// Waits for at least one byte.
fn fill(input: &mut impl BufRead) -> Answer<&[u8]> {
    match input.fill_buf() {
        Ok([]) => Err(malformed("it ends too early")),
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(Refusal::io("reading", &error)),
    }
}

fn until_nul(mut name: Vec<u8>) -> Vec<u8> {
    name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
    name
}
