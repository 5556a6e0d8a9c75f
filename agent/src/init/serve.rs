//! The process that serves the host.

use super::handover::Pipes;
use super::inits::Init;
use super::connections::{self, Endpoint};
use super::kernel_args::{KernelArgs, Transport};
use super::{failed, shutdown, BootResult};
use crate::guest::{Data, Guest, Handover, Phase, Place};
use crate::session::lock;
use crate::sys::{argv0, net, process, signal};
use crate::tap;
use crate::verbs::identity;
use std::convert::Infallible;
use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Serves files only: a reader has no image.
pub fn run_reader(args: &KernelArgs, port: Endpoint, pipes: Pipes) -> BootResult<Infallible> {
    process::new_session();
    let mut guest = Guest::new(Place::Reader, "none", Phase::Up);
    guest.ends_by_reset = args.transport == Transport::Vsock;
    let guest = Arc::new(guest);
    process::allow_many_files();
    shutdown::watch(&guest, false, pipes.power).map_err(failed("power"))?;
    let mut identified = pipes.identified;
    identified.write_all(&[1]).map_err(failed("PID 1"))?;
    connections::serve(port, &guest).map_err(failed("serving"))?;
    Err("the connection to the host is closed".to_string())
}

/// How long the guest waits for its first identity.
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves the host in a VM that boots an image. Returns only on failure.
pub fn run(args: &KernelArgs, init: &Init, data: Data, port: Endpoint, pipes: Pipes) -> BootResult<Infallible> {
    process::new_session();
    let mut guest = Guest::new(Place::Vm, &init.name, Phase::Boot);
    guest.data = Some(data);
    guest.ends_by_reset = args.transport == Transport::Vsock;
    let guest = Arc::new(guest);
    *lock(&guest.handover) = Some(Handover { prepared: pipes.prepared, identified: pipes.identified });
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    process::allow_many_files();
    if args.has_tap {
        net::listen_vsock(tap::VSOCK_PORT).and_then(tap::start).map_err(failed("the agent's network device"))?;
    }
    shutdown::watch(&guest, init.path.is_some(), pipes.power).map_err(failed("canary"))?;
    argv0::survive_shutdown();
    if init.path.is_some() {
        // an init that does not honour the `@` must not have to wait for this process
        signal::unblock(&[libc::SIGTERM]);
    }
    let unidentified = Arc::clone(&guest);
    let give_up_waiting = move || {
        thread::sleep(IDENTITY_TIMEOUT);
        identity::apply_fallback(&unidentified);
    };
    thread::Builder::new().stack_size(64 * 1024).spawn(give_up_waiting).map_err(failed("thread"))?;
    connections::serve(port, &guest).map_err(failed("serving"))?;
    Err("the connection to the host is closed".to_string())
}
