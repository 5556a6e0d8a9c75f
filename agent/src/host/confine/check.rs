//! `confine --check`: which layers this kernel offers to this user.

use super::{root, supervisor};
use crate::host::profiles::{self, SignalScope};
use crate::sys::landlock::{self, Right};
use crate::sys::limits::{self, Resource};
use crate::sys::process::{self, Ended, Forked};
use crate::sys::{namespaces, privileges, seccomp};
use serde_json::{json, Value};
use std::io::{PipeReader, PipeWriter, Read, Write};

/// `landlock` is the version of the interface, 0 without Landlock; `namespaces`, `network`, `processes` and `signals` are null if
/// available, otherwise the reason why not. `signals`: to threads of the program by tkill(2), and to no other process.
pub fn layers() -> Value {
    let landlock = landlock::abi();
    json!({
        "landlock": landlock,
        "seccomp": seccomp::is_available(),
        "namespaces": why_not(|| enter_root(false)),
        "network": why_not(|| enter_root(true)),
        "processes": why_not(bound_processes),
        "signals": if landlock::restricts_signals(landlock) { None } else { why_not(try_supervisor) },
    })
}

/// Tries it in a child, because a kernel can allow a user namespace but forbid what is done in it.
fn why_not(attempt: impl FnOnce() -> Result<(), String>) -> Option<String> {
    match try_in_child(attempt) {
        Ok(reason) if reason.is_empty() => None,
        Ok(reason) => Some(reason),
        Err(error) => Some(error.to_string()),
    }
}

fn try_in_child(attempt: impl FnOnce() -> Result<(), String>) -> std::io::Result<String> {
    let (mut reader, writer): (PipeReader, PipeWriter) = std::io::pipe()?;
    match process::fork()? {
        Forked::Child => std::process::exit(report(writer, attempt())),
        Forked::Parent(pid) => {
            drop(writer);
            let mut reason = String::new();
            reader.read_to_string(&mut reason)?;
            match process::wait_for(pid)? {
                Ended::Exit(_) => Ok(reason),
                Ended::Signal { number, .. } => Ok(format!("signal {number}")),
            }
        }
    }
}

fn report(mut writer: PipeWriter, result: Result<(), String>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(problem) => {
            let _ = writer.write_all(problem.as_bytes());
            1
        }
    }
}

/// Enters a root with the paths that every program needs.
fn enter_root(own_network: bool) -> Result<(), String> {
    let rules = [(Right::ReadOnly, "/usr".to_string()), (Right::Device, "/dev/null".to_string())];
    root::enter(&rules, own_network)
}

fn try_supervisor() -> Result<(), String> {
    let rules = profiles::named("firecracker", SignalScope::Supervisor).unwrap_or_default();
    privileges::set_no_new_privileges()
        .and_then(|()| supervisor::try_out(&seccomp::compile(rules, std::process::id())))
        .map_err(|error| format!("user notification of seccomp: {error}"))
}

/// Fewer than any user of banger has: the daemon alone has more threads.
const FEW: usize = 4;

/// Finds out by forking whether RLIMIT_NPROC limits the processes of a single user namespace (setrlimit(2)).
fn bound_processes() -> Result<(), String> {
    namespaces::unshare(0).map_err(|error| format!("user namespace: {error}"))?;
    limits::set(Resource::Processes, FEW as u64).map_err(|error| error.to_string())?;
    match count_forks(2 * FEW) {
        0 => Err("the kernel counts the user's processes, not those of a namespace (Linux before 5.14)".to_string()),
        count if count > FEW => Err("the kernel does not limit the processes of root".to_string()),
        _ => Ok(()),
    }
}

/// How many children can exist at a time, up to `max`. One that has ended counts until it is waited for.
fn count_forks(max: usize) -> usize {
    let mut children = Vec::new();
    while children.len() < max {
        match process::fork() {
            Ok(Forked::Child) => std::process::exit(0),
            Ok(Forked::Parent(pid)) => children.push(pid),
            Err(_) => break,
        }
    }
    let count = children.len();
    for pid in children {
        let _ = process::wait_for(pid);
    }
    count
}
