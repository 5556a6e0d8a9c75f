//! Detects that the guest shuts itself down, and notifies the host in time.

use crate::guest::Guest;
use crate::sys::power::OFF;
use crate::sys::{process, signal};
use serde_json::json;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const STACK: usize = 64 * 1024;

/// `has_init`: PID 1 is, or will be, the image's init. Otherwise it is the agent, which reports a shutdown on `power`.
pub fn watch(guest: &Arc<Guest>, has_init: bool, power: UnixStream) -> io::Result<()> {
    let guest = Arc::clone(guest);
    let thread = thread::Builder::new().stack_size(STACK);
    if has_init {
        let canary = process::canary()?;
        thread.spawn(move || watch_canary(&guest, canary)).map(drop)
    } else {
        thread.spawn(move || serve_pid1(&guest, power)).map(drop)
    }
}

/// systemd does not kill the agent at shutdown, so the agent detects a shutdown by the end of a child that systemd does kill.
fn watch_canary(guest: &Guest, mut canary: (i32, File)) {
    loop {
        let (pid, mut pipe) = canary;
        let _ = pipe.read(&mut [0]);
        let _ = process::wait_for(pid);
        let line = fs::read("/proc/1/cmdline").unwrap_or_default();
        let argument = fs::read(REBOOT_ARGUMENT).unwrap_or_default();
        if let Some(intent) = intent_of(&line, &argument) {
            send_power_notice(guest, intent);
        }
        // it was killed for another reason, or it is a soft reboot
        thread::sleep(Duration::from_secs(1));
        canary = match process::canary() {
            Ok(canary) => canary,
            Err(_) => return,
        };
    }
}

/// Where systemd keeps the argument of a reboot.
const REBOOT_ARGUMENT: &str = "/run/systemd/reboot-param";

/// At shutdown, PID 1 becomes `systemd-shutdown poweroff …`. `argument`: that of a reboot, which can mean a power-off (`Power::OffByReset`).
fn intent_of(cmdline: &[u8], argument: &[u8]) -> Option<&'static str> {
    let mut arguments = cmdline.split(|byte| *byte == 0);
    if !arguments.next()?.ends_with(b"systemd-shutdown") {
        return None;
    }
    arguments.find_map(|word| match word {
        b"poweroff" => Some("poweroff"),
        b"halt" => Some("halt"),
        b"reboot" if argument.trim_ascii() == OFF.to_bytes() => Some("poweroff"),
        b"reboot" | b"kexec" => Some("reboot"),
        _ => None,
    })
}

fn serve_pid1(guest: &Guest, mut power: UnixStream) {
    let mut signal_number = [0];
    while power.read_exact(&mut signal_number).is_ok() {
        send_power_notice(guest, intent_for(i32::from(signal_number[0])));
        let _ = power.write_all(&signal_number);
    }
}

/// The meaning of signals to PID 1, as in busybox init and systemd.
pub fn intent_for(number: i32) -> &'static str {
    match number {
        libc::SIGUSR1 => "halt",
        number if number == libc::SIGUSR2 || number == signal::SIGRTMIN + 4 => "poweroff",
        _ => "reboot",
    }
}

/// Returns when the NOTICE has been written to the connections.
fn send_power_notice(guest: &Guest, intent: &str) {
    for (output, session) in guest.connections.notice(&json!({ "notice": "power", "intent": intent })) {
        output.flush(session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_intent_is_read_only_from_systemd_shutdown() {
        assert_eq!(intent_of(b"/lib/systemd/systemd-shutdown\0--log-level\x006\0poweroff\0", b""), Some("poweroff"));
        assert_eq!(intent_of(b"/usr/lib/systemd/systemd-shutdown\0reboot\0--timeout\x0090s\0", b""), Some("reboot"));
        assert_eq!(intent_of(b"/usr/lib/systemd/systemd-shutdown\0reboot\0", b"poweroff\n"), Some("poweroff"));
        assert_eq!(intent_of(b"/sbin/init\0poweroff\0", b""), None);
        assert_eq!(intent_of(b"", b""), None);
    }
}
