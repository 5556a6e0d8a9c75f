//! `netguard`: a relay between a VMM and its passt that passes only the frames that `policy` allows.
//!
//! passt connects to any destination of a guest's packets. Older versions do so even for 127.0.0.0/8 and 0.0.0.0, so a hostile guest
//! could reach every service on the host's loopback.
//!
//! `netguard --listen PATH [--resolver ADDRESS] [--deny NETWORK]... -- passt … --fd 3`: creates the socket for the VMM, starts passt on
//! a socket pair, prints the pid of the relay, which stays in the background, and exits. When the VMM or passt ends, the relay and the
//! other one end as well.

mod options;
mod policy;

use self::options::Options;
use self::policy::Policy;
use crate::host::profiles;
use crate::programs;
use crate::sys::landlock::{self, Cage};
use crate::sys::poll::{self, PollSet};
use crate::sys::process::{self, Forked};
use crate::sys::{privileges, seccomp};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

/// Bytes of the largest frame that passt accepts: 65535 of IP and 18 of link-layer headers.
const MAX_FRAME: usize = 65535 + 18;
const BUFFER: usize = 256 * 1024;

pub fn run(args: &[String]) -> Result<(), String> {
    let Options { path, policy, command } = Options::parse(args)?;
    let listener = listen(path).map_err(|e| format!("{}: {e}", path))?;
    // passt has its own root but not its own network namespace, which abstract sockets belong to
    restrict_scopes().map_err(|e| format!("landlock: {e}"))?;
    let (ours, theirs) = UnixStream::pair().map_err(|e| e.to_string())?;
    if let Err(problem) = start(command, theirs) {
        let _ = std::fs::remove_file(path);
        return Err(format!("{}: {problem}", command[0]));
    }
    match detach().map_err(|e| e.to_string())? {
        Some(pid) => {
            println!("{pid}");
            Ok(())
        }
        None => {
            let vmm = accept_unless_closed(&listener, &ours);
            let _ = std::fs::remove_file(path);
            if let Some(vmm) = vmm {
                drop(listener);
                // before the first byte from the guest
                confine_self().map_err(|e| format!("netguard: {e}"))?;
                relay(vmm, ours, policy);
            }
            std::process::exit(0)
        }
    }
}

/// Denies this process and passt abstract unix sockets and signals to other processes, if the kernel can.
fn restrict_scopes() -> io::Result<()> {
    privileges::set_no_new_privileges()?;
    match Cage::scopes_only(landlock::abi())? {
        Some(cage) => cage.enforce(),
        None => Ok(()),
    }
}

/// From here on the process only relays between two sockets: no files, no network, no other calls.
fn confine_self() -> io::Result<()> {
    privileges::give_up_all()?;
    let abi = landlock::abi();
    if abi > 0 {
        Cage::new(abi, false)?.enforce()?;
    }
    if seccomp::is_available() {
        let rules = profiles::named("netguard", false).unwrap_or_default();
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

/// Relays until either side has closed its socket.
fn relay(vmm: UnixStream, passt: UnixStream, policy: Policy) {
    let (Ok(from_vmm), Ok(to_passt)) = (vmm.try_clone(), passt.try_clone()) else { return };
    std::thread::spawn(move || {
        let _ = relay_allowed(from_vmm, to_passt, &policy);
        std::process::exit(0)
    });
    let _ = copy(passt, vmm);
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

fn copy(mut from: UnixStream, mut to: UnixStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..length])?;
    }
}

/// Relays the frames that are allowed, each preceded by its length (u32 BE).
fn relay_allowed(mut from: UnixStream, mut to: UnixStream, policy: &Policy) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut buffered = 0;
    loop {
        let length = from.read(&mut buffer[buffered..])?;
        if length == 0 {
            return Ok(());
        }
        buffered += length;
        let (used, passed) = filter(&mut buffer[..buffered], policy)?;
        to.write_all(&buffer[..passed])?;
        buffer.copy_within(used..buffered, 0);
        buffered -= used;
    }
}

/// Moves the allowed frames to the front. Returns (bytes of complete frames, bytes to send); what follows is an incomplete frame.
fn filter(data: &mut [u8], policy: &Policy) -> io::Result<(usize, usize)> {
    let (mut at, mut passed) = (0, 0);
    while data.len() - at >= 4 {
        let length = u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]) as usize;
        if length > MAX_FRAME {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame that is too long"));
        }
        let end = at + 4 + length;
        if end > data.len() {
            break;
        }
        if policy.allows(&data[at + 4..end]) {
            // `passed` is never above `at`, so this never overwrites a frame that has not been examined
            data.copy_within(at..end, passed);
            passed += end - at;
        }
        at = end;
    }
    Ok((at, passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ICMP packet of this length, preceded by it.
    fn sent(destination: [u8; 4], length: usize) -> Vec<u8> {
        let mut frame = vec![0; length];
        frame[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
        frame[16..18].copy_from_slice(&20u16.to_be_bytes());
        frame[23] = 1;
        frame[26..30].copy_from_slice(&[192, 0, 2, 15]);
        frame[30..34].copy_from_slice(&destination);
        [&(length as u32).to_be_bytes()[..], &frame].concat()
    }

    #[test]
    fn frames_pass_whole_and_in_order_from_any_pieces() {
        let good = [sent([9, 9, 9, 9], 34), sent([1, 1, 1, 1], 60)];
        let all = [&good[0][..], &sent([127, 0, 0, 1], 34), &good[1]].concat();
        for cut in 0..=all.len() {
            let mut out = Vec::new();
            let mut buffered = Vec::new();
            for part in [&all[..cut], &all[cut..]] {
                buffered.extend_from_slice(part);
                let (used, passed) = filter(&mut buffered, &Policy::default()).unwrap();
                out.extend_from_slice(&buffered[..passed]);
                buffered.drain(..used);
            }
            assert_eq!(out, good.concat(), "cut at {cut}");
        }
    }

    #[test]
    fn the_longest_frame_passes_and_a_longer_one_is_an_error() {
        let mut longest = sent([9, 9, 9, 9], MAX_FRAME);
        assert_eq!(filter(&mut longest, &Policy::default()).unwrap(), (4 + MAX_FRAME, 4 + MAX_FRAME));
        let mut longer = (MAX_FRAME as u32 + 1).to_be_bytes();
        assert!(filter(&mut longer, &Policy::default()).is_err());
    }
}
