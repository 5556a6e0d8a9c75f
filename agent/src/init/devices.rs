//! Finding the VM's disks and its line to the host, as the kernel finds them.

use super::words::Words;
use crate::sys::{device, poll};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

const PORT_NAME: &str = "banger.agent";
const TIMEOUT_MS: i32 = 30_000;

/// Paths of device nodes.
pub struct Found {
    /// lowest first
    pub layers: Vec<String>,
    pub modules: Option<String>,
    pub data: String,
    pub port: String,
}

/// Loads what `/modules.list` names, in its order.
pub fn load_modules() -> Result<(), String> {
    let list = std::fs::read_to_string("/modules.list").unwrap_or_default();
    for path in list.lines().filter(|line| !line.is_empty()) {
        File::open(path).and_then(|file| device::load_module(&file)).map_err(|error| format!("module {path}: {error}"))?;
    }
    Ok(())
}

/// Made before the modules are loaded, so that no event is missed.
pub struct Watch {
    events: OwnedFd,
}

impl Watch {
    pub fn new() -> io::Result<Watch> {
        device::uevents().map(|events| Watch { events })
    }

    /// Waits until every device is there.
    pub fn find(&self, words: &Words) -> Result<Found, String> {
        if words.vsock {
            return Err("vsock is not served by this agent".to_string());
        }
        loop {
            let missing = match look(words.layers) {
                Ok(found) => return Ok(found),
                Err(missing) => missing,
            };
            match poll::readable(self.events.as_raw_fd(), TIMEOUT_MS) {
                Ok(true) => poll::drain(&self.events),
                _ => return Err(format!("there is no {missing}")),
            }
        }
    }
}

/// What is missing is the error.
fn look(layers: usize) -> Result<Found, String> {
    let disks = named("/sys/block", "serial");
    let disk = |serial: &str| disks.iter().find(|(_, have)| have == serial).map(|(name, _)| format!("/dev/{name}"));
    let need = |serial: &str| disk(serial).ok_or_else(|| format!("disk {serial}"));
    let ports = named("/sys/class/virtio-ports", "name");
    let port = ports.iter().find(|(_, name)| name == PORT_NAME).map(|(device, _)| format!("/dev/{device}"));
    Ok(Found {
        layers: (0..layers).map(|number| need(&format!("layer{number}"))).collect::<Result<_, _>>()?,
        data: need("data")?,
        port: port.filter(|path| std::path::Path::new(path).exists()).ok_or("port banger.agent")?,
        // a kernel without modules has none; it comes before the data disk, so it is there by now
        modules: disk("modules"),
    })
}

/// Entries of a sysfs folder with the content of one of their files.
fn named(folder: &str, file: &str) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let one = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let text = std::fs::read_to_string(entry.path().join(file)).ok()?;
        Some((name, text.trim().to_string()))
    };
    entries.flatten().filter_map(one).collect()
}
