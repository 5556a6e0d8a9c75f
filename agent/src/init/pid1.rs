//! PID 1: execs the image's init or, without one, reaps processes and turns the VM off on request.

use super::handover::{Pipes, SIGNALS};
use super::inits::Init;
use super::shutdown::intent_for;
use super::{failed, nodes, root, BootResult};
use crate::programs;
use crate::sys::mount::{mount, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REMOUNT};
use crate::sys::power::{end_machine, Power, OFF};
use crate::sys::signal::Taken;
use crate::sys::{process, signal};
use crate::systemd::user;
use std::convert::Infallible;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

/// Time between SIGTERM and SIGKILL unless the host sets another; the same as the default of `docker stop`.
const GRACE: Duration = Duration::from_secs(10);
/// Time between SIGTERM and SIGHUP, for shells at a terminal, which ignore SIGTERM.
const HANGUP: Duration = Duration::from_secs(2);
const NOTICE: Duration = Duration::from_secs(1);

const PLAIN: libc::c_ulong = MS_NOSUID | MS_NODEV | MS_NOEXEC;

/// Waits for the identity and then execs the image's init, or stays PID 1. Returns only on failure.
pub fn run(init: &Init, mut pipes: Pipes, ends_by_reset: bool) -> BootResult<Infallible> {
    if init.name == "systemd" {
        change_ends(ends_by_reset).and_then(|()| user::disable_stop_on_logout()).map_err(failed("/run/systemd"))?;
    } else {
        prepare_devices();
    }
    if init.path.is_none() {
        let _ = mount("cgroup2", "/sys/fs/cgroup", "cgroup2", PLAIN, "nsdelegate");
    }
    pipes.prepared.write_all(&[1]).map_err(failed("the serving process"))?;
    let mut byte = [0];
    if pipes.identified.read_exact(&mut byte).is_err() {
        return Err("the serving process ended".to_string());
    }
    match &init.path {
        Some(path) => {
            signal::unblock(&unblocked_for(init));
            let path = path.to_string_lossy().into_owned();
            let env = programs::c_texts(["HOME=/", "TERM=linux"]).map_err(failed("environment"))?;
            Err(format!("{path}: {}", programs::exec(&[path.clone()], &env)))
        }
        None => stay(pipes, ends_by_reset),
    }
}

/// The kernel discards signals that PID 1 does not handle unless they are blocked. So for systemd the requests to end stay blocked:
/// one that comes early waits until systemd unblocks them itself.
fn unblocked_for(init: &Init) -> Vec<i32> {
    let kept = [signal::SIGRTMIN + 4, signal::SIGRTMIN + 5];
    SIGNALS.into_iter().filter(|number| init.name != "systemd" || !kept.contains(number)).collect()
}

/// A halted VM would keep existing with its CPUs stopped, and so would one that is turned off where only a reset ends the machine.
fn change_ends(ends_by_reset: bool) -> std::io::Result<()> {
    if !ends_by_reset {
        return end_otherwise("systemd-halt", "SuccessAction=poweroff-force");
    }
    let reset = format!("SuccessAction=reboot-force\nRebootArgument={}", OFF.to_string_lossy());
    end_otherwise("systemd-halt", &reset)?;
    end_otherwise("systemd-poweroff", &reset)
}

/// Older versions of systemd end the machine by the unit's command, newer ones by its SuccessAction.
fn end_otherwise(unit: &str, action: &str) -> std::io::Result<()> {
    let folder = format!("/run/systemd/system/{unit}.service.d");
    fs::create_dir_all(&folder)?;
    let text = format!("[Unit]\n{action}\n[Service]\nType=oneshot\nExecStart=\nExecStart=true\n");
    fs::write(format!("{folder}/banger.conf"), text)
}

/// Creates what systemd would create. Failures are ignored: another init may create it as well, or the image may not need it.
fn prepare_devices() {
    // at most half of the memory: the default of tmpfs
    let _ = fs::create_dir("/dev/shm");
    let _ = mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    let _ = fs::create_dir("/dev/mqueue");
    let _ = mount("mqueue", "/dev/mqueue", "mqueue", PLAIN, "");
    let links = [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")];
    for (name, target) in links {
        let _ = symlink(target, format!("/dev/{name}"));
    }
    nodes::make();
}

fn stay(mut pipes: Pipes, ends_by_reset: bool) -> BootResult<Infallible> {
    loop {
        let signal = signal::wait_for(&SIGNALS, None);
        match signal {
            Some(Taken { number: libc::SIGCHLD, .. }) => {
                if process::reap_all(pipes.pid) {
                    return Err("the serving process ended".to_string());
                }
            }
            Some(taken) => end(taken, &mut pipes, ends_by_reset),
            None => {}
        }
    }
}

/// The value that the serving process queued with the signal, in milliseconds; values from other senders are ignored.
fn grace_of(taken: Taken, server: i32) -> Duration {
    match taken.queued {
        Some((sender, ms)) if sender == server => Duration::from_millis(ms.max(0) as u64),
        _ => GRACE,
    }
}

/// Ends all processes and the VM; returns only if the kernel refuses.
fn end(taken: Taken, pipes: &mut Pipes, ends_by_reset: bool) {
    let number = taken.number;
    let intent = intent_for(number);
    let _ = pipes.power.set_read_timeout(Some(NOTICE));
    if pipes.power.write_all(&[number as u8]).is_ok() {
        let _ = pipes.power.read_exact(&mut [0]);
    }
    let _ = signal::kill(-1, libc::SIGTERM);
    let _ = signal::kill(-1, libc::SIGCONT);
    let begun = Instant::now();
    let grace = grace_of(taken, pipes.pid);
    let mut hung_up = false;
    while others_are_alive(pipes.pid) {
        let left = grace.saturating_sub(begun.elapsed());
        if left.is_zero() {
            break;
        }
        if !hung_up && begun.elapsed() >= HANGUP {
            hang_up_shells();
            hung_up = true;
        }
        // orphans become children of PID 1
        signal::wait_for(&[libc::SIGCHLD], Some(left.min(Duration::from_millis(100))));
        process::reap_all(0);
    }
    let _ = signal::kill(-1, libc::SIGKILL);
    crate::sys::mount::sync();
    let _ = mount("", root::DATA, "", MS_REMOUNT | MS_RDONLY, "");
    let power = if intent == "reboot" { Power::Reboot } else { Power::Off };
    end_machine(power, ends_by_reset);
}

/// Sends SIGHUP to processes at a terminal that ignore SIGTERM, as interactive shells do.
fn hang_up_shells() {
    for pid in process::all().filter(|pid| *pid != 1) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if has_terminal(&stat) && ignores(&status, libc::SIGTERM) {
            let _ = signal::kill(pid, libc::SIGHUP);
        }
    }
}

/// proc(5): the fifth field after the name, which is in parentheses and may contain anything.
fn has_terminal(stat: &str) -> bool {
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    fields.split_whitespace().nth(4).is_some_and(|number| number != "0")
}

/// proc(5): `SigIgn:` is a hexadecimal mask.
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Ignores kernel threads and zombies, which have no command line.
fn others_are_alive(server: i32) -> bool {
    process::all().filter(|pid| *pid != 1 && *pid != server).any(|pid| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_serving_process_sets_the_grace_period() {
        let taken = |queued| Taken { number: signal::SIGRTMIN + 4, queued };
        assert_eq!(grace_of(taken(Some((7, 60_000))), 7), Duration::from_secs(60));
        assert_eq!(grace_of(taken(Some((8, 60_000))), 7), GRACE);
        assert_eq!(grace_of(taken(None), 7), GRACE);
    }

    #[test]
    fn a_shell_at_a_terminal_is_recognized_by_its_signal_mask() {
        assert!(has_terminal("12 (a ) 0 b) S 1 12 12 34816 12 0") && !has_terminal("12 (x) S 1 12 12 0 -1 0"));
        assert!(ignores("Name:\tbash\nSigIgn:\t0000000000384004\n", libc::SIGTERM));
        assert!(!ignores("SigIgn:\t0000000000380004\n", libc::SIGTERM) && !ignores("", libc::SIGTERM));
    }
}
