//! The manager's private socket, which is root's alone.

use super::message::{call, measure, Body, Kind, HEADER};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

const SOCKET: &str = "/run/systemd/private";
/// For each read and write. A manager that is busy answers late.
const PATIENCE: Duration = Duration::from_secs(3);

/// One line to the manager, for one call.
pub struct Manager(UnixStream);

impl Manager {
    pub fn connect() -> io::Result<Manager> {
        let mut line = UnixStream::connect(SOCKET)?;
        line.set_read_timeout(Some(PATIENCE))?;
        line.set_write_timeout(Some(PATIENCE))?;
        // Who we are the socket knows; 30 is "0" in hexadecimal. BEGIN must not come together with the call, which would be
        // read with it and then lie there until something else comes.
        line.write_all(b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n")?;
        let mut answer = [0; 128];
        let length = line.read(&mut answer)?;
        if !answer[..length].starts_with(b"OK ") || !answer[..length].ends_with(b"\r\n") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(Manager(line))
    }

    /// Variables of services that start from now on: some go, some come.
    pub fn change_environment<'a>(
        self,
        gone: impl IntoIterator<Item = &'a str>,
        set: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<()> {
        self.ask("UnsetAndSetEnvironment", &Body::default().texts(gone).texts(set))
    }

    /// Reads its configuration and all units again.
    pub fn reload(self) -> io::Result<()> {
        self.ask("Reload", &Body::default())
    }

    /// Does not wait for the service.
    pub fn restart(self, unit: &str) -> io::Result<()> {
        self.ask("RestartUnit", &Body::default().text(unit).text("replace"))
    }

    fn ask(mut self, member: &str, body: &Body) -> io::Result<()> {
        self.0.write_all(&call(member, body))?;
        loop {
            let mut header = [0; HEADER];
            self.0.read_exact(&mut header)?;
            let (kind, rest) = measure(&header).ok_or(io::ErrorKind::InvalidData)?;
            self.0.read_exact(&mut vec![0; rest])?;
            match kind {
                Kind::Return => return Ok(()),
                Kind::Error => return Err(io::Error::other(format!("systemd refused {member}"))),
                Kind::Other => {}
            }
        }
    }
}
