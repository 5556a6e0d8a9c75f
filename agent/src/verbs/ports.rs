//! `ports`: TCP ports that the guest listens on. The kernel has no event for them, so it is polled while the stream is open; looking takes
//! a twentieth of one CPU at most, however many there are.

use crate::guest::Guest;
use crate::session::Stream;
use crate::sys::tcp::{self, State};
use crate::wire::json::{Answer, Refusal};
use serde_json::{json, Value};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(500);
/// What is waited between two looks, as a multiple of what the first took.
const REST: u32 = 20;
/// Listeners in one event, so that it fits in one frame.
const MAX: usize = 300;

pub fn run(stream: &Stream, guest: &Guest) -> Answer<()> {
    let mut began = Instant::now();
    let mut known = listening(guest)?;
    stream.reply(json!({}));
    stream.event(&event(&known));
    while !stream.wait_until_over(INTERVAL.max(began.elapsed() * REST)) {
        began = Instant::now();
        let now = listening(guest)?;
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
    json!({ "event": "ports", "listen": listening.iter().map(one).collect::<Vec<_>>() })
}

/// Without the agent's own: the host asked for those, and they lead back to it.
fn listening(guest: &Guest) -> Answer<Listening> {
    let own = guest.listeners.addresses();
    let mut all = Listening::new();
    tcp::each(State::Listen, |socket| {
        if !own.contains(&SocketAddr::new(socket.address, socket.port)) {
            all.insert((socket.port, socket.address));
        }
    })
    .map_err(|error| Refusal::io("sock_diag", &error))?;
    Ok(reported(all))
}

/// The lowest ports: a change among the others is none that is reported.
fn reported(mut all: Listening) -> Listening {
    if let Some(first_left) = all.iter().nth(MAX).copied() {
        all.split_off(&first_left);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::{Phase, Place};
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn at_most_300_listeners_are_reported_and_fit_in_one_frame() {
        let all = |count: u16| {
            let address = |at: u16| IpAddr::from([0xfedc, 0xba98, 0xfedc, 0xba98, 0xfedc, 0xba98, 0xfedc, 0x8000 + at]);
            (0..count).map(|at| (65535 - at, address(at))).collect::<Listening>()
        };
        let count = |of| event(&reported(all(of)))["listen"].as_array().unwrap().len();
        assert_eq!((count(0), count(300), count(301), count(9000)), (0, 300, 300, 300));
        assert_eq!(reported(all(9000)).first().unwrap().0, 65535 - 8999);
        assert!(event(&reported(all(9000))).to_string().len() < crate::wire::frame::MAX_PAYLOAD - 13);
    }

    #[test]
    fn a_listener_is_reported_while_it_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mine = (port, IpAddr::from(Ipv4Addr::LOCALHOST));
        let guest = Guest::new(Place::Host { root: None }, "none", Phase::Up);
        assert!(listening(&guest).unwrap().contains(&mine));
        let own = guest.listeners.open(vec![listener.local_addr().unwrap()]).unwrap();
        assert!(!listening(&guest).unwrap().contains(&mine));
        drop(own);
        assert!(listening(&guest).unwrap().contains(&mine));
        drop(listener);
        assert!(!listening(&guest).unwrap().contains(&mine));
    }
}
