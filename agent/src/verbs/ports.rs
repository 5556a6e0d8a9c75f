//! `ports`: who listens in the guest. The kernel has no event for it, so it is asked while somebody wants to know.

use crate::session::Stream;
use crate::sys::net;
use crate::wire::json::{Answer, Refusal};
use serde_json::{json, Value};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(1);
/// A frame holds no more.
const MOST: usize = 300;

pub fn run(stream: &Stream) -> Answer<()> {
    let mut known = listening()?;
    stream.reply(json!({}));
    stream.event(&event(&known));
    while !stream.over_within(EVERY) {
        let now = listening()?;
        if now != known {
            known = now;
            stream.event(&event(&known));
        }
    }
    Ok(())
}

type Listening = BTreeSet<(u16, IpAddr)>;

fn event(listening: &Listening) -> Value {
    let one = |(port, address): &(u16, IpAddr)| {
        json!({ "address": address.to_string(), "port": port, "family": if address.is_ipv4() { 4 } else { 6 } })
    };
    json!({ "event": "ports", "listen": listening.iter().take(MOST).map(one).collect::<Vec<_>>() })
}

fn listening() -> Answer<Listening> {
    let mut all = Listening::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let dump = net::listening_dump(family as u8).map_err(|error| Refusal::io("sock_diag", &error))?;
        parse(&dump, &mut all);
    }
    Ok(all)
}

/// Netlink messages, each a header of 16 bytes and `struct inet_diag_msg`.
fn parse(mut dump: &[u8], all: &mut Listening) {
    while dump.len() >= 16 {
        let length = u32::from_ne_bytes([dump[0], dump[1], dump[2], dump[3]]) as usize;
        let Some(message) = dump.get(16..length) else { return };
        if let Some(found) = one(message) {
            all.insert(found);
        }
        dump = dump.get((length + 3) & !3..).unwrap_or(&[]);
    }
}

fn one(message: &[u8]) -> Option<(u16, IpAddr)> {
    let (family, state) = (*message.first()?, *message.get(1)?);
    let port = u16::from_be_bytes(message.get(4..6)?.try_into().ok()?);
    let source: [u8; 16] = message.get(8..24)?.try_into().ok()?;
    let address = match i32::from(family) {
        libc::AF_INET => IpAddr::from(Ipv4Addr::new(source[0], source[1], source[2], source[3])),
        libc::AF_INET6 => IpAddr::from(Ipv6Addr::from(source)),
        _ => return None,
    };
    (state == net::TCP_LISTEN).then_some((port, address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_listener_is_seen_while_it_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mine = (port, IpAddr::from(Ipv4Addr::LOCALHOST));
        assert!(listening().unwrap().contains(&mine));
        drop(listener);
        assert!(!listening().unwrap().contains(&mine));
    }

    #[test]
    fn damaged_dumps_are_read_as_far_as_they_go() {
        for length in [0u32, 1, 15, 16, 17, 200, u32::MAX] {
            let mut dump = vec![10u8; 100];
            dump[..4].copy_from_slice(&length.to_ne_bytes());
            parse(&dump, &mut Listening::new());
        }
    }
}
