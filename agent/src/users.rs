//! The guest's users, read from its files: a static program has no name service.

use crate::sys::spawn::Ids;
use crate::wire::json::{Answer, Refusal};
use std::path::Path;

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub name: String,
    pub home: String,
    /// login shell; empty: none named
    pub shell: String,
    pub ids: Ids,
}

/// `wanted`: a user's name or number, with `:group` perhaps; `:group` alone is root's, as container engines read it.
pub fn find(wanted: &str) -> Answer<User> {
    let read = |path: &str| String::from_utf8_lossy(&std::fs::read(Path::new(path)).unwrap_or_default()).into_owned();
    find_in(wanted, &read("/etc/passwd"), &read("/etc/group"))
}

fn find_in(wanted: &str, passwd: &str, group: &str) -> Answer<User> {
    let (name, group_name) = match wanted.split_once(':') {
        Some((name, "")) => (name, None),
        Some(("", group)) => ("root", Some(group)),
        Some((name, group)) => (name, Some(group)),
        None => (wanted, None),
    };
    let mut user = user_in(name, passwd).ok_or_else(|| Refusal::new("no_user", format!("no user is named {name:?}")))?;
    if let Some(wanted) = group_name {
        let gid = group_in(wanted, group);
        user.ids.gid = gid.ok_or_else(|| Refusal::new("no_user", format!("no group is named {wanted:?}")))?;
        // who names a group gets that one alone (moby's GetExecUser)
        user.ids.groups = vec![user.ids.gid];
    } else {
        user.ids.groups = groups_of(&user.name, user.ids.gid, group);
    }
    Ok(user)
}

/// By name first. A number that nobody has is a user without a name; root needs no file.
fn user_in(wanted: &str, passwd: &str) -> Option<User> {
    let entry = |named: &dyn Fn(&[&str]) -> bool| {
        let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
        fields.filter(|fields| fields.len() >= 7 && named(fields)).find_map(|fields| user_of(&fields))
    };
    if let Some(user) = entry(&|fields| fields[0] == wanted) {
        return Some(user);
    }
    let uid: u32 = if wanted == "root" { 0 } else { number(wanted)? };
    entry(&|fields| number(fields[2]) == Some(uid)).or_else(|| {
        let (name, home) = if uid == 0 { ("root", "/root") } else { (wanted, "/") };
        let ids = Ids { uid, gid: 0, groups: Vec::new() };
        Some(User { name: name.to_string(), home: home.to_string(), shell: String::new(), ids })
    })
}

fn user_of(fields: &[&str]) -> Option<User> {
    let ids = Ids { uid: number(fields[2])?, gid: number(fields[3])?, groups: Vec::new() };
    let text = |at: usize| fields[at].to_string();
    Some(User { name: text(0), home: text(5), shell: text(6), ids })
}

fn group_in(wanted: &str, group: &str) -> Option<u32> {
    let mut entries = group.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let named = entries.find(|fields| fields.len() >= 3 && fields[0] == wanted);
    named.and_then(|fields| number(fields[2])).or_else(|| number(wanted))
}

/// The main one and those that list the user.
fn groups_of(user: &str, gid: u32, group: &str) -> Vec<u32> {
    let mut groups = vec![gid];
    for line in group.lines() {
        let fields: Vec<_> = line.split(':').collect();
        let (Some(number), Some(members)) = (fields.get(2).and_then(|text| number(text)), fields.get(3)) else { continue };
        if members.split(',').any(|member| member == user) && !groups.contains(&number) {
            groups.push(number);
        }
    }
    groups
}

/// All of it digits, and not the -1 that means "leave it" to the kernel.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_number && *number != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbroken:x\n1000:x:7:7::/odd:\nann:x:1000:1000:Ann:/home/ann:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nadm:x:4:ann,bob\nsudo:x:27:bob\nann:x:1000:\ndocker:x:999:ann\n";

    fn ids(wanted: &str) -> Option<(u32, u32, Vec<u32>)> {
        let user = find_in(wanted, PASSWD, GROUP).ok()?;
        Some((user.ids.uid, user.ids.gid, user.ids.groups))
    }

    #[test]
    fn users_are_found_by_name_then_by_number() {
        assert_eq!(ids("root"), Some((0, 0, vec![0])));
        assert_eq!(ids("ann"), Some((1000, 1000, vec![1000, 4, 999])));
        assert_eq!(ids("1000"), Some((7, 7, vec![7])), "a name that looks like a number comes first");
        assert_eq!(ids("7"), Some((7, 7, vec![7])));
        assert_eq!(ids("4242"), Some((4242, 0, vec![0])));
        for nobody in ["", "bob", "broken", "-1", "4294967295", "4294967296", "+5", ":"] {
            assert_eq!(ids(nobody), None, "{nobody:?}");
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
    fn an_image_without_a_passwd_still_has_root() {
        let user = find_in("root", "", "").unwrap();
        assert_eq!((user.home.as_str(), user.ids.uid), ("/root", 0));
    }
}
