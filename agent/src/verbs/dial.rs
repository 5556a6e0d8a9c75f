//! `dial`: a connection to a socket that listens in the guest.

use crate::names;
use super::relay::relay;
use crate::session::Stream;
use crate::wire::json::{self, Answer, Object, Refusal};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// For one address, and for all of a name.
const TIMEOUT: Duration = Duration::from_secs(10);

pub fn run(stream: &Stream, request: &Object) -> Answer<()> {
    if let Some(path) = json::text(request, "unix")? {
        let connection = UnixStream::connect(path).map_err(|error| refused(path, &error))?;
        return relay(stream, &connection, |how| connection.shutdown(how));
    }
    let host = json::required_text(request, "host")?;
    let port = json::required_number(request, "port", u64::from(u16::MAX))? as u16;
    let connection = connect(host, port)?;
    let _ = connection.set_nodelay(true);
    relay(stream, &connection, |how| connection.shutdown(how))
}

/// Tries the addresses in turn. The first one's failure is told: the others are alternatives.
fn connect(host: &str, port: u16) -> Answer<TcpStream> {
    let addresses = addresses_of(host)?;
    let until = Instant::now() + TIMEOUT;
    let mut first = None;
    for (at, address) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now()) / (addresses.len() - at) as u32;
        match TcpStream::connect_timeout(&SocketAddr::new(*address, port), left.max(Duration::from_millis(1))) {
            Ok(connection) => return Ok(connection),
            Err(error) => first = first.or(Some(error)),
        }
    }
    let error = first.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
    Err(refused(&format!("{host} port {port}"), &error))
}

fn addresses_of(host: &str) -> Answer<Vec<IpAddr>> {
    if host == "localhost" {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    host.parse().map(|address| vec![address]).or_else(|_| names::resolve(host))
}

fn refused(what: &str, error: &io::Error) -> Refusal {
    let code = match error.kind() {
        io::ErrorKind::TimedOut => "timeout",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "unreachable",
        _ => "refused",
    };
    Refusal::new(code, format!("{what}: {}", crate::sys::errno_name(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn localhost_and_addresses_are_connected_to_and_the_reason_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["localhost", "127.0.0.1"] {
            assert!(connect(host, port).is_ok(), "{host}");
        }
        drop(listener);
        assert_eq!(connect("localhost", port).unwrap_err().code, "refused");
        assert_eq!(connect("no name", port).unwrap_err().code, "bad_request");
    }

    #[test]
    fn codes_tell_why() {
        let code = |errno| refused("x", &io::Error::from_raw_os_error(errno)).code;
        assert_eq!([libc::ECONNREFUSED, libc::EHOSTUNREACH, libc::ENETUNREACH, libc::ETIMEDOUT].map(code), ["refused", "unreachable", "unreachable", "timeout"]);
    }
}
