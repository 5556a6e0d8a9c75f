//! `exec`: runs a program with pipes, with a terminal, or detached with a log.

mod detach;
mod end_of_input;
mod termination;
mod output;
pub mod program;
mod pump;
mod request;
mod replay;
pub mod resumable;
mod stdio;
mod terminal_name;
mod token;
mod user_session;

use crate::guest::Guest;
use crate::session::Stream;
use crate::sys::process::Ended;
use crate::sys::signal;
use crate::wire::json::{self, Answer, Object, Refusal};
use pump::{Progress, Pump};
use request::Request;
use serde_json::{json, Value};
use std::sync::Arc;
use stdio::Stdio;
use token::Token;
pub use user_session::Attempts;


pub fn run(stream: &Arc<Stream>, request: &Object, guest: &Guest) -> Answer<()> {
    let request = Request::parse(request)?;
    let plan = program::plan(&request, guest)?;
    if let Some(log) = &request.detach {
        return detach::run(stream, &plan, log);
    }
    let (stdio, child_ends) = Stdio::open(request.tty)?;
    child_ends.chown_to(plan.ids.as_ref());
    let pid = plan.start(child_ends.fds(), request.tty.is_some())?;
    let entry = guest.running.add(pid, stream);
    drop(child_ends);
    let ticket = request.resumable.and_then(|token| guest.resumable.admit(token, stream));
    let mut reply = json!({ "pid": pid });
    if ticket.is_some() {
        reply["resumable"] = Value::Bool(true);
    }
    stream.reply(reply);
    serve(Pump::new(stream, stdio, entry, ticket)?, guest)
}

/// Resumes a program whose connection was lost.
pub fn resume(stream: &Arc<Stream>, request: &Object, guest: &Guest) -> Answer<()> {
    let token = Token::parse(request, "token")?.ok_or_else(|| Refusal::bad("token is missing"))?;
    let offset = |name| json::required_number(request, name, u64::MAX);
    let progress = Progress { stdout: offset("stdout")?, stderr: offset("stderr")? };
    let mut pump = guest.resumable.take(token, stream, |pump| pump.can_resume(progress))?;
    pump.resume(stream, progress)?;
    serve(pump, guest)
}

/// Runs until the program is over or another stream has taken it over.
fn serve(pump: Pump, guest: &Guest) -> Answer<()> {
    let mut next = pump.run()?;
    while let Some(pump) = next {
        let Some(mut left) = guest.resumable.park(pump) else { return Ok(()) };
        left.give_up();
        next = left.run()?;
    }
    Ok(())
}

/// The EVENT that reports how a program ended.
fn exit_event(ended: Ended) -> Value {
    match ended {
        Ended::Exit(code) => json!({ "event": "exit", "code": code }),
        Ended::Signal { number, core_dumped } => {
            let name = signal::name_of(number);
            json!({ "event": "exit", "signal": name, "number": number, "coreDumped": core_dumped })
        }
    }
}

#[cfg(test)]
mod tests;
