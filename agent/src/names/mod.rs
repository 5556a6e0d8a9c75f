//! Addresses of host names: /etc/hosts, then the servers of /etc/resolv.conf. A static program has no name service, and the C library's
//! would load the image's.

mod ask;
mod config;
mod hosts;
mod message;

use crate::wire::json::{Answer, Refusal};
use config::Config;
use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// For all questions about one name.
const TIMEOUT: Duration = Duration::from_secs(8);
/// Addresses of one name that are used.
const MAX: usize = 8;
/// Bytes of a configuration file that are read: a list of blocked hosts can have megabytes.
const MAX_FILE: u64 = 8 << 20;

/// In the order in which they should be tried. `no_name`: it does not exist; `timeout`: no server said so in time.
pub fn resolve(name: &str) -> Answer<Vec<IpAddr>> {
    if !message::is_name(name) {
        return Err(Refusal::bad("host must be an address or a host name"));
    }
    let mut found = hosts::find(&read("/etc/hosts"), name);
    if found.is_empty() {
        found = ask_servers(name, &Config::parse(&read("/etc/resolv.conf")))?;
    }
    found.truncate(MAX);
    Ok(found)
}

fn ask_servers(name: &str, config: &Config) -> Answer<Vec<IpAddr>> {
    let until = Instant::now() + TIMEOUT;
    let mut has_answer = false;
    for candidate in config.candidates(name) {
        match ask::addresses(&candidate, &config.servers, until) {
            Some(found) if !found.is_empty() => return Ok(found),
            Some(_) => has_answer = true,
            None => {}
        }
    }
    Err(match has_answer {
        true => Refusal::new("no_name", format!("{name}: no such host name in the guest")),
        false => Refusal::new("timeout", format!("{name}: none of the guest's name servers answers")),
    })
}

fn read(path: &str) -> String {
    use std::io::Read;
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        let _ = file.take(MAX_FILE).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
