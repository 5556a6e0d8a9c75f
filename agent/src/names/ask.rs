//! Asks name servers over UDP.

use super::message::{self, Said};
use crate::sys::random;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Before the next server is asked.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often all servers are asked: a datagram may be lost.
const ROUNDS: usize = 2;
/// Without an extension of the protocol an answer has at most 512 bytes.
const MAX_ANSWER: usize = 512;
const PORT: u16 = 53;

/// The addresses of a complete name, IPv4 first, empty if there are none; None: no server could tell before `until`.
pub fn addresses(name: &str, servers: &[IpAddr], until: Instant) -> Option<Vec<IpAddr>> {
    let servers: Vec<SocketAddr> = servers.iter().map(|address| SocketAddr::new(*address, PORT)).collect();
    of_servers(name, &servers, until)
}

fn of_servers(name: &str, servers: &[SocketAddr], until: Instant) -> Option<Vec<IpAddr>> {
    let [v4, v6] = message::TYPES.map(|kind| first_answer(name, kind, servers, until));
    let is_known = v4.is_some() && v6.is_some();
    let all: Vec<IpAddr> = v4.into_iter().chain(v6).flatten().collect();
    (is_known || !all.is_empty()).then_some(all)
}

fn first_answer(name: &str, kind: u16, servers: &[SocketAddr], until: Instant) -> Option<Vec<IpAddr>> {
    for server in servers.iter().cycle().take(servers.len() * ROUNDS) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        if let Ok(Said::Addresses(found)) = ask(name, kind, *server, left.min(PATIENCE)) {
            return Some(found);
        }
    }
    None
}

/// The socket is connected: datagrams of others are not received, and a port where nobody listens is an error at once.
fn ask(name: &str, kind: u16, server: SocketAddr, patience: Duration) -> io::Result<Said> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    let mut id = [0; 2];
    random::fill(&mut id)?;
    let question = message::question(u16::from_be_bytes(id), name, kind);
    socket.send(&question)?;
    let until = Instant::now() + patience;
    let mut buffer = [0; MAX_ANSWER];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let length = socket.recv(&mut buffer)?;
        if let Some(said) = message::answer(&question, &buffer[..length]) {
            return Ok(said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// A server that answers each question as `answer` makes it of the question, until `count` were asked.
    fn server(count: usize, answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            for _ in 0..count {
                let mut buffer = [0; 512];
                let (length, from) = socket.recv_from(&mut buffer).unwrap();
                socket.send_to(b"garbage", from).unwrap();
                socket.send_to(&answer(&buffer[..length]), from).unwrap();
            }
        });
        address
    }

    /// The question with a response code, and one address if it asked for those of IPv4.
    fn reply(question: &[u8], code: u8) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] |= 0x80;
        message[3] = code;
        if code == 0 && question[question.len() - 3] == 1 {
            message[7] = 1;
            message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 10, 0, 0, 5]);
        }
        message
    }

    fn ask_all(servers: &[SocketAddr]) -> Option<Vec<IpAddr>> {
        of_servers("db.internal", servers, Instant::now() + Duration::from_secs(5))
    }

    #[test]
    fn a_server_answers_amid_garbage() {
        assert_eq!(ask_all(&[server(2, |asked| reply(asked, 0))]), Some(vec!["10.0.0.5".parse().unwrap()]));
    }

    #[test]
    fn a_server_that_fails_or_is_not_there_leaves_the_next_one() {
        let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let servers = [nobody, server(4, |asked| reply(asked, 2)), server(2, |asked| reply(asked, 0))];
        assert_eq!(ask_all(&servers), Some(vec!["10.0.0.5".parse().unwrap()]));
        assert_eq!(ask_all(&[nobody]), None);
    }

    #[test]
    fn a_name_that_does_not_exist_has_no_addresses() {
        assert_eq!(ask_all(&[server(2, |asked| reply(asked, 3))]), Some(Vec::new()));
    }

    #[test]
    fn a_silent_server_costs_no_more_than_the_time_there_is() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let until = Instant::now() + Duration::from_millis(50);
        assert_eq!(of_servers("x", &[silent.local_addr().unwrap()], until), None);
    }
}
