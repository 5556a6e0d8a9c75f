//! `confine`: a program that sees only the paths it was given, and has no rights beyond its user's.

use crate::programs;
use crate::sys::landlock::{self, Cage, Right};
use crate::sys::privileges;

#[derive(Debug, PartialEq)]
struct Plan {
    rules: Vec<(Right, String)>,
    program: Vec<String>,
}

/// Comes back only when it failed, or after `--check`.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if arguments == ["--check"] {
        println!("{{\"landlock\": {}}}", landlock::abi());
        return Ok(());
    }
    let plan = parse(arguments)?;
    let abi = landlock::abi();
    // rules first: afterwards their paths may be out of reach
    let cage = if abi > 0 { Some(cage(abi, &plan.rules)?) } else { None };
    privileges::give_up_all().map_err(|error| format!("confine: giving up rights: {error}"))?;
    if let Some(cage) = cage {
        cage.close().map_err(|error| format!("confine: landlock: {error}"))?;
    }
    let env = programs::inherited().map_err(|error| format!("confine: environment: {error}"))?;
    Err(format!("confine: {}: {}", plan.program[0], programs::exec(&plan.program, &env)))
}

fn cage(abi: i32, rules: &[(Right, String)]) -> Result<Cage, String> {
    let cage = Cage::new(abi).map_err(|error| format!("confine: landlock: {error}"))?;
    for (right, path) in rules {
        cage.allow(path, *right).map_err(|error| format!("confine: {path}: {error}"))?;
    }
    Ok(cage)
}

fn parse(arguments: &[String]) -> Result<Plan, String> {
    let mut rules = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let right = match word.as_str() {
            "--rw" => Right::ReadWrite,
            "--ro" => Right::ReadOnly,
            "--dev" => Right::Device,
            "--" => break,
            other => return Err(format!("confine: unknown argument {other:?}")),
        };
        let path = words.next().ok_or_else(|| format!("confine: {word} needs a path"))?;
        rules.push((right, path.clone()));
    }
    let program: Vec<String> = words.cloned().collect();
    if program.is_empty() {
        return Err("confine: a program must follow `--`".to_string());
    }
    Ok(Plan { rules, program })
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
        for bad in ["--rw", "--rw /a", "--", "qemu", "--xx /a -- b"] {
            assert!(parse(&words(bad)).is_err(), "{bad}");
        }
    }
}
