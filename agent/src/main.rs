//! banger's guest agent: `/init` of a guest's initramfs and the server in the guest. On the host the same program is a few helpers.

mod builtins;
mod console;
mod guest;
mod host;
mod init;
mod listeners;
mod names;
mod programs;
mod running;
mod session;
mod sys;
mod systemd;
mod tap;
mod tar;
#[cfg(test)]
mod testing;
mod users;
mod verbs;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    session::panic_handler::install();
    // `--version` can run as PID 1 too, in a container
    let asks_version = std::env::args_os().nth(1).is_some_and(|argument| argument == "--version");
    if std::process::id() == 1 && !asks_version {
        init::run();
    }
    let mut words = std::env::args_os().skip(1);
    let name = words.next().and_then(|name| name.into_string().ok()).unwrap_or_default();
    if let Some(ended) = builtins::run(&name, words.collect()) {
        return ended;
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
