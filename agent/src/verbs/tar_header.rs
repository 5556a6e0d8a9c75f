//! One entry of a tar stream: ustar and PAX (POSIX.1-2008, pax), GNU long names. Everything in it is untrusted.

use std::collections::BTreeMap;
use std::io::{self, Read};

pub const BLOCK: usize = 512;
const MAX_EXTENSION: u64 = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    File,
    Folder,
    Link,
    HardLink,
    Other(u8),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub kind: Kind,
    pub name: String,
    pub target: String,
    pub size: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: (i64, i64),
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

/// The next entry, extensions taken in; None at the end of the archive.
pub fn next_entry(input: &mut impl Read) -> io::Result<Option<Entry>> {
    let mut long_name = None;
    let mut long_target = None;
    let mut pax = BTreeMap::new();
    loop {
        let mut block = [0u8; BLOCK];
        if !read_block(input, &mut block)? || block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        check_sum(&block)?;
        let size = number(&block[124..136])?;
        match block[156] {
            b'L' => long_name = Some(c_text(&extension(input, size)?)?),
            b'K' => long_target = Some(c_text(&extension(input, size)?)?),
            b'x' => pax = parse_pax(&extension(input, size)?)?,
            b'g' => drop(extension(input, size)?),
            kind => return entry(&block, kind, size, long_name, long_target, &pax).map(Some),
        }
    }
}

fn read_block(input: &mut impl Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut have = 0;
    while have < BLOCK {
        match input.read(&mut block[have..])? {
            0 if have == 0 => return Ok(false),
            0 => return Err(invalid("the archive is cut short")),
            count => have += count,
        }
    }
    Ok(true)
}

fn entry(
    block: &[u8; BLOCK],
    kind: u8,
    size: u64,
    long_name: Option<String>,
    long_target: Option<String>,
    pax: &BTreeMap<String, String>,
) -> io::Result<Entry> {
    let get = |key: &str| pax.get(key).cloned();
    let number_of = |key: &str, otherwise: u64| match pax.get(key) {
        Some(value) => value.parse::<u64>().map_err(|_| invalid("a PAX number")),
        None => Ok(otherwise),
    };
    let kind = match kind {
        b'0' | 0 | b'7' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Link,
        b'5' => Kind::Folder,
        other => Kind::Other(other),
    };
    let mtime = match pax.get("mtime") {
        Some(value) => parse_time(value)?,
        None => (number(&block[136..148])? as i64, 0),
    };
    let id = |key, field: &[u8]| -> io::Result<u32> { u32::try_from(number_of(key, number(field)?)?).map_err(|_| invalid("an id")) };
    Ok(Entry {
        kind,
        name: get("path").or(long_name).map_or_else(|| ustar_name(block), Ok)?,
        target: get("linkpath").or(long_target).map_or_else(|| c_text(&block[157..257]), Ok)?,
        size: if kind == Kind::File { number_of("size", size)? } else { 0 },
        mode: number(&block[100..108])? as u32 & 0o7777,
        uid: id("uid", &block[108..116])?,
        gid: id("gid", &block[116..124])?,
        mtime,
    })
}

fn ustar_name(block: &[u8; BLOCK]) -> io::Result<String> {
    let name = c_text(&block[0..100])?;
    let prefix = if &block[257..263] == b"ustar\0" { c_text(&block[345..500])? } else { String::new() };
    Ok(if prefix.is_empty() { name } else { format!("{prefix}/{name}") })
}

/// Up to the first NUL. Names are bytes on Linux: what is no UTF-8 is refused rather than changed.
fn c_text(field: &[u8]) -> io::Result<String> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8(field[..end].to_vec()).map_err(|_| invalid("a name that is no UTF-8"))
}

/// Octal, or base 256 with the top bit set (GNU).
fn number(field: &[u8]) -> io::Result<u64> {
    if field[0] & 0x80 != 0 {
        let bytes = field.iter().enumerate().map(|(at, byte)| if at == 0 { byte & 0x7f } else { *byte });
        return bytes.fold(Some(0u64), |sum, byte| sum?.checked_mul(256)?.checked_add(u64::from(byte))).ok_or_else(|| invalid("a number over 64 bits"));
    }
    let digits = field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| !matches!(**byte, 0 | b' '));
    digits.copied().try_fold(0u64, |sum, byte| match byte {
        b'0'..=b'7' if sum >> 60 == 0 => Ok(sum << 3 | u64::from(byte - b'0')),
        _ => Err(invalid("a number that is not octal")),
    })
}

fn check_sum(block: &[u8; BLOCK]) -> io::Result<()> {
    let sum: u64 = block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum();
    if number(&block[148..156])? == sum { Ok(()) } else { Err(invalid("a header with a wrong checksum")) }
}

fn extension(input: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    if size > MAX_EXTENSION {
        return Err(invalid("an extension header over 1 MiB"));
    }
    let mut bytes = vec![0; size as usize];
    input.read_exact(&mut bytes).map_err(|_| invalid("the archive is cut short"))?;
    skip_padding(input, size)?;
    Ok(bytes)
}

/// Entries are padded to whole blocks.
pub fn skip_padding(input: &mut impl Read, size: u64) -> io::Result<()> {
    let padding = (BLOCK - (size % BLOCK as u64) as usize) % BLOCK;
    input.read_exact(&mut [0u8; BLOCK][..padding]).map_err(|_| invalid("the archive is cut short"))
}

/// Records of `<length> <key>=<value>\n`.
fn parse_pax(mut bytes: &[u8]) -> io::Result<BTreeMap<String, String>> {
    let mut records = BTreeMap::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ').ok_or_else(|| invalid("a PAX record"))?;
        let length = std::str::from_utf8(&bytes[..space]).ok().and_then(|text| text.parse::<usize>().ok());
        let length = length.filter(|length| *length > space + 1 && *length <= bytes.len()).ok_or_else(|| invalid("a PAX record"))?;
        let record = bytes[space + 1..length].strip_suffix(b"\n").ok_or_else(|| invalid("a PAX record"))?;
        let text = std::str::from_utf8(record).map_err(|_| invalid("a PAX record that is no UTF-8"))?;
        let (key, value) = text.split_once('=').ok_or_else(|| invalid("a PAX record"))?;
        records.insert(key.to_string(), value.to_string());
        bytes = &bytes[length..];
    }
    Ok(records)
}

/// Seconds with a fraction; nanoseconds are always counted upwards.
fn parse_time(text: &str) -> io::Result<(i64, i64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().map_err(|_| invalid("a PAX time"))?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanos: i64 = digits.parse().map_err(|_| invalid("a PAX time"))?;
    Ok(if whole.starts_with('-') && nanos > 0 { (seconds - 1, 1_000_000_000 - nanos) } else { (seconds, nanos) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(b"0000644\0").unwrap(), 0o644);
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]).unwrap(), 256);
        assert!(number(b"9999999\0").is_err());
    }

    #[test]
    fn times() {
        assert_eq!(parse_time("12.5").unwrap(), (12, 500_000_000));
        assert_eq!(parse_time("-1.25").unwrap(), (-2, 750_000_000));
        assert!(parse_time("x").is_err());
    }

    #[test]
    fn damaged_pax_records_are_refused() {
        for bad in [&b"99 a=b\n"[..], b"5 a=b", b"x a=b\n", b"0 \n", b"6 ab\n\n"] {
            assert!(parse_pax(bad).is_err(), "{bad:?}");
        }
        assert_eq!(parse_pax(b"12 path=a/b\n").unwrap()["path"], "a/b");
    }

    #[test]
    fn random_archives_never_panic() {
        let mut state = 0x2545_f491_4f6c_dd1du64;
        for _ in 0..2000 {
            let bytes: Vec<u8> = (0..1536)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state as u8
                })
                .collect();
            let _ = next_entry(&mut &bytes[..]);
        }
    }
}
