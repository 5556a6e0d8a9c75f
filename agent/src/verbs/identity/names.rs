//! The hostname in the guest's files.

use super::files::replace;
use std::io;
use std::path::Path;

const LOCALHOST: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/// Writes /etc/hostname and the VM's line in /etc/hosts.
pub fn write_hostname(root: &Path, hostname: &str) -> io::Result<()> {
    replace(&root.join("etc/hostname"), format!("{hostname}\n").as_bytes(), 0o644)?;
    let path = root.join("etc/hosts");
    let present = std::fs::read(&path).unwrap_or_default();
    replace(&path, with_host(&String::from_utf8_lossy(&present), hostname).as_bytes(), 0o644)
}

/// As in Debian, the hostname has the address 127.0.1.1.
fn with_host(hosts: &str, hostname: &str) -> String {
    let is_other = |line: &&str| line.split_whitespace().next() != Some("127.0.1.1");
    let kept: String = hosts.lines().filter(is_other).map(|line| format!("{line}\n")).collect();
    let kept = if kept.is_empty() { LOCALHOST } else { &kept };
    let short = hostname.split('.').next().unwrap_or(hostname);
    let names = if short == hostname { hostname.to_string() } else { format!("{hostname} {short}") };
    format!("{kept}127.0.1.1\t{names}\n")
}

#[cfg(test)]
mod tests {
    use super::with_host;

    #[test]
    fn the_hostname_has_one_line_and_the_others_stay() {
        assert_eq!(with_host("127.0.0.1 localhost\n127.0.1.1 old\n9.9.9.9 x\n", "new"), "127.0.0.1 localhost\n9.9.9.9 x\n127.0.1.1\tnew\n");
        assert!(with_host("", "a.b").ends_with("loopback\n127.0.1.1\ta.b a\n"));
    }
}
