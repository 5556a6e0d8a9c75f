//! One header block of 512 bytes.

use super::{malformed, BLOCK};
use crate::wire::json::Answer;

/// A header block whose checksum is right.
pub struct Header<'a>(&'a [u8; BLOCK]);

impl<'a> Header<'a> {
    /// None for a block of zeroes, the end of the archive.
    pub fn parse(block: &'a [u8; BLOCK]) -> Answer<Option<Header<'a>>> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = Header(block);
        if octal(&block[148..156]) != Some(checksum(block)) {
            return Err(malformed("a header's checksum is wrong"));
        }
        Ok(Some(header))
    }

    /// The type of the entry.
    pub fn flag(&self) -> u8 {
        self.0[156]
    }

    /// The path, including ustar's prefix.
    pub fn path(&self) -> Vec<u8> {
        let name = text(&self.0[..100]);
        let prefix = text(&self.0[345..500]);
        // GNU's format has other fields there
        if &self.0[257..263] == b"ustar\0" && !prefix.is_empty() {
            [prefix, name].join(&b'/')
        } else {
            name.to_vec()
        }
    }

    pub fn link(&self) -> Vec<u8> {
        text(&self.0[157..257]).to_vec()
    }

    pub fn mode(&self) -> Answer<u32> {
        self.small(100..108, "mode")
    }

    pub fn uid(&self) -> Answer<u32> {
        self.small(108..116, "uid")
    }

    pub fn gid(&self) -> Answer<u32> {
        self.small(116..124, "gid")
    }

    pub fn size(&self) -> Answer<u64> {
        number(&self.0[124..136]).ok_or_else(|| malformed("a size is not a number"))
    }

    /// In seconds since 1970; an earlier time becomes 0.
    pub fn mtime(&self) -> i64 {
        number(&self.0[136..148]).and_then(|time| i64::try_from(time).ok()).unwrap_or(0)
    }

    fn small(&self, at: std::ops::Range<usize>, what: &str) -> Answer<u32> {
        let value = number(&self.0[at]).and_then(|value| u32::try_from(value).ok());
        value.ok_or_else(|| malformed(&format!("a {what} is not a number")))
    }
}

/// The sum of all bytes, with blanks in place of the checksum field.
pub fn checksum(block: &[u8; BLOCK]) -> u64 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    sum(&block[..148]) + 8 * u64::from(b' ') + sum(&block[156..])
}

fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    &field[..end]
}

/// Octal digits, or GNU's base 256.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 == 0 {
        return octal(field);
    }
    // 0xff… is negative
    let (first, rest) = field.split_first()?;
    rest.iter().try_fold(u64::from(first & 0x7f), |sum, byte| {
        (sum >> 56 == 0).then(|| sum << 8 | u64::from(*byte))
    })
}

/// A blank field is 0.
fn octal(field: &[u8]) -> Option<u64> {
    let is_padding = |byte: &u8| matches!(byte, 0 | b' ');
    let start = field.iter().position(|byte| *byte != b' ').unwrap_or(field.len());
    let digits = &field[start..];
    let end = digits.iter().position(is_padding).unwrap_or(digits.len());
    if !digits[end..].iter().all(is_padding) {
        return None;
    }
    digits[..end].iter().try_fold(0u64, |sum, byte| {
        let digit = u64::from(byte.checked_sub(b'0').filter(|digit| *digit < 8)?);
        (sum >> 61 == 0).then(|| sum << 3 | digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256_and_never_overflow() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(number(b"0000648\0"), None);
        assert_eq!(number(b"644 644\0"), None);
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\x01\0"), Some(256));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(number(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"), Some(u64::MAX));
        assert_eq!(number(b"\x80\0\0\x01\0\0\0\0\0\0\0\0"), None);
        assert_eq!(octal(b"1777777777777777777777"), Some(u64::MAX));
        assert_eq!(octal(b"2000000000000000000000"), None);
        assert_eq!(octal(b"777777777777777777777777"), None);
    }

    /// A header with these bytes at their places, and its checksum.
    fn block(fields: &[(usize, &[u8])]) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        for (at, bytes) in fields {
            block[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        let sum = checksum(&block);
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }

    #[test]
    fn a_header_with_a_changed_byte_is_refused() {
        let whole = block(&[(0, b"name"), (100, b"0000644")]);
        assert!(Header::parse(&whole).unwrap().is_some());
        for at in [0, 50, 102, 150, 300, BLOCK - 1] {
            let mut changed = whole;
            changed[at] ^= 1;
            assert!(Header::parse(&changed).is_err(), "byte {at}");
        }
        assert!(Header::parse(&[0; BLOCK]).unwrap().is_none());
    }

    #[test]
    fn only_ustar_has_a_prefix() {
        let path = |fields: &[(usize, &[u8])]| Header(&block(fields)).path();
        assert_eq!(path(&[(0, b"name"), (257, b"ustar\0"), (345, b"folder")]), b"folder/name");
        assert_eq!(path(&[(0, b"name"), (257, b"ustar\0")]), b"name");
        // GNU's
        assert_eq!(path(&[(0, b"name"), (257, b"ustar "), (345, b"folder")]), b"name");
        assert_eq!(path(&[(0, &[b'n'; 100]), (257, b"ustar\0"), (345, &[b'f'; 155])]).len(), 256);
    }
}
