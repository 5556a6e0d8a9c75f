//! `stats`: how the guest is.

use crate::session::Stream;
use crate::sys::device;
use crate::wire::json::{Answer, Refusal};
use serde_json::json;
use std::fs::{read_to_string, File};
use std::os::fd::AsRawFd;

pub fn run(stream: &Stream) -> Answer<()> {
    let failed = |error: std::io::Error| Refusal::io("stats", &error);
    let root = File::open("/").map_err(failed)?;
    let (total, free, _) = device::fs_bytes(root.as_raw_fd()).map_err(failed)?;
    let memory = read_to_string("/proc/meminfo").map_err(failed)?;
    let first = |path: &str| hundredths(&read_to_string(path).unwrap_or_default());
    stream.reply(json!({
        "uptimeMs": first("/proc/uptime") * 10,
        "load1": first("/proc/loadavg") as f64 / 100.0,
        "memory": { "total": bytes_of(&memory, "MemTotal:"), "available": bytes_of(&memory, "MemAvailable:") },
        "disk": { "total": total, "free": free },
    }));
    Ok(())
}

/// The first word of `12.34 …`, which has two digits after the point.
fn hundredths(text: &str) -> u64 {
    let word = text.split(' ').next().unwrap_or_default();
    word.replace('.', "").parse().unwrap_or(0)
}

/// A line of /proc/meminfo: `MemTotal:  1000 kB`.
fn bytes_of(meminfo: &str, name: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::{bytes_of, hundredths};

    #[test]
    fn times_and_loads_are_read_without_a_point() {
        assert_eq!((hundredths("12.34 0.00\n"), hundredths("0.07 0.01"), hundredths("")), (1234, 7, 0));
    }

    #[test]
    fn memory_is_told_in_bytes() {
        let text = "MemTotal:        2048 kB\nMemFree: 1 kB\nMemAvailable:   512 kB\n";
        assert_eq!((bytes_of(text, "MemTotal:"), bytes_of(text, "MemAvailable:"), bytes_of(text, "X:")), (2097152, 524288, 0));
    }
}
