//! `poweroff`: an orderly or an immediate end of the VM.

use crate::guest::{Guest, Phase};
use crate::programs::{self, PATH};
use crate::session::Stream;
use crate::sys::power::{end_machine, Power};
use crate::sys::{mount, signal};
use crate::wire::json::{self, Answer, Object, Refusal};
use serde_json::json;
use std::fs::File;
use std::os::fd::AsRawFd;

/// A day, in milliseconds.
const MAX_GRACE: u64 = 24 * 60 * 60 * 1000;

pub fn run(stream: &Stream, request: &Object, guest: &Guest) -> Answer<()> {
    let power = match json::required_text(request, "mode")? {
        "poweroff" => Power::Off,
        "reboot" => Power::Reboot,
        _ => return Err(Refusal::bad("mode must be poweroff or reboot")),
    };
    let force = json::flag(request, "force")? || guest.phase() == Phase::Boot;
    let grace = json::number(request, "graceMs", MAX_GRACE)?.map(|ms| ms as i32);
    if !guest.is_vm() {
        return Err(Refusal::new("unsupported", "the agent is not running in a VM"));
    }
    stream.reply(json!({}));
    stream.flush();
    if force {
        end_now(power, guest);
    }
    ask_init(power, &guest.init, grace).map_err(|error| Refusal::io("asking the init", &error))
}

/// Syncs and turns the VM off or reboots it; returns only if the kernel refuses.
pub fn end_now(power: Power, guest: &Guest) {
    end_machine(power, guest.ends_by_reset);
}

/// As PID 1 the agent understands systemd's signals. Only the agent accepts a grace period, in milliseconds.
fn ask_init(power: Power, init: &str, grace: Option<i32>) -> std::io::Result<()> {
    let signal = match (init, power) {
        ("systemd" | "none", Power::Off) => signal::SIGRTMIN + 4,
        ("systemd" | "none", Power::Reboot) => signal::SIGRTMIN + 5,
        ("busybox", Power::Off) => libc::SIGUSR2,
        ("busybox", Power::Reboot) => libc::SIGTERM,
        (_, Power::Off) => return run_program("poweroff").or_else(|_| terminate()),
        (_, Power::Reboot) => return run_program("reboot").or_else(|_| terminate()),
    };
    match grace {
        Some(grace) if init == "none" => signal::queue(1, signal, grace),
        _ => signal::kill(1, signal),
    }
}

/// Syncs first: if the signal ends PID 1, the kernel panics without writing anything.
fn terminate() -> std::io::Result<()> {
    mount::sync();
    signal::kill(1, libc::SIGTERM)
}

fn run_program(name: &str) -> std::io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let env = programs::c_texts([format!("PATH={PATH}")])?;
    let pid = programs::start(&[name.to_string()], &env, [null.as_raw_fd(); 3], None)?;
    programs::expect_success(pid).map_err(std::io::Error::other)
}
