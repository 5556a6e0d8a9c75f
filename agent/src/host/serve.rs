//! `serve`: serves the agent protocol on a unix socket, for tests on a host. `--tap PATH` also makes a guest's TAP, whose frames go to
//! whoever connects to the socket there.

use crate::guest::{Guest, Phase, Place};
use crate::session::{serve_connection, Connection, Peer};
use crate::sys::signal;
use crate::tap;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub fn run(arguments: &[String]) -> Result<(), String> {
    let (mut path, mut root, mut tap) = (None, None, None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let value = rest.next().map(PathBuf::from).ok_or_else(|| format!("serve: {argument} needs a path"))?;
        match argument.as_str() {
            "--unix" => path = Some(value),
            "--root" => root = Some(value),
            "--tap" => tap = Some(value),
            other => return Err(format!("serve: unknown argument {other:?}")),
        }
    }
    let path = path.ok_or("serve: --unix PATH is missing")?;
    let listener = UnixListener::bind(&path).map_err(|error| format!("serve: {}: {error}", path.display()))?;
    if let Some(path) = tap {
        let failed = |error: io::Error| format!("serve: {}: {error}", path.display());
        UnixListener::bind(&path).and_then(|listener| tap::start(listener.into())).map_err(failed)?;
    }
    signal::reset_ignored();
    let guest = Arc::new(Guest::new(Place::Host { root }, "none", Phase::Up));
    for connection in listener.incoming() {
        let connection = connection.map_err(|error| format!("serve: {error}"))?;
        let guest = Arc::clone(&guest);
        thread::spawn(move || serve_connection(UnixConnection(connection), &guest));
    }
    Ok(())
}

/// A host's connection to the unix socket.
pub struct UnixConnection(pub UnixStream);

impl Connection for UnixConnection {
    type Reader = UnixStream;
    type Writer = UnixStream;

    fn split(&mut self) -> io::Result<(UnixStream, UnixStream)> {
        Ok((self.0.try_clone()?, self.0.try_clone()?))
    }

    fn wait_for_peer(&mut self, _: Option<Duration>) -> io::Result<Peer> {
        Ok(Peer::Closed)
    }

    fn hang_up(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
