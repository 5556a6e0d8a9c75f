//! `stats` and `grow`.

use super::{io_refused, Refused};
use crate::stream::Stream;
use crate::sys::device;
use crate::world::World;
use serde_json::{json, Value};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::Arc;

pub fn stats(world: &Arc<World>, stream: &Arc<Stream>, _: &Value) -> Result<(), Refused> {
    let failed = |error: std::io::Error| io_refused("stats", &error);
    let root = File::open(&world.root).map_err(failed)?;
    let (total, free, _) = device::fs_bytes(root.as_raw_fd()).map_err(failed)?;
    let first_word = |path: &str| -> f64 {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
    };
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    stream.accept(json!({
        "uptimeMs": (first_word("/proc/uptime") * 1000.0) as u64,
        "load1": first_word("/proc/loadavg"),
        "memory": { "total": kilobytes(&memory, "MemTotal:"), "available": kilobytes(&memory, "MemAvailable:") },
        "disk": { "total": total, "free": free },
    }));
    stream.close();
    Ok(())
}

fn kilobytes(meminfo: &str, name: &str) -> u64 {
    let line = meminfo.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

pub fn grow(world: &Arc<World>, stream: &Arc<Stream>, _: &Value) -> Result<(), Refused> {
    let (Some(folder), Some(path)) = (&world.data, &world.data_device) else {
        return Err(("unsupported", "there is no data disk".into()));
    };
    let failed = |error: std::io::Error| io_refused("grow", &error);
    let device = File::open(path).map_err(failed)?;
    let bytes = device::device_bytes(&device).map_err(failed)?;
    let (total, _, block) = device::fs_bytes(folder.as_raw_fd()).map_err(failed)?;
    if bytes > total {
        device::resize_ext4(folder, bytes / block).map_err(failed)?;
    }
    stream.accept(json!({ "bytes": bytes }));
    stream.close();
    Ok(())
}
