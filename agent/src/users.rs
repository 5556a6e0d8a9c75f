//! Users and groups as the image's own `/etc/passwd` and `/etc/group` have them: passwd(5), group(5).

use crate::sys::process::Ids;
use std::path::Path;

#[derive(Debug, Clone, PartialEq)]
pub struct User {
    pub name: String,
    pub ids: Ids,
    pub home: String,
    pub shell: String,
}

/// `text` is `name`, `uid`, `name:group`, `uid:gid`. None: there is no such user or group.
pub fn find(root: &Path, text: &str) -> Option<User> {
    let passwd = std::fs::read_to_string(root.join("etc/passwd")).unwrap_or_default();
    let group = std::fs::read_to_string(root.join("etc/group")).unwrap_or_default();
    let (user, wanted_group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let mut found = find_user(&passwd, &group, user)?;
    if let Some(wanted) = wanted_group {
        found.ids.gid = find_group(&group, wanted)?;
        found.ids.groups = vec![found.ids.gid];
    }
    Some(found)
}

fn find_user(passwd: &str, group: &str, wanted: &str) -> Option<User> {
    let number: Option<u32> = wanted.parse().ok();
    for line in passwd.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let &[name, _, uid, gid, _, home, shell] = &fields[..] else { continue };
        let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse()) else { continue };
        if name == wanted || number == Some(uid) {
            let shell = if shell.is_empty() { "/bin/sh" } else { shell };
            let groups = groups_of(group, name, gid);
            let (name, home, shell) = (name.to_string(), home.to_string(), shell.to_string());
            return Some(User { name, ids: Ids { uid, gid, groups }, home, shell });
        }
    }
    // an image may have no passwd at all; root and plain numbers exist everywhere
    let uid = if wanted == "root" { 0 } else { number? };
    let home = if uid == 0 { "/root" } else { "/" };
    let ids = Ids { uid, gid: uid, groups: vec![uid] };
    Some(User { name: wanted.to_string(), ids, home: home.to_string(), shell: String::new() })
}

fn groups_of(group: &str, user: &str, gid: u32) -> Vec<u32> {
    let mut groups = vec![gid];
    for line in group.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let &[_, _, id, members] = &fields[..] else { continue };
        let Ok(id) = id.parse() else { continue };
        if members.split(',').any(|member| member == user) && !groups.contains(&id) {
            groups.push(id);
        }
    }
    groups
}

fn find_group(group: &str, wanted: &str) -> Option<u32> {
    let named = group.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.len() >= 3 && fields[0] == wanted).then(|| fields[2].parse().ok())?
    });
    named.or_else(|| wanted.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\ndev:x:1000:1000::/home/dev:\nbroken\n";
    const GROUP: &str = "root:x:0:\ndocker:x:999:dev,root\ndev:x:1000:\n";

    #[test]
    fn users_are_found_by_name_and_number() {
        let dev = find_user(PASSWD, GROUP, "dev").unwrap();
        assert_eq!((dev.ids.uid, dev.ids.groups.clone(), dev.shell.as_str()), (1000, vec![1000, 999], "/bin/sh"));
        assert_eq!(find_user(PASSWD, GROUP, "1000").unwrap(), dev);
        assert_eq!(find_user(PASSWD, GROUP, "nobody"), None);
        assert_eq!(find_user("", "", "root").unwrap().home, "/root");
        assert_eq!(find_user("", "", "77").unwrap().ids.gid, 77);
    }

    #[test]
    fn groups_are_found_by_name_and_number() {
        assert_eq!(find_group(GROUP, "docker"), Some(999));
        assert_eq!(find_group(GROUP, "12"), Some(12));
        assert_eq!(find_group(GROUP, "none"), None);
    }
}
