//! `banger-vsock-agent`: in a guest, init of the initramfs and the host's door; on the host, the cage of a VMM.

mod confine;
mod frame;
mod guest_files;
mod init;
mod line;
mod session;
mod stream;
mod sys;
mod tsc;
mod users;
mod verbs;
mod world;

use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

const USAGE: &str = "usage: banger-vsock-agent confine|tsc|serve|--version";

fn main() -> ExitCode {
    if std::process::id() == 1 {
        init::run();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = arguments.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let outcome = match command {
        "confine" if rest == ["--check"] => say(&format!("{{\"landlock\":{}}}", sys::landlock::abi())),
        "confine" => confine::parse(rest).map_err(|why| format!("{why}\n{}", confine::USAGE)).and_then(|request| Err(confine::run(&request))),
        "tsc" => tsc::measure().and_then(|rate| say(&rate.to_string())),
        "serve" => serve(rest),
        "--version" => say(&format!("banger-vsock-agent {}", env!("CARGO_PKG_VERSION"))),
        _ => Err(USAGE.to_string()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("banger-vsock-agent: {why}");
            ExitCode::from(127)
        }
    }
}

fn say(text: &str) -> Result<(), String> {
    println!("{text}");
    Ok(())
}

/// `serve --unix PATH [--root DIR]`: sessions on a unix socket of the host, for tests of the other side.
fn serve(arguments: &[String]) -> Result<(), String> {
    let value = |name: &str| arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1)).cloned();
    let path = value("--unix").ok_or("usage: banger-vsock-agent serve --unix PATH [--root DIR]")?;
    let root = PathBuf::from(value("--root").unwrap_or_else(|| "/".to_string()));
    let listener = UnixListener::bind(&path).map_err(|error| format!("{path}: {error}"))?;
    sys::signal::block(&[libc::SIGIO]);
    let world = Arc::new(world::World::new(root, "none".to_string(), None));
    for stream in listener.incoming().flatten() {
        let world = world.clone();
        std::thread::spawn(move || {
            let line: Arc<dyn line::Line> = Arc::new(line::Socket::new(stream));
            session::serve_line(&world, &line);
        });
    }
    Ok(())
}
