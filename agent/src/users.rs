//! The guest's users, read from /etc/passwd and /etc/group: a static program has no name service.

use crate::sys::spawn::Ids;
use crate::wire::json::{Answer, Refusal};

/// A user to run programs as.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub name: Vec<u8>,
    pub home: Vec<u8>,
    /// login shell; may be empty
    pub shell: Vec<u8>,
    pub ids: Ids,
    /// the user has an entry in `/etc/passwd`
    pub is_listed: bool,
}

impl User {
    /// Whether the user is listed and has a shell that accepts logins.
    pub fn may_log_in(&self) -> bool {
        self.is_listed && !refuses_logins(&self.shell)
    }
}

/// Shells of service accounts: nologin(8), false(1).
pub fn refuses_logins(shell: &[u8]) -> bool {
    matches!(base_name(shell), b"nologin" | b"false" | b"true")
}

/// What follows the last slash.
pub fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// `wanted`: a user's name or number, optionally followed by `:group`. `:group` alone means root, as in container engines.
pub fn find(wanted: &[u8]) -> Answer<User> {
    let read = |path: &str| std::fs::read(path).unwrap_or_default();
    find_in(wanted, &read("/etc/passwd"), &read("/etc/group"))
}

fn find_in(wanted: &[u8], passwd: &[u8], group: &[u8]) -> Answer<User> {
    let unknown = |what: &str, name: &[u8]| {
        Refusal::new("no_user", format!("no {what} is named {:?}", String::from_utf8_lossy(name)))
    };
    let mut parts = wanted.splitn(2, |byte| *byte == b':');
    let name = parts.next().unwrap_or_default();
    let group_name = parts.next().filter(|group| !group.is_empty());
    let name = if name.is_empty() && group_name.is_some() { b"root" } else { name };
    let mut user = user_in(name, passwd).ok_or_else(|| unknown("user", name))?;
    if let Some(wanted) = group_name {
        user.ids.gid = group_in(wanted, group).ok_or_else(|| unknown("group", wanted))?;
        // a group in the request replaces the user's own groups (moby's GetExecUser)
        user.ids.groups = vec![user.ids.gid];
    } else {
        user.ids.groups = groups_of(&user.name, user.ids.gid, group);
    }
    Ok(user)
}

/// The name of a number in a file like /etc/passwd or /etc/group; the first of several.
pub fn name_of(wanted: u32, file: &[u8]) -> Option<&[u8]> {
    entries(file).find(|fields| fields.get(2).and_then(|text| number(text)) == Some(wanted)).map(|fields| fields[0])
}

/// The colon-separated fields of each line.
fn entries(file: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    file.split(|byte| *byte == b'\n').map(|line| line.split(|byte| *byte == b':').collect())
}

/// Looks for the name first, then the number. A number without an entry is a user without a name; root needs no entry.
fn user_in(wanted: &[u8], passwd: &[u8]) -> Option<User> {
    let entry = |named: &dyn Fn(&[&[u8]]) -> bool| {
        entries(passwd).filter(|fields| fields.len() >= 7 && named(fields)).find_map(|fields| user_of(&fields))
    };
    if let Some(user) = entry(&|fields| fields[0] == wanted) {
        return Some(user);
    }
    let uid: u32 = if wanted == b"root" { 0 } else { number(wanted)? };
    entry(&|fields| number(fields[2]) == Some(uid)).or_else(|| {
        let (name, home): (&[u8], &[u8]) = if uid == 0 { (b"root", b"/root") } else { (wanted, b"/") };
        let ids = Ids { uid, gid: 0, groups: Vec::new() };
        Some(User { name: name.to_vec(), home: home.to_vec(), shell: Vec::new(), ids, is_listed: false })
    })
}

fn user_of(fields: &[&[u8]]) -> Option<User> {
    let ids = Ids { uid: number(fields[2])?, gid: number(fields[3])?, groups: Vec::new() };
    Some(User { name: fields[0].to_vec(), home: fields[5].to_vec(), shell: fields[6].to_vec(), ids, is_listed: true })
}

fn group_in(wanted: &[u8], group: &[u8]) -> Option<u32> {
    let named = entries(group).find(|fields| fields.len() >= 3 && fields[0] == wanted);
    named.and_then(|fields| number(fields[2])).or_else(|| number(wanted))
}

/// The primary group and those that list the user as a member.
fn groups_of(user: &[u8], gid: u32, group: &[u8]) -> Vec<u32> {
    let mut groups = vec![gid];
    for fields in entries(group) {
        let (Some(number), Some(members)) = (fields.get(2).and_then(|text| number(text)), fields.get(3)) else { continue };
        if members.split(|byte| *byte == b',').any(|member| member == user) && !groups.contains(&number) {
            groups.push(number);
        }
    }
    groups
}

/// Digits only, and not 4294967295, which means "leave it" to the kernel.
fn number(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok().filter(|number| *number != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbroken:x\n1000:x:7:7::/odd:\nann:x:1000:1000:Ann:/home/ann:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nadm:x:4:ann,bob\nsudo:x:27:bob\nann:x:1000:\ndocker:x:999:ann\n";

    fn ids(wanted: &str) -> Option<(u32, u32, Vec<u32>)> {
        let user = find_in(wanted.as_bytes(), PASSWD.as_bytes(), GROUP.as_bytes()).ok()?;
        Some((user.ids.uid, user.ids.gid, user.ids.groups))
    }

    #[test]
    fn users_are_found_by_name_then_by_number() {
        assert_eq!(ids("root"), Some((0, 0, vec![0])));
        assert_eq!(ids("ann"), Some((1000, 1000, vec![1000, 4, 999])));
        assert_eq!(ids("1000"), Some((7, 7, vec![7])), "a name that looks like a number comes first");
        assert_eq!(ids("7"), Some((7, 7, vec![7])));
        assert_eq!(ids("4242"), Some((4242, 0, vec![0])));
        for unknown in ["", "bob", "broken", "-1", "4294967295", "4294967296", "+5", ":"] {
            assert_eq!(ids(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn a_group_may_be_named_with_the_user() {
        assert_eq!(ids("ann:sudo"), Some((1000, 27, vec![27])), "none of ann's own groups");
        assert_eq!(ids("ann:12"), Some((1000, 12, vec![12])));
        assert_eq!(ids(":sudo"), Some((0, 27, vec![27])));
        assert_eq!(ids("ann:"), ids("ann"));
        assert_eq!(ids("ann:nosuch"), None);
    }

    #[test]
    fn a_number_has_the_first_name_of_several() {
        let file = b"a:x:7::\nb:x:7::\nc:x\nd:x:no:\n\xff:x:8:";
        assert_eq!([7, 8, 9].map(|number| name_of(number, file)), [Some(b"a".as_slice()), Some(b"\xff"), None]);
    }

    #[test]
    fn names_and_homes_are_bytes() {
        let user = find_in(b"\xfcte", b"\xfcte:x:1001:100::/home/\xfcte:/bin/\xff\n", b"users:x:100:\n\xfc:x:7:\xfcte\n").unwrap();
        assert_eq!((user.name, user.home, user.shell), (b"\xfcte".to_vec(), b"/home/\xfcte".to_vec(), b"/bin/\xff".to_vec()));
        assert_eq!(user.ids.groups, [100, 7]);
    }

    #[test]
    fn who_may_log_in_is_listed_and_has_a_shell() {
        let passwd = b"www:x:33:33::/var/www:/usr/sbin/nologin\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/:\n";
        let may = |name: &[u8]| find_in(name, passwd, b"").unwrap().may_log_in();
        assert_eq!([b"www".as_slice(), b"ann", b"1000", b"bob", b"4242", b"root"].map(may), [false, true, true, true, false, false]);
    }

    #[test]
    fn an_image_without_a_passwd_still_has_root() {
        let user = find_in(b"root", b"", b"").unwrap();
        assert_eq!((user.home, user.ids.uid), (b"/root".to_vec(), 0));
    }
}
