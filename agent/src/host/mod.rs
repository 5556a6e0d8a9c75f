//! The program's commands on a host.

mod confine;
mod descriptors;
mod netguard;
mod profiles;
pub mod serve;
mod tsc;

use std::process::ExitCode;

const USAGE: &str = "usage: banger-vsock-agent confine [--rw PATH] [--ro PATH] [--dev PATH] [--listen PATH] [--connect PATH] [--tap NAME] ...
           [--cgroup FOLDER] [--isolate all|all-but-network] [--network none|host] [--limit RESOURCE=NUMBER] ... [--profile NAME] [--signals supervised] --
           PROGRAM [ARGUMENT] ...
       banger-vsock-agent confine --check
       banger-vsock-agent netguard --listen PATH|--vsock PATH [--resolver ADDRESS] [--deny NETWORK] ... -- PASST [ARGUMENT] ...
       banger-vsock-agent tsc
       banger-vsock-agent serve --unix PATH [--root FOLDER] [--tap PATH]
       banger-vsock-agent --version";

pub fn run(arguments: &[String]) -> ExitCode {
    let (command, rest) = arguments.split_first().map_or(("", arguments), |(first, rest)| (first.as_str(), rest));
    let result = match command {
        "confine" => confine::run(rest),
        "netguard" => netguard::run(rest),
        "tsc" => tsc::run(),
        "serve" => serve::run(rest),
        "--version" => {
            println!("banger-vsock-agent {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        _ => Err(USAGE.to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(125)
        }
    }
}
