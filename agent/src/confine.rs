//! `confine`: puts a VMM into its cage, then becomes it. Landlock on what it named, no capabilities, no_new_privs.

use crate::sys::landlock::{self, Cage, Right};
use crate::sys::privileges;
use std::os::unix::process::CommandExt;
use std::process::Command;

#[derive(Debug, Default, PartialEq)]
pub struct Request {
    pub paths: Vec<(String, Right)>,
    pub argv: Vec<String>,
}

pub const USAGE: &str = "usage: banger-vsock-agent confine [--rw PATH]... [--ro PATH]... [--dev PATH]... -- PROGRAM [ARG]...\n       banger-vsock-agent confine --check";

pub fn parse(arguments: &[String]) -> Result<Request, String> {
    let mut request = Request::default();
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let right = match flag.as_str() {
            "--rw" => Right::ReadWrite,
            "--ro" => Right::ReadOnly,
            "--dev" => Right::Device,
            "--" => {
                request.argv = rest.cloned().collect();
                break;
            }
            other => return Err(format!("unknown argument {other:?}")),
        };
        let path = rest.next().ok_or_else(|| format!("{flag} needs a path"))?;
        if !path.starts_with('/') {
            return Err(format!("{flag} needs an absolute path, not {path:?}"));
        }
        request.paths.push((path.clone(), right));
    }
    if request.argv.is_empty() {
        return Err("there is no program after --".to_string());
    }
    Ok(request)
}

/// Comes back only with what went wrong.
pub fn run(request: &Request) -> String {
    if let Err(error) = privileges::give_up_all() {
        return format!("giving up privileges: {error}");
    }
    let abi = landlock::abi();
    if abi > 0 {
        if let Err(error) = close(request, abi) {
            return error;
        }
    }
    let error = Command::new(&request.argv[0]).args(&request.argv[1..]).exec();
    format!("{}: {error}", request.argv[0])
}

fn close(request: &Request, abi: i32) -> Result<(), String> {
    let cage = Cage::new(abi).map_err(|error| format!("landlock: {error}"))?;
    for (path, right) in &request.paths {
        cage.allow(path, *right).map_err(|error| format!("{path}: {error}"))?;
    }
    cage.close().map_err(|error| format!("landlock: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(String::from).collect()
    }

    #[test]
    fn flags_repeat_and_end_at_the_dashes() {
        let request = parse(&words("--rw /a --ro /b --ro /c --dev /dev/kvm -- qemu --rw x")).unwrap();
        assert_eq!(request.argv, words("qemu --rw x"));
        assert_eq!(request.paths[2], ("/c".to_string(), Right::ReadOnly));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["--rw", "--rw relative -- x", "--what /a -- x", "--rw /a --", "x"] {
            assert!(parse(&words(line)).is_err(), "{line}");
        }
    }
}
