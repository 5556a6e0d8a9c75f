//! The guest's TCP sockets: sock_diag(7).

use super::{check, check_long};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// State numbers: include/net/tcp_states.h.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    Established = 1,
    Listen = 10,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Socket {
    pub address: IpAddr,
    pub port: u16,
    pub peer: IpAddr,
}

/// Hands each socket in this state, of both families, to `each`.
pub fn each(state: State, mut each: impl FnMut(Socket)) -> io::Result<()> {
    for family in [libc::AF_INET, libc::AF_INET6] {
        parse(&dump(family as u8, state)?, state, &mut each);
    }
    Ok(())
}

/// The answer to one sock_diag dump, as netlink messages.
fn dump(family: u8, state: State) -> io::Result<Vec<u8>> {
    let mut message = [0u8; 16 + 56];
    message[0..4].copy_from_slice(&72u32.to_ne_bytes());
    message[4..6].copy_from_slice(&20u16.to_ne_bytes()); // SOCK_DIAG_BY_FAMILY
    message[6..8].copy_from_slice(&0x301u16.to_ne_bytes()); // NLM_F_REQUEST | NLM_F_DUMP
    message[16] = family;
    message[17] = libc::IPPROTO_TCP as u8;
    message[20..24].copy_from_slice(&(1u32 << state as u32).to_ne_bytes());
    let mut dump = Vec::new();
    // SAFETY: a plain socket; buffers with their lengths.
    unsafe {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
        let socket = OwnedFd::from_raw_fd(check(libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_SOCK_DIAG))?);
        check_long(libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), 0) as libc::c_long)?;
        let mut buffer = [0u8; 32768];
        loop {
            let got = libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0);
            let got = check_long(got as libc::c_long)? as usize;
            dump.extend_from_slice(&buffer[..got]);
            if got < 16 || has_end(&buffer[..got]) || dump.len() > 4 << 20 {
                return Ok(dump);
            }
        }
    }
}

/// NLMSG_DONE or NLMSG_ERROR among the messages.
fn has_end(mut bytes: &[u8]) -> bool {
    while bytes.len() >= 16 {
        let length = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        let kind = u16::from_ne_bytes([bytes[4], bytes[5]]);
        if kind == 2 || kind == 3 || length < 16 {
            return true;
        }
        bytes = bytes.get((length + 3) & !3..).unwrap_or(&[]);
    }
    false
}

/// Netlink messages, each a header of 16 bytes and `struct inet_diag_msg`.
fn parse(mut dump: &[u8], state: State, each: &mut impl FnMut(Socket)) {
    while dump.len() >= 16 {
        let length = u32::from_ne_bytes([dump[0], dump[1], dump[2], dump[3]]) as usize;
        let Some(message) = dump.get(16..length) else { return };
        if let Some(socket) = one(message, state) {
            each(socket);
        }
        dump = dump.get((length + 3) & !3..).unwrap_or(&[]);
    }
}

fn one(message: &[u8], state: State) -> Option<Socket> {
    let (family, found) = (*message.first()?, *message.get(1)?);
    let port = u16::from_be_bytes(message.get(4..6)?.try_into().ok()?);
    let address = |at: usize| {
        let bytes: [u8; 16] = message.get(at..at + 16)?.try_into().ok()?;
        match i32::from(family) {
            libc::AF_INET => Some(IpAddr::from(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))),
            libc::AF_INET6 => Some(IpAddr::from(Ipv6Addr::from(bytes))),
            _ => None,
        }
    };
    let socket = Socket { address: address(8)?, port, peer: address(24)? };
    (found == state as u8).then_some(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    fn ports(state: State) -> Vec<(u16, IpAddr)> {
        let mut all = Vec::new();
        each(state, |socket| all.push((socket.port, socket.peer))).unwrap();
        all
    }

    #[test]
    fn connections_are_told_with_their_peers() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mine = (client.local_addr().unwrap().port(), IpAddr::from(Ipv4Addr::LOCALHOST));
        assert!(ports(State::Established).contains(&mine));
        assert!(!ports(State::Listen).contains(&mine));
    }

    #[test]
    fn damaged_dumps_are_read_as_far_as_they_go() {
        for length in [0u32, 1, 15, 16, 17, 200, u32::MAX] {
            let mut dump = vec![10u8; 100];
            dump[..4].copy_from_slice(&length.to_ne_bytes());
            parse(&dump, State::Listen, &mut |_| {});
        }
    }
}
