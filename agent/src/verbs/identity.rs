//! `identity`: makes the guest the machine that the host says it is, before the first command.

use super::{bad, io_refused, text, texts, pairs, Refused};
use crate::guest_files::GuestFiles;
use crate::stream::Stream;
use crate::sys::{device, net};
use crate::world::World;
use serde_json::{json, Value};
use std::net::Ipv4Addr;
use std::sync::Arc;

const MAX_LIST: usize = 64;

pub fn identity(world: &Arc<World>, stream: &Arc<Stream>, request: &Value) -> Result<(), Refused> {
    let generation = request["generation"].as_u64().ok_or_else(|| bad("generation is missing"))?;
    if generation < world.generation() {
        return Err(bad(format!("generation {generation} is older than {}", world.generation())));
    }
    let files = GuestFiles::new(&world.root);
    if world.is_guest {
        set_machine(request)?;
    }
    write_names(&files, request)?;
    write_keys(&files, request)?;
    if let Some(network) = Network::parse(&request["network"])? {
        network.write(&files)?;
        if world.is_guest {
            network.set()?;
        }
    }
    write_environment(world, &files, request)?;
    files.certificates(&texts(request, "caCertificates", MAX_LIST)?).map_err(|error| io_refused("certificates", &error))?;
    world.set_generation(generation);
    stream.accept(json!({}));
    stream.close();
    world.go_up();
    Ok(())
}

/// Entropy first: everything after it may use randomness.
fn set_machine(request: &Value) -> Result<(), Refused> {
    if let Some(encoded) = text(request, "entropy")? {
        let bytes = base64(encoded).filter(|bytes| (32..=512).contains(&bytes.len())).ok_or_else(|| bad("entropy is no base64 of 32 to 512 bytes"))?;
        device::add_entropy(&bytes).map_err(|error| io_refused("entropy", &error))?;
    }
    if let Some(clock) = text(request, "clock")? {
        let (seconds, nanos) = parse_clock(clock).ok_or_else(|| bad("clock is no time in seconds"))?;
        device::set_clock(seconds, nanos).map_err(|error| io_refused("clock", &error))?;
    }
    if let Some(name) = text(request, "hostname")? {
        device::set_hostname(checked_hostname(name)?).map_err(|error| io_refused("hostname", &error))?;
    }
    Ok(())
}

fn write_names(files: &GuestFiles, request: &Value) -> Result<(), Refused> {
    if let Some(name) = text(request, "hostname")? {
        files.hostname(checked_hostname(name)?).map_err(|error| io_refused("hostname", &error))?;
    }
    if let Some(id) = text(request, "machineId")? {
        if id.len() != 32 || !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad("machineId is not 32 lower-case hex digits"));
        }
        files.machine_id(id).map_err(|error| io_refused("machine-id", &error))?;
    }
    Ok(())
}

fn checked_hostname(name: &str) -> Result<&str, Refused> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let ok = !name.is_empty() && name.len() <= 64 && name.bytes().all(valid) && !name.starts_with(['-', '.']);
    if ok { Ok(name) } else { Err(bad(format!("hostname {name:?}"))) }
}

fn write_keys(files: &GuestFiles, request: &Value) -> Result<(), Refused> {
    let keys = texts(request, "authorizedKeys", MAX_LIST)?;
    if !keys.is_empty() {
        files.authorized_keys(&keys).map_err(|error| io_refused("authorized_keys", &error))?;
    }
    let Some(host_keys) = request["sshHostKeys"].as_array() else { return Ok(()) };
    for key in host_keys.iter().take(MAX_LIST) {
        let field = |name| text(key, name)?.ok_or_else(|| bad(format!("a host key without {name}")));
        let (kind, private, public) = (field("type")?, field("private")?, field("public")?);
        if kind.is_empty() || !kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(bad(format!("host key type {kind:?}")));
        }
        files.host_key(kind, private, public).map_err(|error| io_refused("host key", &error))?;
    }
    Ok(())
}

fn write_environment(world: &World, files: &GuestFiles, request: &Value) -> Result<(), Refused> {
    let pairs = pairs(request, "environment")?;
    if pairs.is_empty() {
        return Ok(());
    }
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if let Some((name, _)) = pairs.iter().find(|(name, value)| !is_name(name) || value.contains('\n')) {
        return Err(bad(format!("environment variable {name:?}")));
    }
    files.environment(&pairs).map_err(|error| io_refused("environment", &error))?;
    let own = |(name, value): (&str, &str)| (name.to_string(), value.to_string());
    *world.environment.lock().unwrap() = pairs.into_iter().map(own).collect();
    Ok(())
}

struct Network {
    address: Ipv4Addr,
    prefix: u8,
    gateway: Ipv4Addr,
    mac: String,
    dns: Vec<String>,
    search: Vec<String>,
}

impl Network {
    fn parse(value: &Value) -> Result<Option<Network>, Refused> {
        if value.is_null() {
            return Ok(None);
        }
        let address = |name| -> Result<Ipv4Addr, Refused> {
            text(value, name)?.and_then(|text| text.parse().ok()).ok_or_else(|| bad(format!("network.{name}")))
        };
        let prefix = value["prefix"].as_u64().filter(|prefix| *prefix <= 32).ok_or_else(|| bad("network.prefix"))? as u8;
        let one_line = |name| -> Result<Vec<String>, Refused> {
            let list = texts(value, name, 8)?;
            let valid = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_%".contains(&byte));
            if list.iter().all(valid) { Ok(list.into_iter().map(String::from).collect()) } else { Err(bad(format!("network.{name}"))) }
        };
        Ok(Some(Network {
            address: address("address")?,
            prefix,
            gateway: address("gateway")?,
            mac: text(value, "mac")?.unwrap_or_default().to_ascii_lowercase(),
            dns: one_line("dns")?,
            search: one_line("search")?,
        }))
    }

    fn write(&self, files: &GuestFiles) -> Result<(), Refused> {
        files.resolver(&self.dns, &self.search).map_err(|error| io_refused("resolv.conf", &error))
    }

    fn set(&self) -> Result<(), Refused> {
        let failed = |error: std::io::Error| io_refused("network", &error);
        net::interface_up("lo").map_err(failed)?;
        let name = interface_of(&self.mac).ok_or_else(|| ("io", "there is no network interface".to_string()))?;
        net::set_address(&name, self.address, self.prefix).map_err(failed)?;
        net::interface_up(&name).map_err(failed)?;
        net::set_default_route(self.gateway).map_err(failed)
    }
}

/// The interface with that MAC, else the only one that is not `lo`.
fn interface_of(mac: &str) -> Option<String> {
    let entries = std::fs::read_dir("/sys/class/net").ok()?;
    let names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name != "lo").collect();
    let address = |name: &String| std::fs::read_to_string(format!("/sys/class/net/{name}/address")).unwrap_or_default();
    let by_mac = names.iter().find(|name| address(name).trim() == mac).cloned();
    by_mac.or_else(|| if names.len() == 1 { names.into_iter().next() } else { None })
}

/// `seconds.fraction` as text: a double would lose the nanoseconds.
fn parse_clock(text: &str) -> Option<(i64, i64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    Some((whole.parse().ok().filter(|seconds| *seconds >= 0)?, digits.parse().ok()?))
}

/// RFC 4648, section 4; padding may be absent.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfc() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob")] {
            assert_eq!(base64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(base64("Zm9v!"), None);
    }

    #[test]
    fn clocks() {
        assert_eq!(parse_clock("1763900000.123456789"), Some((1_763_900_000, 123_456_789)));
        assert_eq!(parse_clock("5"), Some((5, 0)));
        assert_eq!(parse_clock("-5"), None);
        assert_eq!(parse_clock("x"), None);
    }

    #[test]
    fn host_names() {
        assert!(checked_hostname("dev-box.local").is_ok());
        for bad in ["", "-a", "a b", "a\nb", &"x".repeat(65)] {
            assert!(checked_hostname(bad).is_err());
        }
    }
}
