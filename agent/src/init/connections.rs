//! The host's connections to the agent: over a virtio-serial port, or over vsock.

use super::devices::{entries, wait_until};
use super::kernel_args::{KernelArgs, Transport};
use super::{failed, BootResult};
use crate::guest::Guest;
use crate::session::{serve_connection, Connection, Peer};
use crate::sys::net;
use crate::sys::poll::StateChanges;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const PORT_NAME: &str = "banger.agent";
const VSOCK_PORT: u32 = 1024;

/// A kernel has the modules unless it was stored before VMMs with a vsock were supported.
const NO_VSOCK: &str =
    "this kernel was stored without its modules for vsock, by an earlier version: delete it, and pull or import it again";

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
        Endpoint::Vsock(listener) => loop {
            let Some(connection) = net::accept(&listener)? else { continue };
            let connection = VsockConnection(File::from(connection));
            let guest = Arc::clone(guest);
            thread::Builder::new().stack_size(256 * 1024).spawn(move || serve_connection(connection, &guest))?;
        },
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

struct VsockConnection(File);

impl Connection for VsockConnection {
    type Reader = File;
    type Writer = File;

    fn split(&mut self) -> io::Result<(File, File)> {
        Ok((self.0.try_clone()?, self.0.try_clone()?))
    }

    fn wait_for_peer(&mut self, _: Option<Duration>) -> io::Result<Peer> {
        Ok(Peer::Closed)
    }

    fn hang_up(&self) {
        net::shut_down(&self.0);
    }
}
