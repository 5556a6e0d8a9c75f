//! TCP listeners, as sshd makes them for `-R`.

use crate::users::User;
use crate::wire::json::{Answer, Refusal};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// What a user without privileges may bind begins here.
const FIRST_FREE_PORT: u16 = 1024;

/// `localhost`: both loopback addresses, if the second one has the port free too. Empty: every address.
pub fn bind(host: &str, port: u16, user: &User) -> Answer<Vec<TcpListener>> {
    if user.ids.uid != 0 && (1..FIRST_FREE_PORT).contains(&port) {
        return Err(failed(host, port, &io::Error::from_raw_os_error(libc::EACCES)));
    }
    let one = |address: IpAddr, port: u16| {
        let socket = TcpListener::bind(SocketAddr::new(address, port))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    let bound: io::Result<Vec<TcpListener>> = match host {
        "localhost" => one(Ipv4Addr::LOCALHOST.into(), port).map(|first| {
            let port = first.local_addr().map_or(port, |address| address.port());
            let second = one(Ipv6Addr::LOCALHOST.into(), port);
            std::iter::once(first).chain(second.ok()).collect()
        }),
        // a socket bound to `::` also accepts IPv4 connections (ipv6(7))
        "" => one(Ipv6Addr::UNSPECIFIED.into(), port).or_else(|error| match error.raw_os_error() {
            Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL) => one(Ipv4Addr::UNSPECIFIED.into(), port),
            _ => Err(error),
        }).map(|socket| vec![socket]),
        _ => match host.parse() {
            Ok(address) => one(address, port).map(|socket| vec![socket]),
            Err(_) => return Err(Refusal::bad("host must be an address, localhost or empty")),
        },
    };
    bound.map_err(|error| failed(host, port, &error))
}

fn failed(host: &str, port: u16, error: &io::Error) -> Refusal {
    let message = format!("{host} port {port}: {}", crate::sys::errno_name(error));
    let is_taken = error.kind() == io::ErrorKind::AddrInUse;
    Refusal::new(if is_taken { "busy" } else { "io" }, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    fn user(uid: u32) -> User {
        let mut user = crate::users::find(b"root").unwrap();
        user.ids.uid = uid;
        user
    }

    #[test]
    fn localhost_is_both_loopback_addresses_at_one_port() {
        let sockets = bind("localhost", 0, &user(0)).unwrap();
        let ports: Vec<u16> = sockets.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
        assert!(ports.iter().all(|port| *port == ports[0] && *port != 0));
        assert!(TcpStream::connect(("127.0.0.1", ports[0])).is_ok());
        assert_eq!(bind("127.0.0.1", ports[0], &user(0)).unwrap_err().code, "busy");
    }

    #[test]
    fn every_address_has_those_of_ipv4() {
        let sockets = bind("", 0, &user(0)).unwrap();
        assert!(TcpStream::connect(("127.0.0.1", sockets[0].local_addr().unwrap().port())).is_ok());
    }

    #[test]
    fn low_ports_are_roots_and_names_are_none() {
        for port in [1, 1023] {
            assert!(bind("127.0.0.1", port, &user(1000)).unwrap_err().message.contains("EACCES"), "{port}");
        }
        assert_eq!(bind("example", 0, &user(0)).unwrap_err().code, "bad_request");
    }
}
