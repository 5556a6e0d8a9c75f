//! `listen`: a listener in the guest, whose connections the host takes with `accept`.

mod tcp;
mod unix;

use crate::guest::Guest;
use crate::listeners::{Connection, Listener};
use crate::session::Stream;
use crate::sys::poll::{self, PollSet};
use crate::wire::json::{self, Answer, Object, Refusal};
use serde_json::{json, Value};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::time::Duration;

/// Before the next try, when the guest has no room for another connection (accept(2): EMFILE, ENFILE, ENOMEM).
const PAUSE: Duration = Duration::from_secs(1);

/// Non-blocking: between poll and accept a client may go.
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

pub fn run(stream: &Stream, request: &Object, guest: &Guest) -> Answer<()> {
    let request = Request::parse(request)?;
    let user = crate::users::find(&request.user)?;
    match request.at {
        At::Port { host, port } => {
            let sockets = guest.listeners.bind(|| tcp::bind(&host, port, &user))?;
            let addresses: Vec<SocketAddr> = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
            let port = addresses.first().map_or(port, SocketAddr::port);
            let listener = guest.listeners.open(addresses)?;
            stream.reply(json!({ "port": port }));
            serve(stream, sockets.into_iter().map(Socket::Tcp).collect(), &listener)
        }
        At::Socket(at) => {
            let listener = guest.listeners.open(Vec::new())?;
            // its file is removed before the listener's end is told
            let (socket, bound) = guest.listeners.bind(|| unix::bind(&at, &user.ids, guest))?;
            stream.reply(json!({ "path": bound.path }));
            serve(stream, vec![Socket::Unix(socket)], &listener)
        }
    }
}

#[derive(Debug, PartialEq)]
struct Request {
    user: Vec<u8>,
    at: At,
}

#[derive(Debug, PartialEq)]
enum At {
    Port { host: String, port: u16 },
    Socket(unix::At),
}

impl Request {
    fn parse(request: &Object) -> Answer<Request> {
        let at = match request.get("unix") {
            None | Some(Value::Null) => At::Port {
                host: json::required_text(request, "host")?.to_string(),
                port: json::required_number(request, "port", u64::from(u16::MAX))? as u16,
            },
            Some(Value::Bool(true)) => At::Socket(unix::At::OwnFolder(unix::folder_name(json::text(request, "name")?)?)),
            Some(Value::String(path)) if path.starts_with('/') => At::Socket(unix::At::Path(path.clone())),
            Some(_) => return Err(Refusal::bad("unix must be true or an absolute path")),
        };
        Ok(Request { user: json::bytes(request, "user")?.unwrap_or_else(|| b"root".to_vec()), at })
    }
}

/// Until the host closes the stream, or the session is over.
fn serve(stream: &Stream, sockets: Vec<Socket>, listener: &Listener) -> Answer<()> {
    let changed = stream.event_fd()?;
    while !stream.is_over() {
        let (has_room, oldest) = listener.tidy();
        let mut poll_set = PollSet::default();
        poll_set.add(changed.fd(), poll::READ);
        poll_set.add(listener.taken().fd(), poll::READ);
        let first = has_room.then(|| sockets.iter().map(|socket| poll_set.add(socket.fd(), poll::READ)).collect::<Vec<_>>());
        poll_set.wait(oldest).map_err(|error| Refusal::io("poll", &error))?;
        changed.drain();
        listener.taken().drain();
        for event in std::iter::from_fn(|| stream.next_event()) {
            refuse(&event, listener);
        }
        for (socket, place) in sockets.iter().zip(first.unwrap_or_default()) {
            if poll_set.is_ready(place) && take_one(stream, socket, listener).is_err() {
                stream.wait_until_over(PAUSE);
            }
        }
    }
    Ok(())
}

/// The host does not want a connection.
fn refuse(event: &Object, listener: &Listener) {
    if let (Some("refuse"), Some(id)) = (event.get("event").and_then(Value::as_str), event.get("id").and_then(Value::as_u64)) {
        listener.close(id);
    }
}

/// An error is one of the guest's, not of this client.
fn take_one(stream: &Stream, socket: &Socket, listener: &Listener) -> io::Result<()> {
    match socket.accept() {
        Ok((connection, from)) => {
            stream.event(&announcement(listener.add(connection), from));
            Ok(())
        }
        Err(error) => match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS) => Err(error),
            _ => Ok(()),
        },
    }
}

fn announcement(id: u64, from: Option<SocketAddr>) -> Value {
    let mut event = json!({ "event": "connection", "id": id });
    if let Some(from) = from {
        event["address"] = from.ip().to_canonical().to_string().into();
        event["port"] = from.port().into();
    }
    event
}

impl Socket {
    fn fd(&self) -> i32 {
        match self {
            Socket::Tcp(socket) => socket.as_raw_fd(),
            Socket::Unix(socket) => socket.as_raw_fd(),
        }
    }

    /// The connection, which blocks, and who made it.
    fn accept(&self) -> io::Result<(Connection, Option<SocketAddr>)> {
        match self {
            Socket::Tcp(socket) => socket.accept().map(|(connection, from)| {
                let _ = connection.set_nodelay(true);
                (Connection::Tcp(connection), Some(from))
            }),
            Socket::Unix(socket) => socket.accept().map(|(connection, _)| (Connection::Unix(connection), None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::vectors;

    #[test]
    fn requests_and_events_are_those_of_the_vectors() {
        let parsed = |name| Request::parse(&vectors::open(name)).unwrap();
        let port = At::Port { host: "localhost".to_string(), port: 0 };
        assert_eq!(parsed("listen"), Request { user: b"ann".to_vec(), at: port });
        assert_eq!(parsed("listen at a socket"), Request { user: b"root".to_vec(), at: At::Socket(unix::At::OwnFolder("0123456789abcdef".to_string())) });
        assert_eq!(announcement(7, Some(([127, 0, 0, 1], 40_000).into())), vectors::event("listen"));
        assert_eq!(announcement(8, None), vectors::event("listen at a socket"));
    }

    #[test]
    fn what_is_missing_or_no_absolute_path_is_a_bad_request() {
        for bad in ["{}", r#"{"host":"::1"}"#, r#"{"host":"::1","port":65536}"#, r#"{"unix":false}"#, r#"{"unix":"a"}"#, r#"{"unix":1}"#, r#"{"unix":true,"name":"../../etc/x"}"#] {
            let request = json::object(bad.as_bytes()).unwrap();
            assert_eq!(Request::parse(&request).unwrap_err().code, "bad_request", "{bad}");
        }
    }
}
