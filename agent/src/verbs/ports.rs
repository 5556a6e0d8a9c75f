//! `ports`: who listens in the guest, looked at every second while someone wants to know.

use super::Refused;
use crate::stream::Stream;
use crate::sys::net;
use crate::world::World;
use serde_json::{json, Value};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{mpsc, Arc};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(1);

pub fn ports(_: &Arc<World>, stream: &Arc<Stream>, _: &Value) -> Result<(), Refused> {
    let (over, wait) = mpsc::channel::<()>();
    stream.accept(json!({}));
    stream.when_over(move || {
        let _ = over.send(());
    });
    let mut last = Vec::new();
    let mut first = true;
    loop {
        let now = listeners();
        if first || now != last {
            stream.event(&json!({ "event": "ports", "listen": now }));
            last = now;
            first = false;
        }
        if !matches!(wait.recv_timeout(INTERVAL), Err(mpsc::RecvTimeoutError::Timeout)) {
            stream.close();
            return Ok(());
        }
    }
}

/// Sorted, without repetitions.
fn listeners() -> Vec<Value> {
    let mut found = Vec::new();
    for family in [libc::AF_INET as u8, libc::AF_INET6 as u8] {
        parse(&net::listening_dump(family).unwrap_or_default(), &mut found);
    }
    found.sort();
    found.dedup();
    found.truncate(200);
    let value = |(family, port, address): (u8, u16, String)| json!({ "address": address, "port": port, "family": family });
    found.into_iter().map(value).collect()
}

/// Netlink messages with one inet_diag_msg each (linux/inet_diag.h).
fn parse(mut dump: &[u8], found: &mut Vec<(u8, u16, String)>) {
    while dump.len() >= 16 {
        let length = u32::from_ne_bytes([dump[0], dump[1], dump[2], dump[3]]) as usize;
        let kind = u16::from_ne_bytes([dump[4], dump[5]]);
        if kind == 20 && length >= 16 + 72 && dump.len() >= length {
            let message = &dump[16..length];
            let port = u16::from_be_bytes([message[4], message[5]]);
            let address = &message[8..24];
            match i32::from(message[0]) {
                libc::AF_INET => {
                    let ip = Ipv4Addr::new(address[0], address[1], address[2], address[3]);
                    found.push((4, port, ip.to_string()));
                }
                libc::AF_INET6 => {
                    let mut bytes = [0u8; 16];
                    bytes.copy_from_slice(address);
                    found.push((6, port, Ipv6Addr::from(bytes).to_string()));
                }
                _ => {}
            }
        }
        if length < 16 {
            return;
        }
        dump = dump.get((length + 3) & !3..).unwrap_or(&[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_ours_is_seen() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert!(listeners().iter().any(|one| one["port"] == port && one["address"] == "127.0.0.1"));
    }

    #[test]
    fn damaged_dumps_are_read_without_panic() {
        for length in 0..120u8 {
            let dump = vec![length; usize::from(length)];
            parse(&dump, &mut Vec::new());
        }
    }
}
