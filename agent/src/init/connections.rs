//! The host's connections to the agent: over a virtio-serial port, or over vsock.

use super::devices::{entries, wait_until};
use super::kernel_args::{KernelArgs, Transport};
use super::{failed, BootResult};
use crate::guest::Guest;
use crate::session::{lock, serve_connection, Connection, Peer};
use crate::sys::net;
use crate::sys::poll::StateChanges;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const PORT_NAME: &str = "banger.agent";
const VSOCK_PORT: u32 = 1024;

/// A kernel has the modules unless it was stored before VMMs with a vsock were supported.
const NO_VSOCK: &str =
    "this kernel was stored without its modules for vsock, by an earlier version: pull or import it again";

/// Where the host connects to the agent.
pub enum Endpoint {
    Virtio(File),
    Vsock(OwnedFd),
}

/// Waits for the virtio-serial port, or listens on vsock.
pub fn open_endpoint(args: &KernelArgs) -> BootResult<Endpoint> {
    if args.transport == Transport::Vsock {
        return net::listen_vsock(VSOCK_PORT).map(Endpoint::Vsock).map_err(|error| match error.raw_os_error() {
            Some(libc::EAFNOSUPPORT) => NO_VSOCK.to_string(),
            _ => failed("vsock")(error),
        });
    }
    let mut found = None;
    wait_until(|| {
        found = find_port();
        found.is_some()
    })
    .map_err(|problem| format!("no virtio-serial port is named {PORT_NAME}: {problem}"))?;
    let node = found.unwrap_or_default();
    File::options().read(true).write(true).open(&node).map(Endpoint::Virtio).map_err(failed(&node.to_string_lossy()))
}

fn find_port() -> Option<PathBuf> {
    let is_ours = |port: &String| {
        let name = std::fs::read_to_string(format!("/sys/class/virtio-ports/{port}/name"));
        name.is_ok_and(|name| name.trim() == PORT_NAME)
    };
    entries("/sys/class/virtio-ports").into_iter().find(is_ours).map(|port| PathBuf::from("/dev").join(port))
}

/// Serves until the VM is turned off.
pub fn serve(endpoint: Endpoint, guest: &Arc<Guest>) -> io::Result<()> {
    match endpoint {
        Endpoint::Virtio(port) => serve_connection(VirtioConnection { changes: StateChanges::of(&port)?, port }, guest),
        Endpoint::Vsock(listener) => {
            let accepted = Accepted::default();
            loop {
                let Some(socket) = net::accept(&listener)? else { continue };
                let connection = accepted.add(File::from(socket));
                let guest = Arc::clone(guest);
                thread::Builder::new().stack_size(256 * 1024).spawn(move || serve_connection(connection, &guest))?;
            }
        }
    }
}

/// Reading the port returns 0 bytes while the host does not have it open. Any change of that state wakes `changes`.
struct VirtioConnection {
    port: File,
    changes: StateChanges,
}

impl Connection for VirtioConnection {
    type Reader = File;
    type Writer = File;

    fn split(&mut self) -> io::Result<(File, File)> {
        Ok((self.port.try_clone()?, self.port.try_clone()?))
    }

    fn wait_for_peer(&mut self, timeout: Option<Duration>) -> io::Result<Peer> {
        self.changes.wait(timeout).map(|woken| if woken { Peer::Present } else { Peer::Absent })
    }

    /// Does nothing: a blocked writer continues when the host opens the port again, and the host discards what it writes.
    fn hang_up(&self) {}
}

/// Number of connections that were accepted.
#[derive(Default)]
struct Accepted(Arc<Mutex<u64>>);

impl Accepted {
    fn add(&self, socket: File) -> VsockConnection {
        let mut count = lock(&self.0);
        *count += 1;
        VsockConnection { socket, number: *count, accepted: Arc::clone(&self.0) }
    }
}

struct VsockConnection {
    socket: File,
    /// counts up
    number: u64,
    accepted: Arc<Mutex<u64>>,
}

impl Connection for VsockConnection {
    type Reader = File;
    type Writer = File;

    fn split(&mut self) -> io::Result<(File, File)> {
        Ok((self.socket.try_clone()?, self.socket.try_clone()?))
    }

    fn wait_for_peer(&mut self, _: Option<Duration>) -> io::Result<Peer> {
        Ok(Peer::Closed)
    }

    /// Tells the host, unless it has a newer connection: after a reset of the guest's vsock nothing else does. shutdown(2) sends a packet with
    /// this connection's ports even then. A VMM restarts its port numbers in a restored VM, so hanging up an old connection could end a new one.
    fn hang_up(&self) {
        let newest = lock(&self.accepted);
        if *newest == self.number {
            net::shut_down(&self.socket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_connection_that_has_ended_is_hung_up_unless_there_is_a_newer_one() {
        let accepted = Accepted::default();
        let connect = || {
            let (host, guest) = UnixStream::pair().unwrap();
            host.set_nonblocking(true).unwrap();
            (host, accepted.add(File::from(OwnedFd::from(guest))))
        };
        let (mut old_host, old) = connect();
        let (mut new_host, new) = connect();
        old.hang_up();
        assert_eq!(old_host.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        new.hang_up();
        assert_eq!(new_host.read(&mut [0]).unwrap(), 0);
    }
}
