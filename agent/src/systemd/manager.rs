//! Calls over a manager's private socket, which only its user and root can open.

use super::message::{call, measure, member_of, text_at, text_in_variant, Body, Kind, HEADER, MANAGER, PROPERTIES};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// The system's manager.
pub const SOCKET: &str = "/run/systemd/private";
/// Per connection. A busy manager answers late.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A connection to a manager, for one call or several in sequence.
pub struct Manager {
    connection: UnixStream,
    /// end of the time for answers
    until: Instant,
}

struct Message {
    kind: Kind,
    fields: Vec<u8>,
    body: Vec<u8>,
}

impl Manager {
    /// Connects to the system's manager.
    pub fn connect() -> io::Result<Manager> {
        Manager::connect_to(Path::new(SOCKET), TIMEOUT)
    }

    /// `timeout`: for all calls on this connection together.
    pub fn connect_to(socket: &Path, timeout: Duration) -> io::Result<Manager> {
        let connection = UnixStream::connect(socket)?;
        connection.set_write_timeout(Some(TIMEOUT))?;
        let mut manager = Manager { connection, until: Instant::now() + timeout };
        // The socket knows our uid; 30 is "0" in hexadecimal. BEGIN and the call must not be sent together: systemd would read both but
        // handle the call only when more data arrives.
        manager.connection.write_all(b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n")?;
        let mut answer = [0; 128];
        manager.limit_read()?;
        let length = manager.connection.read(&mut answer)?;
        if !answer[..length].starts_with(b"OK ") || !answer[..length].ends_with(b"\r\n") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(manager)
    }

    /// Removes and sets variables of services that start from now on.
    pub fn change_environment<'a>(
        mut self,
        unset: impl IntoIterator<Item = &'a str>,
        set: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<()> {
        self.ask(MANAGER, "UnsetAndSetEnvironment", &Body::default().texts(unset).texts(set)).map(drop)
    }

    /// Makes the manager read its configuration and all units again.
    pub fn reload(mut self) -> io::Result<()> {
        self.ask(MANAGER, "Reload", &Body::default()).map(drop)
    }

    /// Does not wait for the service.
    pub fn restart(mut self, unit: &str) -> io::Result<()> {
        self.ask(MANAGER, "RestartUnit", &Body::default().text(unit).text("replace")).map(drop)
    }

    /// Starts a unit, unless it is active, and waits for the result. An error if it fails or takes too long.
    pub fn start(&mut self, unit: &str) -> io::Result<()> {
        let reply = self.ask(MANAGER, "StartUnit", &Body::default().text(unit).text("replace"))?;
        let job = text_at(&reply, 0).ok_or(io::ErrorKind::InvalidData)?;
        // JobRemoved: number, path, unit, result
        let removed = self.signal("JobRemoved", |body| text_at(body, 4) == Some(job))?;
        let result = third_text(&removed).unwrap_or_default();
        match result {
            "done" => Ok(()),
            _ => Err(io::Error::other(format!("{unit}: {result}"))),
        }
    }

    /// Makes the manager forget that a unit has failed.
    pub fn reset_failed(&mut self, unit: &str) -> io::Result<()> {
        self.ask(MANAGER, "ResetFailedUnit", &Body::default().text(unit)).map(drop)
    }

    /// The state of the system, as `systemctl is-system-running` prints it.
    pub fn state(&mut self) -> io::Result<String> {
        let value = self.ask(PROPERTIES, "Get", &Body::default().text(MANAGER).text("SystemState"))?;
        Ok(text_in_variant(&value).ok_or(io::ErrorKind::InvalidData)?.to_string())
    }

    /// Waits until the system has finished starting. `state` must have been called on this connection before.
    pub fn wait_for_startup(&mut self) -> io::Result<()> {
        self.signal("StartupFinished", |_| true).map(drop)
    }

    fn ask(&mut self, interface: &str, member: &str, body: &Body) -> io::Result<Vec<u8>> {
        self.connection.write_all(&call(interface, member, body))?;
        loop {
            let message = self.read()?;
            match message.kind {
                Kind::Return => return Ok(message.body),
                Kind::Error => return Err(io::Error::other(format!("systemd refused {member}"))),
                Kind::Other => {}
            }
        }
    }

    /// The body of the next signal of this name for which `is_wanted` is true. Managers send signals on private sockets without a match
    /// rule.
    fn signal(&mut self, member: &str, is_wanted: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
        loop {
            let message = self.read()?;
            if message.kind == Kind::Other && member_of(&message.fields) == member && is_wanted(&message.body) {
                return Ok(message.body);
            }
        }
    }

    fn read(&mut self) -> io::Result<Message> {
        let mut header = [0; HEADER];
        self.limit_read()?;
        self.connection.read_exact(&mut header)?;
        let (kind, [fields, body]) = measure(&header).ok_or(io::ErrorKind::InvalidData)?;
        let (mut fields, mut body) = (vec![0; fields], vec![0; body]);
        self.connection.read_exact(&mut fields)?;
        self.connection.read_exact(&mut body)?;
        Ok(Message { kind, fields, body })
    }

    fn limit_read(&self) -> io::Result<()> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.connection.set_read_timeout(Some(left))
    }
}

/// The result in a JobRemoved, which is after a number, a path and the name of a unit.
fn third_text(body: &[u8]) -> Option<&str> {
    let mut at = 4;
    for _ in 0..2 {
        at = (at + 4 + text_at(body, at)?.len() + 1).next_multiple_of(4);
    }
    text_at(body, at)
}
