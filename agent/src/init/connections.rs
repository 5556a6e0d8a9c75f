//! The host's connections to the agent: over a virtio-serial port, or over vsock.

use super::devices::{entries, wait_until};
use super::kernel_args::{KernelArgs, Transport};
use super::{failed, BootResult};
use crate::guest::Guest;
use crate::session::{lock, serve_connection, Connection, Peer};
use crate::sys::net;
use crate::sys::poll::StateChanges;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const PORT_NAME: &str = "banger.agent";
const VSOCK_PORT: u32 = 1024;

/// Ended connections that stay open beside another one. The host has one connection at a time, and there are that many only where each was
/// replaced before its end was noticed.
const MAX_ENDED: usize = 16;

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

/// The connections that were accepted.
#[derive(Default)]
struct Accepted(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    count: u64,
    /// those that have not ended
    alive: usize,
    /// sockets of those that have ended beside another one, the first first
    ended: VecDeque<File>,
}

impl Accepted {
    fn add(&self, socket: File) -> VsockConnection {
        let mut state = lock(&self.0);
        state.count += 1;
        state.alive += 1;
        VsockConnection { socket: Some(socket), number: state.count, accepted: Arc::clone(&self.0) }
    }
}

/// Once the host has closed a connection, the guest's kernel forgets its ports, but shutdown(2) and close(2) still send packets with them: a
/// SHUTDOWN and an RST (`virtio_transport_close` in Linux). A VMM restarts its port numbers in a restored VM, so they could end a newer
/// connection. So the former is not called once there is one, and the latter only when there is none to be hit.
struct VsockConnection {
    /// none: it has been dropped
    socket: Option<File>,
    /// counts up
    number: u64,
    accepted: Arc<Mutex<State>>,
}

impl Connection for VsockConnection {
    type Reader = File;
    type Writer = File;

    fn split(&mut self) -> io::Result<(File, File)> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        Ok((socket.try_clone()?, socket.try_clone()?))
    }

    fn wait_for_peer(&mut self, _: Option<Duration>) -> io::Result<Peer> {
        Ok(Peer::Closed)
    }

    /// Tells the host, unless it has a newer connection: after a reset of the guest's vsock nothing else does.
    fn hang_up(&self) {
        let state = lock(&self.accepted);
        if let Some(socket) = self.socket.as_ref().filter(|_| state.count == self.number) {
            net::shut_down(socket);
        }
    }
}

impl Drop for VsockConnection {
    /// A connection that waits to be accepted can be hit. It has not been answered yet, so the host connects again.
    fn drop(&mut self) {
        let mut state = lock(&self.accepted);
        state.alive -= 1;
        state.ended.extend(self.socket.take());
        if state.alive == 0 {
            state.ended.clear();
        } else if state.ended.len() > MAX_ENDED {
            state.ended.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    fn connect(accepted: &Accepted) -> (UnixStream, VsockConnection) {
        let (host, guest) = UnixStream::pair().unwrap();
        host.set_nonblocking(true).unwrap();
        (host, accepted.add(File::from(OwnedFd::from(guest))))
    }

    fn is_open(host: &mut UnixStream) -> bool {
        match host.read(&mut [0]) {
            Ok(size) => size > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    #[test]
    fn a_connection_that_has_ended_is_hung_up_unless_there_is_a_newer_one() {
        let accepted = Accepted::default();
        let (mut old_host, old) = connect(&accepted);
        let (mut new_host, new) = connect(&accepted);
        old.hang_up();
        assert!(is_open(&mut old_host));
        new.hang_up();
        assert!(!is_open(&mut new_host));
    }

    #[test]
    fn a_connection_that_has_ended_stays_open_while_there_is_another_one() {
        let accepted = Accepted::default();
        let [(mut first_host, first), (mut second_host, second), (mut third_host, third)] =
            [(); 3].map(|()| connect(&accepted));
        drop(first);
        drop(third);
        assert!(is_open(&mut first_host) && is_open(&mut third_host));
        drop(second);
        assert!(!is_open(&mut first_host) && !is_open(&mut second_host) && !is_open(&mut third_host));
        let (mut next_host, next) = connect(&accepted);
        drop(next);
        assert!(!is_open(&mut next_host));
    }

    #[test]
    fn of_many_connections_that_have_ended_beside_another_one_the_first_are_closed() {
        let accepted = Accepted::default();
        let (mut hosts, ended): (Vec<_>, Vec<_>) = (0..=MAX_ENDED).map(|_| connect(&accepted)).unzip();
        let (_newest_host, _newest) = connect(&accepted);
        drop(ended);
        let open: Vec<bool> = hosts.iter_mut().map(is_open).collect();
        assert_eq!(open, [vec![false], vec![true; MAX_ENDED]].concat());
    }
}
