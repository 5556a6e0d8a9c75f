//! An SFTP server, version 3: draft-ietf-secsh-filexfer-02, with extensions of OpenSSH's sftp-server (its PROTOCOL, section 4).
//!
//! It has the rights of its process and nothing else, so it checks no paths. What it bounds is memory: the size of a packet, the number of
//! handles, and the replies that wait to be written. A client that breaks the protocol ends the server.

mod attributes;
mod extensions;
mod files;
mod folders;
mod handles;
mod input;
mod listing;
mod paths;
mod replies;
mod server;
mod wire;

use input::Input;
use server::Server;
use std::io::{Read, Write};
use std::process::ExitCode;

/// Serves until the client ends its input. Status 1: the client broke the protocol, or went away.
pub fn serve(input: impl Read, output: impl Write) -> ExitCode {
    match Server::new(output).run(&mut Input::new(input)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sftp: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod client;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;
