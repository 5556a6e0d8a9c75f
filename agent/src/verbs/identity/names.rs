//! The hostname in the guest's files.

use super::files::replace;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

const LOCALHOST: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/// The name of the machine that the VM runs on, where it can be reached from the guest.
const HOST: &str = "host.banger.internal";

/// Writes /etc/hostname, and the VM's and its host's line in /etc/hosts.
pub fn write_hostname(root: &Path, hostname: &str, host: Option<Ipv4Addr>) -> io::Result<()> {
    replace(&root.join("etc/hostname"), format!("{hostname}\n").as_bytes(), 0o644)?;
    let path = root.join("etc/hosts");
    let present = std::fs::read(&path).unwrap_or_default();
    replace(&path, with_host(&String::from_utf8_lossy(&present), hostname, host).as_bytes(), 0o644)
}

/// As in Debian, the hostname has the address 127.0.1.1.
fn with_host(hosts: &str, hostname: &str, host: Option<Ipv4Addr>) -> String {
    let is_other = |line: &&str| {
        let mut words = line.split_whitespace();
        words.next() != Some("127.0.1.1") && !words.any(|word| word == HOST)
    };
    let kept: String = hosts.lines().filter(is_other).map(|line| format!("{line}\n")).collect();
    let kept = if kept.is_empty() { LOCALHOST } else { &kept };
    let short = hostname.split('.').next().unwrap_or(hostname);
    let names = if short == hostname { hostname.to_string() } else { format!("{hostname} {short}") };
    let host = host.map_or_else(String::new, |address| format!("{address}\t{HOST}\n"));
    format!("{kept}127.0.1.1\t{names}\n{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hostname_has_one_line_and_the_others_stay() {
        assert_eq!(with_host("127.0.0.1 localhost\n127.0.1.1 old\n9.9.9.9 x\n", "new", None), "127.0.0.1 localhost\n9.9.9.9 x\n127.0.1.1\tnew\n");
        assert!(with_host("", "a.b", None).ends_with("loopback\n127.0.1.1\ta.b a\n"));
    }
    #[test]
    fn the_host_has_a_line_while_it_has_an_address() {
        let hosts = with_host("127.0.0.1 localhost\n", "a", Some(Ipv4Addr::new(127, 0, 0, 2)));
        assert_eq!(hosts, "127.0.0.1 localhost\n127.0.1.1\ta\n127.0.0.2\thost.banger.internal\n");
        assert_eq!(with_host(&hosts, "b", None), "127.0.0.1 localhost\n127.0.1.1\tb\n");
    }
}
