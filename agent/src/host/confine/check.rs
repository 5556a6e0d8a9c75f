//! `confine --check`: which layers this kernel has for this user.

use super::root;
use crate::sys::landlock::{self, Right};
use crate::sys::process::{self, Ended, Forked};
use crate::sys::seccomp;
use serde_json::{json, Value};
use std::io::{PipeReader, PipeWriter, Read, Write};

/// `landlock` is the version of its interface, 0 for none; `namespaces` and `network` are null where they can be had, and
/// otherwise why not.
pub fn layers() -> Value {
    json!({
        "landlock": landlock::abi(),
        "seccomp": seccomp::is_available(),
        "namespaces": why_not(false),
        "network": why_not(true),
    })
}

/// Tries it in a child: with the paths that every program needs, because a kernel may allow a user namespace and
/// forbid what is done in it.
fn why_not(own_network: bool) -> Option<String> {
    match try_in_child(own_network) {
        Ok(reason) if reason.is_empty() => None,
        Ok(reason) => Some(reason),
        Err(error) => Some(error.to_string()),
    }
}

fn try_in_child(own_network: bool) -> std::io::Result<String> {
    let (mut reader, writer): (PipeReader, PipeWriter) = std::io::pipe()?;
    match process::fork()? {
        Forked::Child => std::process::exit(tell(writer, own_network)),
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

fn tell(mut writer: PipeWriter, own_network: bool) -> i32 {
    let rules = [(Right::ReadOnly, "/usr".to_string()), (Right::Device, "/dev/null".to_string())];
    match root::enter(&rules, own_network) {
        Ok(()) => 0,
        Err(problem) => {
            let _ = writer.write_all(problem.as_bytes());
            1
        }
    }
}
