//! `dial`: a connection to a socket that listens in the guest.

use crate::session::{Received, Stream};
use crate::wire::json::{self, Answer, Object, Refusal};
use serde_json::json;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);
const CHUNK: usize = 32 * 1024;

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

/// `host` is an address or `localhost`: other names are resolved on the host.
fn connect(host: &str, port: u16) -> Answer<TcpStream> {
    let addresses = match host {
        "localhost" => vec![IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)],
        _ => vec![host.parse().map_err(|_| Refusal::bad("host must be an address or localhost"))?],
    };
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        result = TcpStream::connect_timeout(&SocketAddr::new(address, port), TIMEOUT);
        if result.is_ok() {
            break;
        }
    }
    result.map_err(|error| refused(&format!("{host} port {port}"), &error))
}

fn refused(what: &str, error: &io::Error) -> Refusal {
    let code = if error.kind() == io::ErrorKind::TimedOut { "timeout" } else { "refused" };
    Refusal::new(code, format!("{what}: {}", crate::sys::errno_name(error)))
}

/// Copies in both directions until both have ended or the stream is over.
fn relay<C>(stream: &Stream, connection: &C, shutdown: impl Fn(Shutdown) -> io::Result<()> + Sync) -> Answer<()>
where
    C: Sync,
    for<'a> &'a C: Read + Write,
{
    stream.reply(json!({}));
    thread::scope(|scope| {
        let back = || from_guest(stream, connection);
        let started = thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, back);
        if let Err(error) = started {
            return Err(Refusal::io("thread", &error));
        }
        let half = match to_guest(stream, connection) {
            Received::Eof => Shutdown::Write,
            _ => Shutdown::Both,
        };
        let _ = shutdown(half);
        // when the stream ends, the shutdown below ends a reader that still waits
        while half == Shutdown::Write && !stream.wait_until_over(Duration::from_secs(3600)) {}
        let _ = shutdown(Shutdown::Both);
        Ok(())
    })
}

fn to_guest<C>(stream: &Stream, mut connection: &C) -> Received
where
    for<'a> &'a C: Write,
{
    loop {
        match stream.receive(0) {
            Received::Data(bytes) => {
                if connection.write_all(&bytes).is_err() {
                    return Received::Over;
                }
                stream.consumed(0, bytes.len());
            }
            end => return end,
        }
    }
}

fn from_guest<C>(stream: &Stream, mut connection: &C)
where
    for<'a> &'a C: Read,
{
    let mut buffer = vec![0; CHUNK];
    loop {
        match connection.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return stream.eof(0),
            Ok(count) => {
                if stream.send(0, &buffer[..count]).is_err() {
                    return;
                }
            }
        }
    }
}
