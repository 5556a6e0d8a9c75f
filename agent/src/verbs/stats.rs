//! `stats`: uptime, load, memory, disk and connections of the guest.

use crate::session::Stream;
use crate::sys::device;
use crate::sys::tcp::{self, Socket, State};
use crate::wire::json::{Answer, Refusal};
use serde_json::json;
use std::fs::{read_to_string, File};
use std::net::IpAddr;
use std::os::fd::AsRawFd;

pub fn run(stream: &Stream) -> Answer<()> {
    let failed = |error: std::io::Error| Refusal::io("stats", &error);
    let root = File::open("/").map_err(failed)?;
    let (total, free, _) = device::fs_bytes(root.as_raw_fd()).map_err(failed)?;
    let memory = read_to_string("/proc/meminfo").map_err(failed)?;
    let first = |path: &str| hundredths(&read_to_string(path).unwrap_or_default());
    let mut connections = 0u64;
    // if the kernel cannot be asked, 0 is reported
    let _ = tcp::each(State::Established, |socket| connections += u64::from(is_outside(&socket)));
    stream.reply(json!({
        "uptimeMs": first("/proc/uptime") * 10,
        "cpuMs": busy_ticks(&read_to_string("/proc/stat").unwrap_or_default()) * 10,
        "connections": connections,
        "load1": first("/proc/loadavg") as f64 / 100.0,
        "memory": { "total": bytes_of(&memory, "MemTotal:"), "available": bytes_of(&memory, "MemAvailable:") },
        "disk": { "total": total, "free": free },
    }));
    Ok(())
}

/// The first number of `12.34 …`, in hundredths; it has two digits after the point.
fn hundredths(text: &str) -> u64 {
    let word = text.split(' ').next().unwrap_or_default();
    word.replace('.', "").parse().unwrap_or(0)
}

/// Whether the peer is another machine.
fn is_outside(socket: &Socket) -> bool {
    let is_loopback = match socket.peer {
        IpAddr::V4(peer) => peer.is_loopback(),
        IpAddr::V6(peer) => peer.to_ipv4_mapped().map_or(peer.is_loopback(), |peer| peer.is_loopback()),
    };
    // a connection to the guest's own address is not to another machine
    !is_loopback && socket.peer != socket.address
}

/// All CPUs together, in hundredths of a second: user, nice, system, irq, softirq of `cpu  1 2 3 …`; not idle, iowait, steal.
fn busy_ticks(stat: &str) -> u64 {
    let words = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let numbers = words.map(|word| word.parse::<u64>().unwrap_or(0)).enumerate();
    numbers.filter(|(at, _)| matches!(at, 0..=2 | 5 | 6)).map(|(_, number)| number).sum()
}

/// A line of /proc/meminfo: `MemTotal:  1000 kB`.
fn bytes_of(meminfo: &str, name: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_with_other_machines_count() {
        let with = |address: &str, peer: &str| {
            is_outside(&Socket { address: address.parse().unwrap(), port: 1, peer: peer.parse().unwrap() })
        };
        assert!(with("192.0.2.15", "192.0.2.2") && with("2001:db8::1", "2001:db8::2") && with("::ffff:192.0.2.1", "::ffff:192.0.2.9"));
        assert!(!with("127.0.0.1", "127.0.0.9") && !with("::1", "::1") && !with("::ffff:127.0.0.1", "::ffff:127.0.0.1"));
        assert!(!with("192.0.2.15", "192.0.2.15"));
    }

    #[test]
    fn idle_iowait_and_steal_are_not_busy_time() {
        assert_eq!(busy_ticks("cpu  1 20 300 4000 50000 6 70 800000 9 9\ncpu0 1 2 3\n"), 1 + 20 + 300 + 6 + 70);
        assert_eq!((busy_ticks(""), busy_ticks("cpu 1")), (0, 1));
    }

    #[test]
    fn times_and_loads_are_read_in_hundredths() {
        assert_eq!((hundredths("12.34 0.00\n"), hundredths("0.07 0.01"), hundredths("")), (1234, 7, 0));
    }

    #[test]
    fn memory_is_reported_in_bytes() {
        let text = "MemTotal:        2048 kB\nMemFree: 1 kB\nMemAvailable:   512 kB\n";
        assert_eq!((bytes_of(text, "MemTotal:"), bytes_of(text, "MemAvailable:"), bytes_of(text, "X:")), (2097152, 524288, 0));
    }
}
