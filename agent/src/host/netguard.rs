//! `netguard`: stands between a VMM and its passt, and lets no frame pass that would lead to the host's loopback.
//!
//! passt opens a connection to whatever address a guest's packet names. Older ones do so for 127.0.0.0/8 and 0.0.0.0
//! too, and a hostile guest is free to send such packets, so that it would reach every service on the host's loopback.
//!
//! `netguard --listen PATH -- passt … --fd 3`: makes the socket for the VMM, starts passt on a socket pair, prints the pid of the
//! process that stays and returns. That process ends with the VMM or with passt, whichever goes first, and so does
//! the other.

use crate::programs;
use crate::sys::poll::{self, Waiting};
use crate::sys::process::{self, Forked};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

/// what a frame may measure: passt takes 64 KiB of IP and the Ethernet header
const MAX_FRAME: usize = 65535 + 18;
const BUFFER: usize = 256 * 1024;

pub fn run(args: &[String]) -> Result<(), String> {
    let (path, command) = parse(args)?;
    let listener = listen(path).map_err(|e| format!("{}: {e}", path))?;
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
                join(vmm, ours);
            }
            std::process::exit(0)
        }
    }
}

fn parse(args: &[String]) -> Result<(&str, &[String]), String> {
    match args {
        [flag, path, dashes, command @ ..] if flag == "--listen" && dashes == "--" && !command.is_empty() => Ok((path, command)),
        _ => Err("usage: netguard --listen PATH -- PASST ARGS…".into()),
    }
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
    let env = programs::inherited().map_err(failed)?;
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
fn join(vmm: UnixStream, passt: UnixStream) {
    let (Ok(from_vmm), Ok(to_passt)) = (vmm.try_clone(), passt.try_clone()) else { return };
    std::thread::spawn(move || {
        let _ = guarded(from_vmm, to_passt);
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
fn guarded(mut from: UnixStream, mut to: UnixStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut held = 0;
    loop {
        let length = from.read(&mut buffer[held..])?;
        if length == 0 {
            return Ok(());
        }
        held += length;
        let (used, passed) = sift(&mut buffer[..held])?;
        to.write_all(&buffer[..passed])?;
        buffer.copy_within(used..held, 0);
        held -= used;
    }
}

/// Moves the allowed frames to the front. `(bytes looked at, bytes to send)`; the rest is the beginning of a frame.
fn sift(data: &mut [u8]) -> io::Result<(usize, usize)> {
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
        if is_allowed(&data[at + 4..end]) {
            // a frame moves only when one before it was dropped; `used` is cut off later, so `passed` never catches up
            data.copy_within(at..end, passed);
            passed += end - at;
        }
        at = end;
    }
    Ok((at, passed))
}

/// ARP, and IPv4 between addresses that can be on a wire. passt serves IPv4 alone here.
fn is_allowed(frame: &[u8]) -> bool {
    match frame.get(12..14) {
        Some([0x08, 0x06]) => true,
        Some([0x08, 0x00]) => match (frame.get(26), frame.get(30..34)) {
            (Some(source), Some(destination)) => !is_local(*source) && !is_local(destination[0]),
            _ => false,
        },
        _ => false,
    }
}

/// 0.0.0.0/8 ("this host": a connection to it is one to the loopback) and 127.0.0.0/8
fn is_local(first_byte: u8) -> bool {
    first_byte == 0 || first_byte == 127
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4(source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
        let mut frame = vec![0; 14];
        frame[12] = 8;
        let mut ip = vec![0; 20];
        ip[12..16].copy_from_slice(&source);
        ip[16..20].copy_from_slice(&destination);
        frame.extend(ip);
        frame
    }

    fn sent(frame: &[u8]) -> Vec<u8> {
        [&(frame.len() as u32).to_be_bytes()[..], frame].concat()
    }

    const GUEST: [u8; 4] = [192, 0, 2, 15];

    #[test]
    fn what_would_lead_to_the_hosts_loopback_is_dropped() {
        for destination in [[127, 0, 0, 1], [127, 0, 0, 53], [127, 255, 255, 254], [0, 0, 0, 0], [0, 1, 2, 3]] {
            assert!(!is_allowed(&ipv4(GUEST, destination)), "{destination:?}");
        }
        assert!(!is_allowed(&ipv4([127, 0, 0, 1], [9, 9, 9, 9])));
        assert!(is_allowed(&ipv4(GUEST, [9, 9, 9, 9])));
        assert!(is_allowed(&ipv4(GUEST, [192, 0, 2, 2])));
    }

    #[test]
    fn only_arp_and_whole_ipv4_headers_pass() {
        let mut arp = vec![0; 42];
        arp[12..14].copy_from_slice(&[8, 6]);
        assert!(is_allowed(&arp));
        let mut ipv6 = vec![0; 60];
        ipv6[12..14].copy_from_slice(&[0x86, 0xdd]);
        assert!(!is_allowed(&ipv6));
        assert!(!is_allowed(&ipv4(GUEST, [9, 9, 9, 9])[..33]));
        assert!(!is_allowed(&[]));
        let mut tagged = vec![0; 60];
        tagged[12..14].copy_from_slice(&[0x81, 0x00]);
        assert!(!is_allowed(&tagged));
    }

    #[test]
    fn frames_pass_whole_and_in_order_however_they_are_cut() {
        let good = [sent(&ipv4(GUEST, [9, 9, 9, 9])), sent(&ipv4(GUEST, [1, 1, 1, 1]))];
        let all = [&good[0][..], &sent(&ipv4(GUEST, [127, 0, 0, 1])), &good[1]].concat();
        for cut in 0..=all.len() {
            let mut out = Vec::new();
            let mut held = Vec::new();
            for part in [&all[..cut], &all[cut..]] {
                held.extend_from_slice(part);
                let (used, passed) = sift(&mut held).unwrap();
                out.extend_from_slice(&held[..passed]);
                held.drain(..used);
            }
            assert_eq!(out, good.concat(), "cut at {cut}");
        }
    }

    #[test]
    fn a_frame_longer_than_any_ends_the_line() {
        assert!(sift(&mut u32::MAX.to_be_bytes()).is_err());
    }
}
