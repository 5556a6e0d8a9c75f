//! How the host reaches the agent: a virtio-serial port, or vsock.

use super::devices::{names, wait_until};
use super::words::{Port, Words};
use super::{failed, Booted};
use crate::guest::Guest;
use crate::session::{serve_line, Line, Next};
use crate::sys::net;
use crate::sys::poll::Edges;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const PORT_NAME: &str = "banger.agent";
const VSOCK_PORT: u32 = 1024;

pub enum Opened {
    Virtio(File),
    Vsock(OwnedFd),
}

pub fn wait_for_port(words: &Words) -> Booted<Opened> {
    if words.port == Port::Vsock {
        return net::listen_vsock(VSOCK_PORT).map(Opened::Vsock).map_err(failed("vsock"));
    }
    let mut found = None;
    wait_until(|| {
        found = find_port();
        found.is_some()
    })
    .map_err(|problem| format!("no virtio-serial port is named {PORT_NAME}: {problem}"))?;
    let node = found.unwrap_or_default();
    File::options().read(true).write(true).open(&node).map(Opened::Virtio).map_err(failed(&node.to_string_lossy()))
}

fn find_port() -> Option<PathBuf> {
    let is_ours = |port: &String| {
        let name = std::fs::read_to_string(format!("/sys/class/virtio-ports/{port}/name"));
        name.is_ok_and(|name| name.trim() == PORT_NAME)
    };
    names("/sys/class/virtio-ports").into_iter().find(is_ours).map(|port| PathBuf::from("/dev").join(port))
}

/// Serves for as long as the machine runs.
pub fn serve(opened: Opened, guest: &Arc<Guest>) -> io::Result<()> {
    match opened {
        Opened::Virtio(port) => serve_line(VirtioLine { edges: Edges::of(&port)?, port }, guest),
        Opened::Vsock(listener) => loop {
            let line = VsockLine(File::from(net::accept(&listener)?));
            let guest = Arc::clone(guest);
            thread::Builder::new().stack_size(256 * 1024).spawn(move || serve_line(line, &guest))?;
        },
    }
}

/// A port that reads 0 while nobody has its other end open; its state changes wake `edges`, whatever the state.
struct VirtioLine {
    port: File,
    edges: Edges,
}

impl Line for VirtioLine {
    type Reader = File;
    type Writer = File;

    fn halves(&mut self) -> io::Result<(File, File)> {
        Ok((self.port.try_clone()?, self.port.try_clone()?))
    }

    fn dropped(&mut self, patience: Option<Duration>) -> io::Result<Next> {
        self.edges.wait(patience).map(|woken| if woken { Next::Again } else { Next::Gone })
    }

    /// A writer that waits goes on when the host comes back; what it writes then is skipped there.
    fn hang_up(&self) {}
}

struct VsockLine(File);

impl Line for VsockLine {
    type Reader = File;
    type Writer = File;

    fn halves(&mut self) -> io::Result<(File, File)> {
        Ok((self.0.try_clone()?, self.0.try_clone()?))
    }

    fn dropped(&mut self, _: Option<Duration>) -> io::Result<Next> {
        Ok(Next::Over)
    }

    fn hang_up(&self) {
        net::shut_down(&self.0);
    }
}
