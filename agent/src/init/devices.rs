//! Kernel modules, and the block devices that the host named by their serials.

use super::words::Words;
use super::{failed, Booted};
use crate::sys::{device, poll};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);
const LIST: &str = "/modules.list";

/// Device nodes by serial.
pub type Disks = BTreeMap<String, PathBuf>;

/// In the list's order. The files are of no use afterwards, and they are memory.
pub fn load_modules() -> Booted<()> {
    let list = match fs::read_to_string(LIST) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed(LIST))?,
    };
    for path in list.lines().filter(|line| !line.is_empty()) {
        let file = File::open(path).map_err(failed(path))?;
        device::load_module(&file).map_err(failed(path))?;
        let _ = fs::remove_file(path);
    }
    let _ = fs::remove_file(LIST);
    Ok(())
}

/// Waits for all that the words ask for.
pub fn disks(words: &Words) -> Booted<Disks> {
    let layers = (0..words.layers).map(|at| format!("layer{at}"));
    let wanted: Vec<String> = layers.chain(words.directs.then(|| "direct".to_string())).chain(["data".to_string()]).collect();
    let mut known = Disks::new();
    let missing = |known: &Disks| wanted.iter().find(|serial| !known.contains_key(*serial)).cloned();
    wait_until(|| {
        look(&mut known);
        missing(&known).is_none()
    })
    .map_err(|problem| format!("no disk has the serial {}: {problem}", missing(&known).unwrap_or_default()))?;
    Ok(known)
}

/// Adds disks that are new: asking one for its serial is a request to the device.
fn look(known: &mut Disks) {
    for name in names("/sys/block") {
        let node = Path::new("/dev").join(&name);
        if known.values().any(|other| *other == node) {
            continue;
        }
        let serial = fs::read_to_string(format!("/sys/block/{name}/serial")).unwrap_or_default();
        if !serial.trim().is_empty() {
            known.insert(serial.trim().to_string(), node);
        }
    }
}

/// Names in a folder of sysfs; none where it is not there yet.
pub fn names(folder: &str) -> Vec<String> {
    let items = fs::read_dir(folder).into_iter().flatten().flatten();
    items.map(|item| item.file_name().to_string_lossy().into_owned()).collect()
}

/// Looks again at each event of a device, until it is satisfied.
pub fn wait_until(mut is_there: impl FnMut() -> bool) -> Result<(), String> {
    if is_there() {
        return Ok(());
    }
    let mut events = File::from(device::uevents().map_err(failed("uevents"))?);
    while !is_there() {
        if !poll::readable(events.as_raw_fd(), Some(PATIENCE)).map_err(failed("uevents"))? {
            return Err(format!("nothing came for {} s", PATIENCE.as_secs()));
        }
        // what it says does not matter; one that is lost is followed by another look
        let _ = events.read(&mut [0; 8192]);
    }
    Ok(())
}
