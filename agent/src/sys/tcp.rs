//! The guest's TCP sockets: sock_diag(7).

use super::{check, check_long};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// State numbers: include/net/tcp_states.h.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    Established = 1,
    Listen = 10,
}

/// A TCP socket of the guest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Socket {
    pub address: IpAddr,
    pub port: u16,
    pub peer: IpAddr,
}

/// Calls `each` for every IPv4 and IPv6 socket in this state. Falls back to the tables in /proc, which are slower to read, if the
/// kernel can't load its sock_diag module.
pub fn each(state: State, mut each: impl FnMut(Socket)) -> io::Result<()> {
    for (family, table) in [(libc::AF_INET, "/proc/net/tcp"), (libc::AF_INET6, "/proc/net/tcp6")] {
        match dump(family as u8, state) {
            Ok(dump) => parse(&dump, state, &mut each),
            Err(_) => match fs::read_to_string(table) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => read_table(&other?, state, &mut each),
            },
        }
    }
    Ok(())
}

/// proc(5): `sl local_address rem_address st …`, in hexadecimal.
fn read_table(table: &str, state: State, each: &mut impl FnMut(Socket)) {
    for line in table.lines().skip(1) {
        let mut words = line.split_whitespace().skip(1);
        let (Some(local), Some(peer), Some(found)) = (words.next(), words.next(), words.next()) else { continue };
        let (Some((address, port)), Some((peer, _))) = (parse_endpoint(local), parse_endpoint(peer)) else { continue };
        if u8::from_str_radix(found, 16) == Ok(state as u8) {
            each(Socket { address, port, peer });
        }
    }
}

/// `0100007F:1F90`: 32-bit words in native byte order, and the port.
fn parse_endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let word = |at: usize| u32::from_str_radix(address.get(8 * at..8 * at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let address = match address.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            IpAddr::from(<[u8; 16]>::try_from(words.as_flattened()).ok()?)
        }
        _ => return None,
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}

/// The netlink messages of one sock_diag dump.
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
            refused(&buffer[..got])?;
            dump.extend_from_slice(&buffer[..got]);
            if got < 16 || has_end(&buffer[..got]) || dump.len() > 4 << 20 {
                return Ok(dump);
            }
        }
    }
}

/// An error if the first message is NLMSG_ERROR, which has a negative errno.
fn refused(bytes: &[u8]) -> io::Result<()> {
    match (bytes.get(4..6), bytes.get(16..20)) {
        (Some([2, 0]), Some(code)) => {
            let code = i32::from_ne_bytes([code[0], code[1], code[2], code[3]]);
            Err(io::Error::from_raw_os_error(code.wrapping_neg()))
        }
        _ => Ok(()),
    }
}

/// Whether NLMSG_DONE or NLMSG_ERROR is among the messages.
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
    fn connections_are_listed_with_their_peers() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mine = (client.local_addr().unwrap().port(), IpAddr::from(Ipv4Addr::LOCALHOST));
        assert!(ports(State::Established).contains(&mine));
        assert!(!ports(State::Listen).contains(&mine));
    }

    #[test]
    fn the_tables_in_proc_are_parsed() {
        let read = |lines: &str| {
            let mut all = Vec::new();
            let table = format!("  sl  local_address rem_address   st\n{lines}");
            read_table(&table, State::Established, &mut |socket| all.push(socket));
            all
        };
        let socket = |address: &str, port, peer: &str| {
            Socket { address: address.parse().unwrap(), port, peer: peer.parse().unwrap() }
        };
        let listening = "   0: 0100007F:1F90 00000000:0000 0A 00000000\n";
        let speaking = "   1: 0F0200C0:0016 020200C0:D431 01 0\n";
        assert_eq!(read(&format!("{listening}{speaking}")), [socket("192.0.2.15", 22, "192.0.2.2")]);
        let mapped = "0: 0000000000000000FFFF0000010200C0:0050 B80D0120000000000000000001000000:0001 01";
        assert_eq!(read(mapped), [socket("::ffff:192.0.2.1", 80, "2001:db8::1")]);
        assert_eq!(read("1:\n2: a b 01\n3: 0:0 0:0 01\n4: 0\u{e9}00007F:1 0:0 01"), []);
    }

    #[test]
    fn damaged_dumps_do_not_panic() {
        for length in [0u32, 1, 15, 16, 17, 200, u32::MAX] {
            let mut dump = vec![10u8; 100];
            dump[..4].copy_from_slice(&length.to_ne_bytes());
            parse(&dump, State::Listen, &mut |_| {});
        }
    }
}
