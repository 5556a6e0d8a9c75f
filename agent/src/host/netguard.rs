//! `netguard`: stands between a VMM and its passt, and passes only the frames that `policy` allows.
//!
//! passt opens a connection to whatever address a guest's packet names. Older ones do so for 127.0.0.0/8 and 0.0.0.0
//! too, and a hostile guest is free to send such packets, so that it would reach every service on the host's loopback.
//!
//! `netguard --listen PATH [--resolver ADDRESS] [--deny NETWORK]... -- passt … --fd 3`: makes the socket for the VMM, starts passt on
//! a socket pair, prints the pid of the process that stays and returns. That process ends with the VMM or with passt,
//! whichever goes first, and so does the other.

mod options;
mod policy;

use self::options::Options;
use self::policy::Policy;
use crate::host::profiles;
use crate::programs;
use crate::sys::landlock::{self, Cage};
use crate::sys::poll::{self, Waiting};
use crate::sys::process::{self, Forked};
use crate::sys::{privileges, seccomp};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

/// what a frame may measure: passt takes 64 KiB of IP and the Ethernet header
const MAX_FRAME: usize = 65535 + 18;
const BUFFER: usize = 256 * 1024;

pub fn run(args: &[String]) -> Result<(), String> {
    let Options { path, policy, command } = Options::parse(args)?;
    let listener = listen(path).map_err(|e| format!("{}: {e}", path))?;
    // passt has its own root, but no network namespace of its own, and abstract sockets belong to that
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
                // before the first byte of the guest's
                confine_self().map_err(|e| format!("netguard: {e}"))?;
                relay(vmm, ours, policy);
            }
            std::process::exit(0)
        }
    }
}

/// For this process and passt: no abstract unix sockets and no signals, where the kernel can take them away.
fn restrict_scopes() -> io::Result<()> {
    privileges::set_no_new_privileges()?;
    match Cage::of_scopes(landlock::abi())? {
        Some(cage) => cage.close(),
        None => Ok(()),
    }
}

/// From here on it relays between two sockets: no files, no network, no other calls.
fn confine_self() -> io::Result<()> {
    privileges::give_up_all()?;
    let abi = landlock::abi();
    if abi > 0 {
        Cage::new(abi, false)?.close()?;
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

/// passt goes to the background by itself once it is set up; what is wrong it says on our stderr.
fn start(command: &[String], end: UnixStream) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    let null = File::options().read(true).write(true).open("/dev/null").map_err(failed)?;
    let errors = process::duplicate(2).map_err(failed)?;
    let env = programs::inherited_environment().map_err(failed)?;
    // copies above the descriptors that are filled
    let end = process::duplicate(end.as_raw_fd()).map_err(failed)?;
    let null = process::duplicate(null.as_raw_fd()).map_err(failed)?;
    let stdio = [null.as_raw_fd(), null.as_raw_fd(), errors.as_raw_fd()];
    let pid = programs::start(command, &env, stdio, Some(end.as_raw_fd())).map_err(failed)?;
    programs::expect_success(pid)
}

/// Forks; `Some(pid of the child)` in the parent, `None` in the child, which keeps nothing of the caller's.
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

/// Until either side is gone.
fn relay(vmm: UnixStream, passt: UnixStream, policy: Policy) {
    let (Ok(from_vmm), Ok(to_passt)) = (vmm.try_clone(), passt.try_clone()) else { return };
    std::thread::spawn(move || {
        let _ = relay_allowed(from_vmm, to_passt, &policy);
        std::process::exit(0)
    });
    let _ = copy(passt, vmm);
}

/// None when passt ended before any VMM came.
fn accept_unless_closed(listener: &UnixListener, passt: &UnixStream) -> Option<UnixStream> {
    let mut waiting = Waiting::default();
    waiting.add(listener.as_raw_fd(), poll::READ);
    let end = waiting.add(passt.as_raw_fd(), 0);
    waiting.wait(None).ok()?;
    if waiting.is_ready(end) {
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

/// Passes whole frames on, those that are allowed; each comes after its length (u32 BE).
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

/// Moves the allowed frames to the front. `(bytes looked at, bytes to send)`; the rest is the beginning of a frame.
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
            // a frame moves only when one before it was dropped; `used` is cut off later, so `passed` never catches up
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

    /// An ICMP packet, as long as it is wanted.
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
    fn frames_pass_whole_and_in_order_however_they_are_cut() {
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
    fn the_longest_frame_passes_and_a_longer_one_ends_the_line() {
        let mut longest = sent([9, 9, 9, 9], MAX_FRAME);
        assert_eq!(filter(&mut longest, &Policy::default()).unwrap(), (4 + MAX_FRAME, 4 + MAX_FRAME));
        let mut longer = (MAX_FRAME as u32 + 1).to_be_bytes();
        assert!(filter(&mut longer, &Policy::default()).is_err());
    }
}
