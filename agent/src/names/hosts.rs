//! hosts(5).

use std::net::IpAddr;

/// The addresses that a host name has in the file, IPv4 first.
pub fn find(file: &str, name: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    for line in file.lines() {
        let mut words = line.split('#').next().unwrap_or("").split_whitespace();
        // an address of another scope (`fe80::1%eth0`) is none that can be connected to
        let Some(address) = words.next().and_then(|word| word.parse().ok()) else { continue };
        if words.any(|word| same(word, name)) && !found.contains(&address) {
            found.push(address);
        }
    }
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = found.into_iter().partition(IpAddr::is_ipv4);
    [v4, v6].concat()
}

fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_addresses_of_all_its_lines() {
        let file = "# comment\n::1 box localhost\n127.0.1.1\tbox.lan BOX # old\n1.2.3.4 box2\nbad box\n10.0.0.1 #box\n127.0.1.1 box\n";
        let of = |name: &str| find(file, name).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(of("box"), ["127.0.1.1", "::1"]);
        assert_eq!(of("Box.Lan."), ["127.0.1.1"]);
        assert_eq!(of("old"), Vec::<String>::new());
    }
}
