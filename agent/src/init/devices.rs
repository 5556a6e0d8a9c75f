//! Loads kernel modules and waits for devices.

use super::kernel_args::Transport;
use super::{failed, BootResult};
use crate::sys::{device, poll};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);
/// What every guest needs.
const MODULES: &str = "/modules.list";
/// What a guest needs besides when its VMM has a vsock.
const VSOCK_MODULES: &str = "/vsock.list";

/// Loads the modules in the order of their lists, and deletes the files of all: in an initramfs they occupy memory.
pub fn load_modules(transport: Transport) -> BootResult<()> {
    each_module(MODULES, true)?;
    each_module(VSOCK_MODULES, transport == Transport::Vsock)
}

fn each_module(list: &str, is_needed: bool) -> BootResult<()> {
    let paths = match fs::read_to_string(list) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed(list))?,
    };
    for path in paths.lines().filter(|line| !line.is_empty()) {
        if is_needed {
            let file = File::open(path).map_err(failed(path))?;
            device::load_module(&file).map_err(failed(path))?;
        }
        let _ = fs::remove_file(path);
    }
    let _ = fs::remove_file(list);
    Ok(())
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
