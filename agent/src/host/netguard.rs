//! `netguard`: a relay between a VMM and its passt that passes only the frames that `policy` allows.
//!
//! passt connects to any destination of a guest's packets. Older versions do so even for 127.0.0.0/8 and 0.0.0.0, so a hostile guest
//! could reach every service on the host's loopback.
//!
//! `netguard --listen PATH|--vsock PATH [--resolver ADDRESS] [--deny NETWORK]... -- passt … --fd 3`: starts passt on a socket pair, prints
//! the pid of the relay, which stays in the background, and exits. With `--listen` it makes the socket, for one connection of a VMM. With
//! `--vsock` the VMM makes it, later, and the relay connects through it to the guest's agent, again whenever that connection is lost;
//! passt, and with it the guest's own connections, stays. When the VMM or passt ends, the relay and the other one end as well.

mod dialer;
mod options;
mod policy;
mod relay;
mod vsock;

use self::options::{Line, Options};
use self::policy::Policy;
use self::relay::Relay;
use crate::host::profiles::{self, SignalScope};
use crate::programs;
use crate::sys::landlock::{self, Cage};
use crate::sys::poll::{self, PollSet};
use crate::sys::process::{self, Forked};
use crate::sys::{privileges, seccomp, unix};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

/// Bytes that may wait for the relay. passt drops the frames for which its socket has no room, and with the kernel's default (208 KiB) it
/// dropped so many that a download had a tenth of its rate. A socket that passt opens itself it enlarges itself.
const PASST_BUFFER: i32 = 4 * 1024 * 1024;

pub fn run(args: &[String]) -> Result<(), String> {
    let Options { line, policy, command } = Options::parse(args)?;
    let listener = match line {
        Line::Listen(path) => Some(listen(path).map_err(|e| format!("{path}: {e}"))?),
        Line::Vsock(_) => None,
    };
    // passt has its own root but not its own network namespace, which abstract sockets belong to
    restrict_scopes().map_err(|e| format!("landlock: {e}"))?;
    let (ours, theirs) = UnixStream::pair().map_err(|e| e.to_string())?;
    unix::enlarge_send_buffer(&theirs, PASST_BUFFER).map_err(|e| e.to_string())?;
    if let Err(problem) = start(command, theirs) {
        if let Line::Listen(path) = line {
            let _ = std::fs::remove_file(path);
        }
        return Err(format!("{}: {problem}", command[0]));
    }
    if let Some(pid) = detach().map_err(|e| e.to_string())? {
        println!("{pid}");
        return Ok(());
    }
    match (line, listener) {
        (Line::Listen(path), Some(listener)) => relay_listening(path, listener, ours, policy),
        (Line::Vsock(path), _) => relay_over_vsock(path, ours, policy),
        _ => Ok(()),
    }
    .map_err(|e| format!("netguard: {e}"))?;
    std::process::exit(0)
}

/// Relays the first connection to `listener`.
fn relay_listening(path: &str, listener: UnixListener, passt: UnixStream, policy: Policy) -> io::Result<()> {
    let vmm = accept_unless_closed(&listener, &passt);
    let _ = std::fs::remove_file(path);
    drop(listener);
    if let Some(vmm) = vmm {
        confine_self("netguard")?;
        Relay::new(passt, policy).run(&vmm);
    }
    Ok(())
}

fn relay_over_vsock(path: &str, passt: UnixStream, policy: Policy) -> io::Result<()> {
    let (dialer, end) = UnixStream::pair()?;
    if let Forked::Child = process::fork()? {
        drop((dialer, passt));
        let _ = dialer::serve(path, end);
        std::process::exit(0)
    }
    drop(end);
    confine_self("netguard-vsock")?;
    vsock::relay_all(dialer, &mut Relay::new(passt, policy));
    Ok(())
}

/// Denies this process and passt abstract unix sockets and signals to other processes, if the kernel can.
fn restrict_scopes() -> io::Result<()> {
    privileges::set_no_new_privileges()?;
    match Cage::scopes_only(landlock::abi())? {
        Some(cage) => cage.enforce(),
        None => Ok(()),
    }
}

/// From here on the process only relays between sockets that others have opened: no files, no network, no other calls. Called before the
/// first byte from the guest.
fn confine_self(profile: &str) -> io::Result<()> {
    privileges::give_up_all()?;
    let abi = landlock::abi();
    if abi > 0 {
        Cage::new(abi, false)?.enforce()?;
    }
    if seccomp::is_available() {
        let rules = profiles::named(profile, SignalScope::None).unwrap_or_default();
        seccomp::install(&seccomp::compile(rules, std::process::id()))?;
    }
    Ok(())
}

fn listen(path: &str) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Starts passt, which goes to the background when it is set up. It reports errors on our stderr.
fn start(command: &[String], end: UnixStream) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    let null = File::options().read(true).write(true).open("/dev/null").map_err(failed)?;
    let errors = process::duplicate(2).map_err(failed)?;
    let env = programs::inherited_environment().map_err(failed)?;
    // copies whose numbers do not collide with the descriptors that are set up for passt
    let end = process::duplicate(end.as_raw_fd()).map_err(failed)?;
    let null = process::duplicate(null.as_raw_fd()).map_err(failed)?;
    let stdio = [null.as_raw_fd(), null.as_raw_fd(), errors.as_raw_fd()];
    let pid = programs::start(command, &env, stdio, Some(end.as_raw_fd())).map_err(failed)?;
    programs::expect_success(pid)
}

/// Forks; `Some(pid of the child)` in the parent, `None` in the child, which has its own session and /dev/null as stdio.
fn detach() -> io::Result<Option<i32>> {
    match process::fork()? {
        Forked::Parent(pid) => Ok(Some(pid)),
        Forked::Child => {
            process::new_session();
            let null = File::options().read(true).write(true).open("/dev/null")?;
            process::replace_stdio(null.as_raw_fd())?;
            Ok(None)
        }
    }
}

/// None if passt ends before a VMM connects.
fn accept_unless_closed(listener: &UnixListener, passt: &UnixStream) -> Option<UnixStream> {
    let mut poll_set = PollSet::default();
    poll_set.add(listener.as_raw_fd(), poll::READ);
    let end = poll_set.add(passt.as_raw_fd(), 0);
    poll_set.wait(None).ok()?;
    if poll_set.is_ready(end) {
        return None;
    }
    listener.accept().ok().map(|(stream, _)| stream)
}
