//! The guest's one network interface and its resolver.

use super::files::replace;
use super::request::Network;
use crate::sys::net;
use std::io;
use std::path::Path;

pub fn configure(network: &Network) -> io::Result<()> {
    net::interface_up("lo")?;
    let name = find_interface(network.mac.as_deref())?;
    net::set_address(&name, network.address, network.prefix)?;
    net::interface_up(&name)?;
    match network.gateway {
        Some(gateway) => net::set_default_route(gateway),
        None => Ok(()),
    }
}

/// The one with this address, or the only one that is not `lo`.
fn find_interface(mac: Option<&str>) -> io::Result<String> {
    let mut others = Vec::new();
    for item in std::fs::read_dir("/sys/class/net")? {
        let name = item?.file_name().to_string_lossy().into_owned();
        let address = std::fs::read_to_string(format!("/sys/class/net/{name}/address")).unwrap_or_default();
        if mac == Some(address.trim()) {
            return Ok(name);
        }
        // without a device behind it: lo, tunnels
        if Path::new(&format!("/sys/class/net/{name}/device")).exists() {
            others.push(name);
        }
    }
    match others.pop() {
        Some(only) if others.is_empty() => Ok(only),
        _ => Err(io::Error::from_raw_os_error(libc::ENODEV)),
    }
}

/// A file of its own: a link to a resolver daemon's would be overwritten by it.
pub fn write_resolver(root: &Path, network: &Network) -> io::Result<()> {
    replace(&root.join("etc/resolv.conf"), resolver_lines(network).as_bytes(), 0o644)
}

fn resolver_lines(network: &Network) -> String {
    let mut text: String = network.dns.iter().map(|server| format!("nameserver {server}\n")).collect();
    if !network.search.is_empty() {
        text.push_str(&format!("search {}\n", network.search.join(" ")));
    }
    text
}
