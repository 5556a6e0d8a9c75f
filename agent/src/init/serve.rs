//! The serving process.

use super::handover::Pipes;
use super::inits::Init;
use super::lines::{self, Opened};
use super::words::{Port, Words};
use super::{failed, shutdown, Booted};
use crate::guest::{Data, Guest, Handover, Phase, Place};
use crate::session::lock;
use crate::sys::{argv0, process, signal};
use crate::verbs::identity;
use std::convert::Infallible;
use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Serves files, and nothing else: the machine has no image.
pub fn run_reader(words: &Words, port: Opened, pipes: Pipes) -> Booted<Infallible> {
    process::new_session();
    let mut guest = Guest::new(Place::Reader, "none", Phase::Up);
    guest.ends_by_reset = words.port == Port::Vsock;
    let guest = Arc::new(guest);
    process::allow_many_files();
    shutdown::watch(&guest, false, pipes.power).map_err(failed("power"))?;
    let mut identified = pipes.identified;
    identified.write_all(&[1]).map_err(failed("PID 1"))?;
    lines::serve(port, &guest).map_err(failed("serving"))?;
    Err("the line to the host is over".to_string())
}

/// How long a machine waits to be told who it is.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn run(words: &Words, init: &Init, data: Data, port: Opened, pipes: Pipes) -> Booted<Infallible> {
    process::new_session();
    let mut guest = Guest::new(Place::Vm, &init.name, Phase::Boot);
    guest.data = Some(data);
    guest.ends_by_reset = words.port == Port::Vsock;
    let guest = Arc::new(guest);
    *lock(&guest.handover) = Some(Handover { prepared: pipes.prepared, identified: pipes.identified });
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    process::allow_many_files();
    shutdown::watch(&guest, init.path.is_some(), pipes.power).map_err(failed("canary"))?;
    argv0::spare_at_shutdown();
    if init.path.is_some() {
        // an init that does not know the `@` should not have to wait for us
        signal::unblock(&[libc::SIGTERM]);
    }
    let waiting = Arc::clone(&guest);
    let patience = move || {
        thread::sleep(PATIENCE);
        identity::throw_away(&waiting);
    };
    thread::Builder::new().stack_size(64 * 1024).spawn(patience).map_err(failed("thread"))?;
    lines::serve(port, &guest).map_err(failed("serving"))?;
    Err("the line to the host is over".to_string())
}
