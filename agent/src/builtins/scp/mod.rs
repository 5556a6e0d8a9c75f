//! The remote side of the old scp protocol, which `scp -O` speaks and OpenSSH documents only by its scp.c. The side that has files (source,
//! `-f`) sends lines and contents; the side that takes them (sink, `-t`) replies to each with a byte.

mod options;
mod peer;
mod sink;
mod source;

use options::{Mode, Options};
use peer::Peer;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::ExitCode;

const USAGE: &str = "usage: scp [-pqrv] -f FILE ...\n       scp [-dpqrv] -t FILE";

/// Status 1: something was not copied.
pub fn run(arguments: Vec<OsString>, input: impl Read, output: impl Write) -> ExitCode {
    let Some(options) = Options::parse(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let mut peer = Peer::new(input, output);
    let done = match options.mode {
        Mode::Source => source::send(&mut peer, &options),
        Mode::Sink => sink::take(&mut peer, &options),
    };
    match done {
        Ok(()) if peer.is_complete() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("scp: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests;
