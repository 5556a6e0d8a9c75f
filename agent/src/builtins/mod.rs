//! Programs that the agent itself is, for images that do not have them. `exec` starts them with the rights of a guest's user, each in a
//! process of its own.

mod scp;
mod sftp;

use crate::sys::process;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

/// Runs the program of this name until it ends; None if there is no such program.
pub fn run(name: &str, arguments: Vec<OsString>) -> Option<ExitCode> {
    match name {
        "sftp-server" => {
            process::set_name(c"banger-sftp");
            Some(with_stdio(|input, output| Ok(sftp::serve(input, output))))
        }
        "scp" => {
            process::set_name(c"banger-scp");
            Some(with_stdio(|input, output| Ok(scp::run(arguments, input, output))))
        }
        _ => None,
    }
}

/// Runs a program on stdin and stdout without the standard library's buffers.
fn with_stdio(program: impl FnOnce(File, File) -> io::Result<ExitCode>) -> ExitCode {
    let file = |fd: io::Result<OwnedFd>| fd.map(File::from);
    let input = file(io::stdin().as_fd().try_clone_to_owned());
    let output = file(io::stdout().as_fd().try_clone_to_owned());
    input.and_then(|input| program(input, output?)).unwrap_or_else(|error| {
        eprintln!("stdio: {error}");
        ExitCode::FAILURE
    })
}
