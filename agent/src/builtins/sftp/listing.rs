//! Names with their attributes and, for people, a line as `ls -l` prints it.

use super::attributes::Attributes;
use super::wire::Put;
use crate::users;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A file in a NAME reply.
pub struct Name {
    pub name: Vec<u8>,
    pub long: Vec<u8>,
    pub attributes: Attributes,
}

impl Name {
    /// A path without attributes, as REALPATH and READLINK reply.
    pub fn path(path: Vec<u8>) -> Name {
        Name { long: path.clone(), name: path, attributes: Attributes::default() }
    }

    pub fn put(&self, to: &mut Vec<u8>) {
        to.put_string(&self.name);
        to.put_string(&self.long);
        self.attributes.put(to);
    }
}

/// /etc/passwd and /etc/group.
pub struct Accounts {
    users: Vec<u8>,
    groups: Vec<u8>,
}

impl Accounts {
    pub fn read() -> Accounts {
        let read = |path: &str| fs::read(path).unwrap_or_default();
        Accounts { users: read("/etc/passwd"), groups: read("/etc/group") }
    }
}

/// A line as `ls -l` prints it, with the time in UTC.
pub fn line(name: &[u8], metadata: &Metadata, accounts: &Accounts) -> Vec<u8> {
    let account = |file: &[u8], number: u32| {
        users::name_of(number, file).map_or_else(|| number.to_string(), |name| String::from_utf8_lossy(name).into_owned())
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let before_name = format!(
        "{} {:>3} {:<8} {:<8} {:>8} {} ",
        permissions(metadata.mode()),
        metadata.nlink(),
        account(&accounts.users, metadata.uid()),
        account(&accounts.groups, metadata.gid()),
        metadata.size(),
        date(metadata.mtime(), now),
    );
    [before_name.as_bytes(), name].concat()
}

/// Type and permissions in ten letters, as ls(1) writes them.
fn permissions(mode: u32) -> String {
    let kind = match mode & libc::S_IFMT {
        libc::S_IFDIR => 'd',
        libc::S_IFLNK => 'l',
        libc::S_IFCHR => 'c',
        libc::S_IFBLK => 'b',
        libc::S_IFIFO => 'p',
        libc::S_IFSOCK => 's',
        _ => '-',
    };
    let mut text = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (false, runs) => if runs { 'x' } else { '-' },
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
        });
    }
    text
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY: i64 = 86_400;

/// Month, day, and the time or, if that is half a year away, the year.
fn date(time: i64, now: i64) -> String {
    let (year, month, day) = civil(time.div_euclid(DAY));
    let month = MONTHS[month as usize - 1];
    if (now - 182 * DAY..=now + DAY).contains(&time) {
        let minutes = time.rem_euclid(DAY) / 60;
        return format!("{month} {day:>2} {:02}:{:02}", minutes / 60, minutes % 60);
    }
    format!("{month} {day:>2}  {year:>4}")
}

/// Year, month and day of a day counted from 1970, in the Gregorian calendar. Eras of 400 years begin on 1 March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_written_as_ls_writes_them() {
        for (mode, text) in [
            (0o100644, "-rw-r--r--"),
            (0o040755, "drwxr-xr-x"),
            (0o120777, "lrwxrwxrwx"),
            (0o104755, "-rwsr-xr-x"),
            (0o102644, "-rw-r-Sr--"),
            (0o041777, "drwxrwxrwt"),
            (0o041770, "drwxrwx--T"),
            (0o020620, "crw--w----"),
        ] {
            assert_eq!(permissions(mode), text);
        }
    }

    #[test]
    fn days_are_those_of_the_gregorian_calendar() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_788, (2026, 12, 1)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(civil(days), expected, "{days}");
        }
    }

    #[test]
    fn a_date_has_the_time_if_it_is_recent_and_else_the_year() {
        let now = 1_796_108_400;
        assert_eq!(date(now, now), "Dec  1 07:00");
        assert_eq!(date(now - 181 * DAY, now), "Jun  3 07:00");
        assert_eq!(date(now - 183 * DAY, now), "Jun  1  2026");
        assert_eq!(date(now + 2 * DAY, now), "Dec  3  2026");
        assert_eq!(date(-1, now), "Dec 31  1969");
    }
}
