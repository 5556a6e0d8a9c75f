//! banger's agent: `/init` of a guest's initramfs and the door into the guest; on the host, a few helpers.

mod console;
mod guest;
mod host;
mod init;
mod programs;
mod running;
mod session;
mod sys;
mod systemd;
mod tar;
mod users;
mod verbs;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    session::mishap::install();
    if std::process::id() == 1 {
        init::run();
    }
    let arguments = std::env::args_os().skip(1).map(|argument| argument.into_string());
    match arguments.collect::<Result<Vec<String>, _>>() {
        Ok(arguments) => host::run(&arguments),
        Err(argument) => {
            eprintln!("an argument is not UTF-8: {argument:?}");
            ExitCode::from(2)
        }
    }
}
