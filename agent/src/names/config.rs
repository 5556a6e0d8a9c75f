//! resolv.conf(5): the servers, the search list, and `ndots`.

use super::message::is_name;
use std::net::{IpAddr, Ipv4Addr};

/// MAXNS and MAXDNSRCH of the C library.
const MAX_SERVERS: usize = 3;
const MAX_SEARCH: usize = 6;

#[derive(Debug, PartialEq)]
pub struct Config {
    pub servers: Vec<IpAddr>,
    search: Vec<String>,
    ndots: usize,
}

impl Config {
    /// Of a file without servers, this machine is asked.
    pub fn parse(file: &str) -> Config {
        let mut config = Config { servers: Vec::new(), search: Vec::new(), ndots: 1 };
        for line in file.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => config.servers.extend(words.next().and_then(|word| word.parse::<IpAddr>().ok())),
                Some("search" | "domain") => config.search = words.take_while(|word| is_name(word)).map(String::from).collect(),
                Some("options") => {
                    for count in words.filter_map(|word| word.strip_prefix("ndots:")?.parse::<usize>().ok()) {
                        config.ndots = count.min(15);
                    }
                }
                _ => {}
            }
        }
        if config.servers.is_empty() {
            config.servers.push(Ipv4Addr::LOCALHOST.into());
        }
        config.servers.truncate(MAX_SERVERS);
        config.search.truncate(MAX_SEARCH);
        config
    }

    /// What to ask for, in turn: a name with a dot at its end is complete; one with few dots is tried with the search list first.
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(complete) = name.strip_suffix('.') {
            return vec![complete.to_string()];
        }
        let longer = self.search.iter().map(|domain| format!("{name}.{}", domain.trim_end_matches('.')));
        let mut all: Vec<String> = longer.filter(|name| is_name(name)).collect();
        let at = if name.matches('.').count() >= self.ndots { 0 } else { all.len() };
        all.insert(at, name.to_string());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_search_and_options_are_read() {
        let config = Config::parse("# x\nnameserver 192.0.2.3\nnameserver ::1\nnameserver bad\nsearch a.b c.d.\noptions edns0 ndots:2\n");
        assert_eq!(config.servers, ["192.0.2.3".parse::<IpAddr>().unwrap(), "::1".parse().unwrap()]);
        assert_eq!(config.candidates("db"), ["db.a.b", "db.c.d", "db"]);
        assert_eq!(config.candidates("db.x.y"), ["db.x.y", "db.x.y.a.b", "db.x.y.c.d"]);
        assert_eq!(config.candidates("db."), ["db"]);
    }

    #[test]
    fn there_is_always_a_server_and_never_too_many() {
        assert_eq!(Config::parse("").servers, [IpAddr::from(Ipv4Addr::LOCALHOST)]);
        let many = "nameserver 1.1.1.1\n".repeat(9) + "search a b c d e f g h\n";
        let config = Config::parse(&many);
        assert_eq!((config.servers.len(), config.candidates("x").len()), (3, 7));
    }
}
