//! The agent as `/init` of the initramfs: boots into the image's root and starts its init.

mod devices;
mod disks;
mod handover;
mod inits;
mod connections;
mod nodes;
mod pid1;
mod plain;
mod reader;
mod root;
mod seed;
mod serve;
mod sysctls;
mod shutdown;
mod kernel_args;

use crate::console::log;
use crate::sys::mount::{mount, MS_NODEV, MS_NOEXEC, MS_NOSUID};
use crate::sys::net::Link;
use crate::sys::power::{end_machine, Power};
use disks::Disks;
use handover::Role;
use inits::Init;
use std::convert::Infallible;
use std::io;
use kernel_args::{KernelArgs, Transport};

/// The error is one line for the console.
pub type BootResult<T> = Result<T, String>;

/// Boots the guest and never returns. A failure is reported on the console, and the VM is turned off.
pub fn run() -> ! {
    let args = kernel_files().map(|()| KernelArgs::read());
    let ends_by_reset = args.as_ref().is_ok_and(|args| args.transport == Transport::Vsock);
    let problem = match args.and_then(boot) {
        Ok(never) => match never {},
        Err(problem) => problem,
    };
    log(&problem);
    end_machine(Power::Off, ends_by_reset);
    // the kernel refused, and PID 1 must not end
    loop {
        std::thread::park();
    }
}

fn boot(args: KernelArgs) -> BootResult<Infallible> {
    devices::load_modules(args.transport)?;
    let disks = Disks::find(&args)?;
    let ends_by_reset = args.transport == Transport::Vsock;
    if args.is_reader {
        reader::assemble(&args, &disks)?;
        let port = connections::open_endpoint(&args)?;
        return match handover::fork()? {
            Role::Server(pipes) => serve::run_reader(&args, port, pipes),
            Role::Pid1(pipes) => pid1::run(&Init::none(), pipes, ends_by_reset),
        };
    }
    let data = root::assemble(&args, &disks)?;
    let init = inits::find(&args);
    // needed with any network and any init
    let _ = Link::named("lo").and_then(|lo| lo.up());
    let port = connections::open_endpoint(&args)?;
    match handover::fork()? {
        Role::Server(pipes) => serve::run(&args, &init, data, port, pipes),
        Role::Pid1(pipes) => pid1::run(&init, pipes, ends_by_reset),
    }
}

fn kernel_files() -> BootResult<()> {
    const PLAIN: libc::c_ulong = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    let list = [("devtmpfs", "/dev", MS_NOSUID, "mode=0755"), ("proc", "/proc", PLAIN, ""), ("sysfs", "/sys", PLAIN, "")];
    for (kind, target, flags, data) in list {
        let _ = std::fs::create_dir(target);
        match mount(kind, target, kind, flags, data) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
            other => other.map_err(failed(target))?,
        }
    }
    Ok(())
}

/// For `map_err`: what was tried, and the system's error.
fn failed(what: &str) -> impl FnOnce(io::Error) -> String + '_ {
    move |error| format!("{what}: {error}")
}
