//! `exec`: a program, with pipes or a terminal, or on its own with a log.

mod detach;
mod end_of_input;
mod ending;
pub mod program;
mod pump;
mod request;
mod stdio;
mod terminal_name;

use crate::guest::Guest;
use crate::session::Stream;
use crate::sys::process::Ended;
use crate::sys::signal;
use crate::wire::json::{Answer, Object};
use request::Request;
use serde_json::{json, Value};
use stdio::Stdio;

pub fn run(stream: &Stream, request: &Object, guest: &Guest) -> Answer<()> {
    let request = Request::parse(request)?;
    let plan = program::plan(&request, guest)?;
    if let Some(log) = &request.detach {
        return detach::run(stream, &plan, log);
    }
    let (stdio, theirs) = Stdio::open(request.tty)?;
    theirs.give_to(plan.ids.as_ref());
    let pid = plan.start(theirs.fds(), request.tty.is_some())?;
    let entry = guest.running.add(pid, stream);
    drop(theirs);
    stream.reply(json!({ "pid": pid }));
    pump::Pump::new(stream, stdio, entry)?.run()
}

/// The EVENT that tells how a program ended.
fn exit_event(ended: Ended) -> Value {
    match ended {
        Ended::Exit(code) => json!({ "event": "exit", "code": code }),
        Ended::Signal { number, core_dumped } => {
            let name = signal::name_of(number);
            json!({ "event": "exit", "signal": name, "number": number, "coreDumped": core_dumped })
        }
    }
}
