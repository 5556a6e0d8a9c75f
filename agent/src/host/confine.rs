//! `confine`: a program that sees only the paths it was given, and has no rights beyond its user's. Sockets that it needs are
//! handed to it as descriptors: 3, 4, ... in the order of `--listen` and `--connect` on the command line.
//!
//! The layers close from the outside in, because each takes away what those before it need: namespaces with a root of the program's
//! own, capabilities, Landlock, limits, and last the filter of system calls. A layer that was asked for but is not available is an
//! error; `--check` tells beforehand which ones there are.

mod check;
mod plan;
mod root;

use crate::host::descriptors;
use crate::host::profiles;
use crate::programs;
use crate::sys::landlock::{self, Cage, Right};
use crate::sys::limits::{self, Resource};
use crate::sys::{privileges, seccomp};
use plan::{Isolation, Plan};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;

/// Comes back only when it failed, or after `--check`.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if arguments == ["--check"] {
        println!("{}", check::layers());
        return Ok(());
    }
    enter(&plan::parse(arguments)?).map_err(|problem| format!("confine: {problem}"))
}

fn enter(plan: &Plan) -> Result<(), String> {
    make_outputs(&plan.rules)?;
    descriptors::open_as(descriptors::FIRST, &plan.sockets)?;
    if let Some(isolation) = plan.isolation {
        let own_network = isolation == Isolation::All;
        root::enter(&plan.rules, own_network).map_err(|problem| format!("namespaces: {problem}"))?;
    }
    let abi = landlock::abi();
    // rules first: afterwards their paths may be out of reach
    let cage = if abi > 0 { Some(cage(abi, plan)?) } else { None };
    privileges::give_up_all().map_err(|error| format!("giving up rights: {error}"))?;
    if let Some(cage) = cage {
        cage.close().map_err(|error| format!("landlock: {error}"))?;
    }
    limit(&plan.limits).map_err(|error| format!("limits: {error}"))?;
    if let Some(profile) = &plan.profile {
        filter(profile, landlock::bounds_signals(abi))?;
    }
    let env = programs::inherited_environment().map_err(|error| format!("environment: {error}"))?;
    Err(format!("{}: {}", plan.program[0], programs::exec(&plan.program, &env)))
}

/// A file has to be there before it can be lent.
fn make_outputs(rules: &[(Right, String)]) -> Result<(), String> {
    for (_, path) in rules.iter().filter(|(right, _)| *right == Right::Output) {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        options.open(path).map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(())
}

fn cage(abi: i32, plan: &Plan) -> Result<Cage, String> {
    let cage = Cage::new(abi, plan.network).map_err(|error| format!("landlock: {error}"))?;
    for (right, path) in &plan.rules {
        cage.allow(path, *right).map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(cage)
}

/// A core dump would hold the guest's memory. A file's size is a soft limit: the daemon raises it when a disk grows, and the
/// filter leaves the program no call to raise it itself.
fn limit(all: &[(Resource, u64)]) -> std::io::Result<()> {
    limits::set(Resource::Core, 0)?;
    for (resource, value) in all {
        match resource {
            Resource::FileSize => limits::set_soft(*resource, *value)?,
            _ => limits::set(*resource, *value)?,
        }
    }
    Ok(())
}

/// The last layer: what sets up the others is not in the table.
fn filter(profile: &str, are_signals_bound: bool) -> Result<(), String> {
    let rules = profiles::named(profile, are_signals_bound).ok_or_else(|| format!("no profile is named {profile:?}"))?;
    let program = seccomp::compile(rules, std::process::id());
    seccomp::install(&program).map_err(|error| format!("seccomp: {error}"))
}
