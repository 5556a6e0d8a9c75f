//! Environment variables for the whole guest: for login shells in profile.d, for services in systemd's default environment. Programs
//! that the agent starts get them from memory.

use super::files::{remove, replace_if_other};
use crate::systemd::{user, Manager};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Values by name.
pub type Variables = BTreeMap<Vec<u8>, Vec<u8>>;

/// Writes the variables to the guest's files, or removes the files if there are none.
pub fn write(root: &Path, variables: &Variables) -> io::Result<()> {
    let profile = root.join("etc/profile.d/banger-env.sh");
    let services = root.join("etc/systemd/system.conf.d/banger.conf");
    if variables.is_empty() {
        remove(&profile)?;
        return remove(&services);
    }
    replace_if_other(&profile, &profile_lines(variables), 0o644)?;
    if root.join("etc/systemd").is_dir() {
        // only PID 1 needs to read it, and a value may be a password
        replace_if_other(&services, manager_lines(variables).as_bytes(), 0o600)?;
    }
    Ok(())
}

/// Updates a systemd that has already read its configuration. Variables that it has from there can be changed but not removed.
pub fn update_manager(before: &Variables, now: &Variables) -> io::Result<()> {
    let assignments: Vec<String> = for_services(now).iter().map(|(name, value)| format!("{name}={value}")).collect();
    Manager::connect()?.change_environment(removed(before, now), assignments.iter().map(String::as_str))
}

/// The same for root's own manager.
pub fn update_root_manager(before: &Variables, now: &Variables) -> io::Result<()> {
    let assignments: Vec<String> = for_services(now).iter().map(|(name, value)| format!("{name}={value}")).collect();
    user::change_root_environment(removed(before, now), assignments.iter().map(String::as_str))
}

/// Names of variables that were removed.
pub fn removed<'a>(before: &'a Variables, now: &'a Variables) -> impl Iterator<Item = &'a str> {
    for_services(before).into_iter().map(|(name, _)| name).filter(|name| !now.contains_key(name.as_bytes()))
}

/// The variables whose names are valid in a shell.
fn shell_named(variables: &Variables) -> Vec<(&str, &[u8])> {
    let mut named = Vec::new();
    for (name, value) in variables {
        match std::str::from_utf8(name) {
            Ok(name) if is_identifier(name) => named.push((name, value.as_slice())),
            _ => {}
        }
    }
    named
}

/// systemd accepts only UTF-8: `env_value_is_valid` in its source.
fn for_services(variables: &Variables) -> Vec<(&str, &str)> {
    let utf8 = |(name, value)| std::str::from_utf8(value).ok().map(|value| (name, value));
    shell_named(variables).into_iter().filter_map(utf8).collect()
}

/// In single quotes only the quote itself is special. Names that are not valid in a shell are left out.
fn profile_lines(variables: &Variables) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, value) in shell_named(variables) {
        lines.extend_from_slice(b"export ");
        lines.extend_from_slice(name.as_bytes());
        lines.extend_from_slice(b"='");
        for byte in value {
            match byte {
                b'\'' => lines.extend_from_slice(br"'\''"),
                _ => lines.push(*byte),
            }
        }
        lines.extend_from_slice(b"'\n");
    }
    lines
}

fn is_identifier(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// systemd-system.conf(5): assignments in double quotes with C escapes, `%` doubled.
fn manager_lines(variables: &Variables) -> String {
    let escaped = |value: &str| -> String {
        value.chars().fold(String::new(), |mut text, c| {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                '%' => text.push_str("%%"),
                '\n' => text.push_str("\\n"),
                c if c.is_control() => text.push_str(&format!("\\x{:02x}", u32::from(c) & 0xff)),
                c => text.push(c),
            }
            text
        })
    };
    let assignments: Vec<String> =
        for_services(variables).iter().map(|(name, value)| format!("\"{name}={}\"", escaped(value))).collect();
    format!("[Manager]\nDefaultEnvironment={}\n", assignments.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> Variables {
        BTreeMap::from([(name.into(), value.into())])
    }

    #[test]
    fn a_shell_reads_back_what_was_written() {
        for value in ["plain", "it's", "a b\tc", "$(id) `id` \\ \" !", "two\nlines", "'; rm -rf /; '", ""] {
            let script = String::from_utf8(profile_lines(&one("K", value))).unwrap() + "printf %s \"$K\"";
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
        }
        for name in ["A;id", "1A", "A.B", "A-B"] {
            assert_eq!(profile_lines(&one(name, "x")), b"");
            assert_eq!(manager_lines(&one(name, "x")), "[Manager]\nDefaultEnvironment=\n");
        }
    }

    #[test]
    fn a_shell_gets_all_values_and_systemd_only_utf8() {
        let variables = Variables::from([(b"A".to_vec(), b"\xff'".to_vec()), (b"B".to_vec(), b"x".to_vec())]);
        assert_eq!(profile_lines(&variables), b"export A='\xff'\\\x27\x27\x27\nexport B='x'\n");
        assert_eq!(manager_lines(&variables), "[Manager]\nDefaultEnvironment=\"B=x\"\n");
    }

    #[test]
    fn removed_names_are_those_that_were_not_set_again() {
        let before = Variables::from([("A", "1"), ("B", "2"), ("C-D", "3")].map(|(k, v)| (k.into(), v.into())));
        assert_eq!(removed(&before, &one("B", "9")).collect::<Vec<_>>(), ["A"]);
    }

    #[test]
    fn values_for_systemd_are_escaped() {
        assert_eq!(
            manager_lines(&one("K", "50% \"x\" \\ \n\u{1}")),
            "[Manager]\nDefaultEnvironment=\"K=50%% \\\"x\\\" \\\\ \\n\\x01\"\n"
        );
    }
}
