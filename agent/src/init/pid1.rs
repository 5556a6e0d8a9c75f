//! PID 1: becomes the image's init, or stays, reaps, and ends the machine when it is told to.

use super::handover::{Pipes, SIGNALS};
use super::inits::Init;
use super::shutdown::intent_for;
use super::{failed, root, Booted};
use crate::programs;
use crate::sys::mount::{mount, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REMOUNT};
use crate::sys::power::{end_machine, Power};
use crate::sys::{process, signal};
use std::convert::Infallible;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

/// Between SIGTERM and SIGKILL for everyone.
const GRACE: Duration = Duration::from_secs(2);
const NOTICE: Duration = Duration::from_secs(1);

pub fn run(init: &Init, mut pipes: Pipes) -> Booted<Infallible> {
    if init.path.is_none() {
        prepare_alone();
    } else if init.name == "systemd" {
        turn_halt_into_poweroff().map_err(failed("/run/systemd"))?;
    }
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
        None => stay(pipes),
    }
}

/// What PID 1 does not handle is lost on it, but for what is blocked: so a request to end that comes before systemd listens
/// waits for it. systemd opens the mask by itself.
fn unblocked_for(init: &Init) -> Vec<i32> {
    let kept = [signal::SIGRTMIN + 4, signal::SIGRTMIN + 5];
    SIGNALS.into_iter().filter(|number| init.name != "systemd" || !kept.contains(number)).collect()
}

/// A halted machine would stand there with its CPUs stopped.
fn turn_halt_into_poweroff() -> std::io::Result<()> {
    let folder = "/run/systemd/system/systemd-halt.service.d";
    fs::create_dir_all(folder)?;
    // older systemds halt by the unit's own command, newer ones by its SuccessAction
    let unit = "[Unit]\nSuccessAction=poweroff-force\n[Service]\nType=oneshot\nExecStart=\nExecStart=true\n";
    fs::write(format!("{folder}/banger.conf"), unit)
}

/// What an init would have made; an image without one may do without each of them.
fn prepare_alone() {
    const PLAIN: libc::c_ulong = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    let _ = mount("cgroup2", "/sys/fs/cgroup", "cgroup2", PLAIN, "nsdelegate");
    let _ = fs::create_dir("/dev/shm");
    let _ = mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    let _ = fs::create_dir("/dev/mqueue");
    let _ = mount("mqueue", "/dev/mqueue", "mqueue", PLAIN, "");
    let links = [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")];
    for (name, target) in links {
        let _ = symlink(target, format!("/dev/{name}"));
    }
}

fn stay(mut pipes: Pipes) -> Booted<Infallible> {
    loop {
        let signal = signal::wait_for(&SIGNALS, None);
        match signal {
            Some(libc::SIGCHLD) => {
                if process::reap_all(pipes.pid) {
                    return Err("the serving process ended".to_string());
                }
            }
            Some(number) => end(number, &mut pipes),
            None => {}
        }
    }
}

/// Comes back only when the kernel refuses.
fn end(number: i32, pipes: &mut Pipes) {
    let intent = intent_for(number);
    let _ = pipes.power.set_read_timeout(Some(NOTICE));
    if pipes.power.write_all(&[number as u8]).is_ok() {
        let _ = pipes.power.read_exact(&mut [0]);
    }
    let _ = signal::kill(-1, libc::SIGTERM);
    let _ = signal::kill(-1, libc::SIGCONT);
    let until = Instant::now() + GRACE;
    while others_are_alive(pipes.pid) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        // a process that is nobody's child any more is ours
        signal::wait_for(&[libc::SIGCHLD], Some(left.min(Duration::from_millis(100))));
        process::reap_all(0);
    }
    let _ = signal::kill(-1, libc::SIGKILL);
    crate::sys::mount::sync();
    let _ = mount("", root::DATA, "", MS_REMOUNT | MS_RDONLY, "");
    end_machine(if intent == "reboot" { Power::Reboot } else { Power::Off });
}

/// Kernel threads and the dead have no command line.
fn others_are_alive(server: i32) -> bool {
    process::all().filter(|pid| *pid != 1 && *pid != server).any(|pid| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
    })
}
