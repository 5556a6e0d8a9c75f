//! The guest's network interface and its resolver.

use super::files::replace;
use super::request::Network;
use crate::sys::net::{Link, Mac};
use crate::tap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The guest's network interface, remembered once an identity has found it, because its MAC can change later.
#[derive(Default)]
pub struct Interface {
    /// kept open together with its socket, which a copy would need time to open
    link: Option<Link>,
    /// the configuration that was requested last
    current: Option<Network>,
    /// the IPv6 addresses are derived from a previous MAC
    is_ipv6_stale: bool,
    /// IPv6 is off until the next identity
    is_ipv6_disabled: bool,
}

impl Interface {
    /// `is_new`: the guest becomes another VM; addresses, routes and neighbours of the previous one must not stay.
    pub fn configure(&mut self, network: &Network, is_new: bool) -> io::Result<()> {
        let before = self.current.take();
        if before.as_ref() != Some(network) || is_new {
            let link = self.find(network.mac)?;
            self.set_mac(&link, network.mac, is_new)?;
            if !before.is_some_and(|before| before.has_same_route(network)) {
                set_address(&link, network, is_new)?;
            }
            self.link = Some(link);
        }
        self.current = Some(network.clone());
        Ok(())
    }

    /// Setting the MAC, even to the same value, makes the kernel forget the neighbours.
    fn set_mac(&mut self, link: &Link, wanted: Option<Mac>, is_new: bool) -> io::Result<()> {
        let present = link.mac()?;
        let mac = wanted.unwrap_or(present);
        self.is_ipv6_stale |= mac != present;
        if is_new || mac != present {
            link.set_mac(mac)?;
        }
        Ok(())
    }

    /// Removes every IPv6 address before the VM is copied: its copies can't use them.
    pub fn disable_ipv6(&mut self) -> io::Result<()> {
        if let Some(switch) = self.ipv6_switch().filter(is_ipv6_on) {
            switch.write_at(b"1", 0)?;
            self.is_ipv6_disabled = true;
        }
        Ok(())
    }

    /// Removes every IPv6 address; the kernel then derives the link-local one from the current MAC. Does nothing without IPv6.
    pub fn renew_ipv6(&mut self) -> io::Result<()> {
        let is_ipv6_stale = std::mem::take(&mut self.is_ipv6_stale);
        if self.is_ipv6_disabled {
            self.ipv6_switch().ok_or(io::ErrorKind::NotFound)?.write_at(b"0", 0)?;
            self.is_ipv6_disabled = false;
        } else if let Some(switch) = self.ipv6_switch().filter(|switch| is_ipv6_stale && is_ipv6_on(switch)) {
            switch.write_at(b"1", 0)?;
            switch.write_at(b"0", 0)?;
        }
        Ok(())
    }

    fn ipv6_switch(&self) -> Option<File> {
        let path = format!("/proc/sys/net/ipv6/conf/{}/disable_ipv6", self.link.as_ref()?.name());
        File::options().read(true).write(true).open(path).ok()
    }

    fn find(&mut self, mac: Option<Mac>) -> io::Result<Link> {
        match self.link.take().filter(|link| link.mac().is_ok()) {
            Some(link) => Ok(link),
            None => search(mac),
        }
    }
}

fn is_ipv6_on(switch: &File) -> bool {
    let mut state = [0];
    switch.read_at(&mut state, 0).is_ok_and(|length| length == 1) && state == *b"0"
}

/// The interface with this MAC, else the only one that has a device.
fn search(mac: Option<Mac>) -> io::Result<Link> {
    let mut others = Vec::new();
    for item in std::fs::read_dir("/sys/class/net")? {
        let name = item?.file_name().to_string_lossy().into_owned();
        let Ok(link) = Link::named(&name) else { continue };
        if mac.is_some_and(|mac| link.mac().is_ok_and(|present| present == mac)) {
            return Ok(link);
        }
        // lo and tunnels have no device; the agent's own TAP has none either
        if name == tap::NAME || Path::new(&format!("/sys/class/net/{name}/device")).exists() {
            others.push(link);
        }
    }
    match others.pop() {
        Some(only) if others.is_empty() => Ok(only),
        _ => Err(io::Error::from_raw_os_error(libc::ENODEV)),
    }
}

fn set_address(link: &Link, network: &Network, is_new: bool) -> io::Result<()> {
    Link::named("lo")?.up()?;
    if is_new {
        link.clear_addresses()?;
    }
    link.set_address(network.address, network.prefix)?;
    link.up()?;
    match network.gateway {
        Some(gateway) => link.set_default_route(gateway, network.window),
        None => Ok(()),
    }
}

/// Replaces a link by a file: a resolver daemon would overwrite the link's target.
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
