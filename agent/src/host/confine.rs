//! `confine`: a program that sees only the paths it was given, and has no rights beyond its user's. Sockets that it needs are
//! handed to it as descriptors: 3, 4, ... in the order of `--listen` and `--connect` on the command line.

use crate::host::descriptors::{self, Socket};
use crate::host::profiles;
use crate::programs;
use crate::sys::landlock::{self, Cage, Right};
use crate::sys::{privileges, seccomp};

#[derive(Debug, PartialEq)]
struct Plan {
    rules: Vec<(Right, String)>,
    sockets: Vec<Socket>,
    /// name of the filter in `profiles`
    profile: Option<String>,
    program: Vec<String>,
}

/// Comes back only when it failed, or after `--check`.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if arguments == ["--check"] {
        println!("{{\"landlock\": {}, \"seccomp\": {}}}", landlock::abi(), seccomp::is_available());
        return Ok(());
    }
    let plan = parse(arguments)?;
    descriptors::open_as(descriptors::FIRST, &plan.sockets).map_err(|problem| format!("confine: {problem}"))?;
    let abi = landlock::abi();
    // rules first: afterwards their paths may be out of reach
    let cage = if abi > 0 { Some(cage(abi, &plan.rules)?) } else { None };
    privileges::give_up_all().map_err(|error| format!("confine: giving up rights: {error}"))?;
    if let Some(cage) = cage {
        cage.close().map_err(|error| format!("confine: landlock: {error}"))?;
    }
    if let Some(profile) = &plan.profile {
        filter(profile).map_err(|problem| format!("confine: {problem}"))?;
    }
    let env = programs::inherited().map_err(|error| format!("confine: environment: {error}"))?;
    Err(format!("confine: {}: {}", plan.program[0], programs::exec(&plan.program, &env)))
}

/// The last layer: what sets up the others is not in the table.
fn filter(profile: &str) -> Result<(), String> {
    let rules = profiles::named(profile).ok_or_else(|| format!("no profile is named {profile:?}"))?;
    let program = seccomp::compile(rules, std::process::id());
    seccomp::install(&program).map_err(|error| format!("seccomp: {error}"))
}

fn cage(abi: i32, rules: &[(Right, String)]) -> Result<Cage, String> {
    let cage = Cage::new(abi).map_err(|error| format!("confine: landlock: {error}"))?;
    for (right, path) in rules {
        cage.allow(path, *right).map_err(|error| format!("confine: {path}: {error}"))?;
    }
    Ok(cage)
}

fn parse(arguments: &[String]) -> Result<Plan, String> {
    let (mut rules, mut sockets, mut profile) = (Vec::new(), Vec::new(), None);
    let mut words = arguments.iter();
    while let Some(word) = words.next().filter(|word| *word != "--") {
        let value = words.next().cloned().ok_or_else(|| format!("confine: {word} needs a value"));
        match word.as_str() {
            "--rw" => rules.push((Right::ReadWrite, value?)),
            "--ro" => rules.push((Right::ReadOnly, value?)),
            "--dev" => rules.push((Right::Device, value?)),
            "--listen" => sockets.push(Socket::Listening(value?)),
            "--connect" => sockets.push(Socket::Connected(value?)),
            "--profile" => profile = Some(value?),
            other => return Err(format!("confine: unknown argument {other:?}")),
        }
    }
    let program: Vec<String> = words.cloned().collect();
    if program.is_empty() {
        return Err("confine: a program must follow `--`".to_string());
    }
    Ok(Plan { rules, sockets, profile, program })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(String::from).collect()
    }

    #[test]
    fn rules_end_at_the_dashes() {
        let plan = parse(&words("--rw /a --ro /b --dev /dev/kvm -- qemu --rw -- x")).unwrap();
        assert_eq!(plan.rules.len(), 3);
        assert_eq!(plan.program, words("qemu --rw -- x"));
        for bad in ["--rw", "--listen", "--listen /s", "--connect", "--rw /a", "--", "qemu", "--xx /a -- b"] {
            assert!(parse(&words(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn sockets_keep_the_order_of_the_command_line() {
        let plan = parse(&words("--connect /c --rw /a --listen /l -- qemu --listen /x")).unwrap();
        assert_eq!(plan.sockets, [Socket::Connected("/c".into()), Socket::Listening("/l".into())]);
        assert_eq!(plan.rules.len(), 1);
    }
}
