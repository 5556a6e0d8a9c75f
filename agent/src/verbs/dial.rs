//! `dial`: a TCP or unix connection made in the guest.

use super::{bad, number, text, Refused};
use crate::stream::Stream;
use crate::world::World;
use serde_json::{json, Value};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

pub fn dial(_: &Arc<World>, stream: &Arc<Stream>, request: &Value) -> Result<(), Refused> {
    let socket = connect(request)?;
    let copy = |socket: &OwnedFd| socket.try_clone().map(File::from).map_err(|error| ("io", error.to_string()));
    let (mut reading, writing, closing) = (copy(&socket)?, copy(&socket)?, copy(&socket)?);
    stream.accept(json!({}));
    stream.when_over(move || shut(&closing, Shutdown::Both));
    let upwards = stream.clone();
    let feeder = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || feed(&upwards, writing));
    let mut buffer = vec![0u8; 32 * 1024];
    while let Ok(count @ 1..) = reading.read(&mut buffer) {
        if !stream.write(0, &buffer[..count]) {
            break;
        }
    }
    stream.end_of(0);
    if let Ok(feeder) = feeder {
        let _ = feeder.join();
    }
    stream.close();
    Ok(())
}

fn connect(request: &Value) -> Result<OwnedFd, Refused> {
    if let Some(path) = text(request, "unix")? {
        return UnixStream::connect(path).map(OwnedFd::from).map_err(|error| ("refused", format!("{path}: {error}")));
    }
    let host = text(request, "host")?.unwrap_or("127.0.0.1");
    let port = number(request, "port", 65535)?.filter(|port| *port > 0).ok_or_else(|| bad("port is missing"))? as u16;
    let refused = |error: io::Error| {
        let code = if error.kind() == io::ErrorKind::TimedOut { "timeout" } else { "refused" };
        (code, format!("{host}:{port}: {error}"))
    };
    let socket = TcpStream::connect_timeout(&SocketAddr::new(address_of(host)?, port), TIMEOUT).map_err(refused)?;
    let _ = socket.set_nodelay(true);
    Ok(OwnedFd::from(socket))
}

/// Names are the host's business: a resolver in here would be a large thing for one lookup.
fn address_of(host: &str) -> Result<IpAddr, Refused> {
    match host {
        "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => host.parse().map_err(|_| bad(format!("host {host:?} is no address"))),
    }
}

fn feed(stream: &Stream, mut to: File) {
    let mut buffer = vec![0u8; 32 * 1024];
    while let Ok(count @ 1..) = stream.read_input(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    shut(&to, Shutdown::Write);
}

fn shut(socket: &File, how: Shutdown) {
    if let Ok(copy) = socket.try_clone() {
        let _ = UnixStream::from(OwnedFd::from(copy)).shutdown(how);
    }
}
