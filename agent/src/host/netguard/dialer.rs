//! A process that connects to one unix socket for the relay, which reads a guest's bytes and so may not connect to anything itself. The
//! dialer reads none: a byte from the relay asks for a connection, which is answered with a descriptor.

use crate::host::profiles::{self, SignalScope};
use crate::sys::landlock::{self, Cage, Right};
use crate::sys::poll::{self, PollSet};
use crate::sys::{privileges, seccomp, unix};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Between bind(2) and listen(2) of the VMM a connection is refused, and the second makes no event.
const BINDING: Duration = Duration::from_millis(10);

/// Answers the relay until it ends, or until the VMM that made the socket has ended.
pub fn serve(path: &str, mut relay: UnixStream) -> io::Result<()> {
    let folder = Path::new(path).parent().and_then(Path::to_str).filter(|folder| !folder.is_empty()).unwrap_or(".");
    // before the first attempt: whatever comes later makes an event
    let mut created = poll::watch_folder(folder)?;
    confine_self(folder)?;
    let mut has_connected = false;
    while relay.read(&mut [0])? == 1 {
        let connection = if has_connected { unix::connect(path)? } else { connect_when_there(path, &relay, &mut created)? };
        has_connected = true;
        unix::send_descriptor(&relay, &connection)?;
    }
    Ok(())
}

/// Waits for the VMM to make the socket.
fn connect_when_there(path: &str, relay: &UnixStream, created: &mut File) -> io::Result<OwnedFd> {
    loop {
        let timeout = match unix::connect(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Some(BINDING),
            other => return other,
        };
        let mut poll_set = PollSet::default();
        let event = poll_set.add(created.as_raw_fd(), poll::READ);
        // it sends nothing before it is answered
        let ended = poll_set.add(relay.as_raw_fd(), poll::READ);
        poll_set.wait(timeout)?;
        if poll_set.is_ready(ended) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if poll_set.is_ready(event) {
            let _ = created.read(&mut [0; 4096])?;
        }
    }
}

/// From here on the process only connects to unix sockets and passes descriptors. A filter can't read paths; Landlock (since Linux 7.1)
/// leaves it those in the VM's folder.
fn confine_self(folder: &str) -> io::Result<()> {
    privileges::give_up_all()?;
    let abi = landlock::abi();
    if abi > 0 {
        let cage = Cage::new(abi, false)?;
        if landlock::restricts_connections(abi) {
            cage.allow(folder, Right::Connect)?;
        }
        cage.enforce()?;
    }
    if seccomp::is_available() {
        let rules = profiles::named("netguard-dialer", SignalScope::None).unwrap_or_default();
        seccomp::install(&seccomp::compile(rules, std::process::id()))?;
    }
    Ok(())
}
