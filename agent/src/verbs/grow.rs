//! `grow`: grows the data file system to the size of its device.

use crate::guest::Guest;
use crate::session::Stream;
use crate::sys::device;
use crate::wire::json::{Answer, Refusal};
use serde_json::json;
use std::fs::File;
use std::os::fd::AsRawFd;

pub fn run(stream: &Stream, guest: &Guest) -> Answer<()> {
    let Some(data) = &guest.data else {
        return Err(Refusal::new("unsupported", "there is no data disk"));
    };
    let failed = |error: std::io::Error| Refusal::io("growing", &error);
    let device = File::open(&data.device).map_err(failed)?;
    let bytes = device::device_bytes(&device).map_err(failed)?;
    let (now, _, block) = device::fs_bytes(data.folder.as_raw_fd()).map_err(failed)?;
    // the reported size excludes the file system's own metadata, so it is always below that of the device
    if bytes > now {
        device::resize_ext4(&data.folder, bytes / block).map_err(failed)?;
    }
    let (total, _, _) = device::fs_bytes(data.folder.as_raw_fd()).map_err(failed)?;
    stream.reply(json!({ "bytes": total }));
    Ok(())
}
