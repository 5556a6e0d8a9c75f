//! Loads kernel modules and finds the block devices by the serials that the host gave them.

use super::kernel_args::KernelArgs;
use super::{failed, BootResult};
use crate::sys::{device, poll};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);
const MODULES_LIST: &str = "/modules.list";

/// Device nodes by serial.
pub type Disks = BTreeMap<String, PathBuf>;

/// Loads the modules in the order of the list, and deletes their files: in an initramfs they occupy memory.
pub fn load_modules() -> BootResult<()> {
    let list = match fs::read_to_string(MODULES_LIST) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed(MODULES_LIST))?,
    };
    for path in list.lines().filter(|line| !line.is_empty()) {
        let file = File::open(path).map_err(failed(path))?;
        device::load_module(&file).map_err(failed(path))?;
        let _ = fs::remove_file(path);
    }
    let _ = fs::remove_file(MODULES_LIST);
    Ok(())
}

/// Waits for all disks that the kernel arguments require.
pub fn disks(args: &KernelArgs) -> BootResult<Disks> {
    let layers = (0..args.layers).map(|at| format!("layer{at}"));
    let wanted: Vec<String> = layers.chain(args.has_direct_layer.then(|| "direct".to_string())).chain(["data".to_string()]).collect();
    let mut known = Disks::new();
    let missing = |known: &Disks| wanted.iter().find(|serial| !known.contains_key(*serial)).cloned();
    wait_until(|| {
        scan(&mut known);
        missing(&known).is_none()
    })
    .map_err(|problem| format!("no disk has the serial {}: {problem}", missing(&known).unwrap_or_default()))?;
    Ok(known)
}

/// Adds new disks. Known ones are not read again: reading a serial is a request to the device.
fn scan(known: &mut Disks) {
    for name in entries("/sys/block") {
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

/// Names in a folder of sysfs; empty if the folder does not exist yet.
pub fn entries(folder: &str) -> Vec<String> {
    let items = fs::read_dir(folder).into_iter().flatten().flatten();
    items.map(|item| item.file_name().to_string_lossy().into_owned()).collect()
}

/// Evaluates the condition again after each device event until it is true.
pub fn wait_until(mut is_there: impl FnMut() -> bool) -> Result<(), String> {
    if is_there() {
        return Ok(());
    }
    let mut events = File::from(device::uevents().map_err(failed("uevents"))?);
    while !is_there() {
        if !poll::readable(events.as_raw_fd(), Some(TIMEOUT)).map_err(failed("uevents"))? {
            return Err(format!("no device event for {} s", TIMEOUT.as_secs()));
        }
        // neither the content matters nor an error that reports lost events: the condition is evaluated again
        let _ = events.read(&mut [0; 8192]);
    }
    Ok(())
}
