//! `confine`: runs a program that sees only the paths it is given and has no privileges. It gets its sockets and TAP interfaces as
//! descriptors 3, 4, … in the order of `--listen`, `--connect` and `--tap` on the command line.
//!
//! The order of the layers matters, because each removes what the earlier ones need: its control group, namespaces with the program's own root,
//! capabilities, Landlock, limits, and last the system call filter. A layer that is requested but not available is an
//! error; `--check` reports which ones are available.

mod check;
mod plan;
mod root;
mod supervisor;

use crate::host::descriptors;
use crate::host::profiles::{self, SignalScope};
use crate::programs;
use crate::sys::landlock::{self, Cage, Right};
use crate::sys::limits::{self, Resource};
use crate::sys::{privileges, seccomp};
use plan::{Isolation, Plan};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

/// Returns only on failure, or after `--check`.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if arguments == ["--check"] {
        println!("{}", check::layers());
        return Ok(());
    }
    enter(&plan::parse(arguments)?).map_err(|problem| format!("confine: {problem}"))
}

fn enter(plan: &Plan) -> Result<(), String> {
    if let Some(folder) = &plan.cgroup {
        join(folder).map_err(|error| format!("control group {folder}: {error}"))?;
    }
    make_outputs(&plan.rules)?;
    descriptors::open_as(descriptors::FIRST, &plan.inherited)?;
    if let Some(isolation) = plan.isolation {
        let own_network = isolation == Isolation::All;
        root::enter(&plan.rules, own_network).map_err(|problem| format!("namespaces: {problem}"))?;
    }
    let abi = landlock::abi();
    // add the rules now: their paths may be out of reach later
    let cage = if abi > 0 { Some(cage(abi, plan)?) } else { None };
    privileges::give_up_all().map_err(|error| format!("dropping privileges: {error}"))?;
    if let Some(cage) = cage {
        cage.enforce().map_err(|error| format!("landlock: {error}"))?;
    }
    limit(&plan.limits).map_err(|error| format!("limits: {error}"))?;
    if let Some(profile) = &plan.profile {
        filter(profile, scope_of(plan, abi))?;
    }
    let env = programs::inherited_environment().map_err(|error| format!("environment: {error}"))?;
    Err(format!("{}: {}", plan.program[0], programs::exec(&plan.program, &env)))
}

/// Moves this process, with the program that it becomes, into a control group of version 2 (the kernel's admin-guide/cgroup-v2.rst).
fn join(folder: &str) -> std::io::Result<()> {
    // 0 is the writer
    OpenOptions::new().write(true).open(format!("{folder}/cgroup.procs"))?.write_all(b"0")
}

/// Creates output files, because Landlock and mounts need existing files.
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

/// No core dumps, because they would contain the guest's memory. The limit of file sizes is soft: the daemon raises it when a disk grows,
/// and the filter allows the program no call to raise it itself.
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

fn scope_of(plan: &Plan, abi: i32) -> SignalScope {
    match (plan.supervised, landlock::restricts_signals(abi)) {
        (true, _) => SignalScope::Supervisor,
        (false, true) => SignalScope::Landlock,
        (false, false) => SignalScope::None,
    }
}

/// The last layer, because it does not allow the calls that set up the others.
fn filter(profile: &str, scope: SignalScope) -> Result<(), String> {
    let rules = profiles::named(profile, scope).ok_or_else(|| format!("no profile is named {profile:?}"))?;
    let program = seccomp::compile(rules, std::process::id());
    if scope == SignalScope::Supervisor {
        return supervisor::install(&program).map_err(|error| format!("supervisor: {error}"));
    }
    seccomp::install(&program).map_err(|error| format!("seccomp: {error}"))
}
