//! PAX extended headers: records of `<length> <key>=<value>\n`.

use super::malformed;
use crate::sys::open::Time;
use crate::wire::json::{Answer, Refusal};

/// Values that replace fields of the next header.
#[derive(Debug, Default, PartialEq)]
pub struct Overrides {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub mtime: Option<Time>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

impl Overrides {
    /// Later records win; an empty value removes an earlier one.
    pub fn read(&mut self, mut records: &[u8]) -> Answer<()> {
        while !records.is_empty() {
            let (key, value, rest) = record(records).ok_or_else(|| malformed("a PAX record is malformed"))?;
            self.set(key, value)?;
            records = rest;
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Answer<()> {
        let bad = || malformed("a value in a PAX record is not valid");
        let text = || (!value.is_empty()).then(|| value.to_vec());
        match key {
            b"path" => self.path = text(),
            b"linkpath" => self.link = text(),
            b"size" => self.size = number(value).ok_or_else(bad)?,
            b"mtime" => self.mtime = if value.is_empty() { None } else { Some(time(value).ok_or_else(bad)?) },
            b"uid" => self.uid = id(value).ok_or_else(bad)?,
            b"gid" => self.gid = id(value).ok_or_else(bad)?,
            _ if key.starts_with(b"GNU.sparse") => {
                return Err(Refusal::new("unsupported", "sparse files in a tar stream"));
            }
            _ => {}
        }
        Ok(())
    }
}

fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(number(&bytes[..blank])??).ok()?;
    let body = bytes.get(blank + 1..length)?;
    let (body, rest) = (body.strip_suffix(b"\n")?, &bytes[length..]);
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((&body[..equals], &body[equals + 1..], rest))
}

/// Outer None: not a number; inner None: empty.
fn number(value: &[u8]) -> Option<Option<u64>> {
    if value.is_empty() {
        return Some(None);
    }
    let text = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok().map(Some)
}

fn id(value: &[u8]) -> Option<Option<u32>> {
    match number(value)? {
        None => Some(None),
        Some(id) => u32::try_from(id).ok().map(Some),
    }
}

/// `1700000000.25`; `-3.25` is three and a quarter seconds before 1970. Rounded down to nanoseconds.
pub fn time(value: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(value).ok()?;
    let (is_before, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.get(..fraction.len().min(9))?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos: i64 = format!("{digits:0<9}").parse().ok()?;
    let seconds = i64::try_from(number(seconds.as_bytes())??).ok()?;
    let finer = fraction.bytes().skip(9).any(|byte| byte != b'0');
    Some(if is_before { before_1970(seconds, nanos + i64::from(finer)) } else { (seconds, nanos) })
}

/// timespec(3) counts nanoseconds forward, even before 1970.
fn before_1970(seconds: i64, nanos: i64) -> Time {
    if nanos == 0 {
        (-seconds, 0)
    } else {
        (-seconds - 1, 1_000_000_000 - nanos)
    }
}

/// The inverse of `time`.
pub fn write_time((seconds, nanos): Time) -> String {
    if seconds >= 0 {
        format!("{seconds}.{nanos:09}")
    } else if nanos == 0 {
        format!("{seconds}")
    } else {
        format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanos)
    }
}

/// Appends one record; its length includes its own digits.
pub fn write(records: &mut Vec<u8>, key: impl AsRef<[u8]>, value: &[u8]) {
    let key = key.as_ref();
    let body = key.len() + value.len() + 3;
    let mut length = body + 1;
    while body + length.to_string().len() != length {
        length = body + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} ").as_bytes());
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_were_written() {
        for size in (0..300).chain(985..1005).chain(9_980..10_010) {
            let mut records = Vec::new();
            let value = vec![b'x'; size];
            write(&mut records, "path", &value);
            write(&mut records, "uid", b"7");
            let mut overrides = Overrides::default();
            overrides.read(&records).unwrap();
            assert_eq!((overrides.path.unwrap_or_default(), overrides.uid), (value, Some(7)), "size {size}");
        }
    }

    #[test]
    fn wrong_lengths_and_values_are_refused() {
        for bad in ["8 path=a\n", "11 path=a\n", "path=a\n", "-1 a=b\n", "99999999999999999999 a=b\n", "3 a\n", "6 a=b", "2 a=b\n", "12 size=0x10\n", "11 uid=-12\n"] {
            assert!(Overrides::default().read(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(Overrides::default().read(b"21 GNU.sparse.major=1\n").is_err());
    }

    #[test]
    fn later_records_win_and_an_empty_one_removes_an_earlier_one() {
        let keys = ["path", "linkpath", "size", "mtime", "uid", "gid"];
        let read = |values: &[&str]| {
            let mut records = Vec::new();
            for value in values {
                keys.iter().for_each(|key| write(&mut records, key, value.as_bytes()));
            }
            let mut overrides = Overrides::default();
            overrides.read(&records).map(|()| overrides)
        };
        let seven = Overrides { path: Some(b"7".into()), link: Some(b"7".into()), size: Some(7), mtime: Some((7, 0)), uid: Some(7), gid: Some(7) };
        assert_eq!(read(&["8", "7"]).unwrap(), seven);
        assert_eq!(read(&["7", ""]).unwrap(), Overrides::default());
    }

    #[test]
    fn an_id_has_32_bits_and_a_size_64() {
        let read = |key: &str, value: &str| {
            let mut records = Vec::new();
            write(&mut records, key, value.as_bytes());
            Overrides::default().read(&records)
        };
        for (key, last, next) in
            [("uid", "4294967295", "4294967296"), ("gid", "4294967295", "4294967296"), ("size", "18446744073709551615", "18446744073709551616")]
        {
            assert!(read(key, last).is_ok(), "{key}");
            assert!(read(key, next).is_err(), "{key}");
        }
    }

    #[test]
    fn a_length_has_at_most_19_digits() {
        let read = |digits: usize| {
            let record = format!("{:0digits$} a=b\n", digits + 5);
            Overrides::default().read(record.as_bytes())
        };
        assert!(read(19).is_ok());
        assert!(read(20).is_err());
    }

    #[test]
    fn times_are_read_to_the_nanosecond() {
        assert_eq!(time(b"12.5"), Some((12, 500_000_000)));
        assert_eq!(time(b"12.1234567899"), Some((12, 123_456_789)));
        assert_eq!(time(b"-3.25"), Some((-4, 750_000_000)));
        assert_eq!((time(b"-3"), time(b"-0.5")), (Some((-3, 0)), Some((-1, 500_000_000))));
        assert_eq!(time(b"-0.0000000001"), Some((-1, 999_999_999)));
        assert_eq!((time(b"x"), time(b""), time(b"1.x")), (None, None, None));
        assert_eq!((time(b"--1"), time(b"-"), time(b"-1.-5")), (None, None, None));
    }

    #[test]
    fn times_are_read_as_they_were_written() {
        for at in [(0, 1), (1_700_000_000, 999_999_999), (-1, 0), (-1, 1), (-1, 999_999_999), (-300, 500_000_000), (1 << 33, 7)] {
            assert_eq!(time(write_time(at).as_bytes()), Some(at), "{at:?}");
        }
    }
}
