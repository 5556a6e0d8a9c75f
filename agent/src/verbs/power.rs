//! `poweroff`: the init is asked; where we are the init, the other half does it.

use super::{bad, io_refused, text, Refused};
use crate::stream::Stream;
use crate::sys::power::{end_machine, Power};
use crate::sys::signal;
use crate::world::World;
use serde_json::{json, Value};
use std::sync::Arc;

pub fn poweroff(world: &Arc<World>, stream: &Arc<Stream>, request: &Value) -> Result<(), Refused> {
    if !world.is_guest {
        return Err(("unsupported", "this is no guest".into()));
    }
    let power = match text(request, "mode")?.unwrap_or("poweroff") {
        "poweroff" => Power::Off,
        "reboot" => Power::Reboot,
        other => return Err(bad(format!("mode {other:?}"))),
    };
    let at_once = request["force"].as_bool().unwrap_or(false) || !world.is_up();
    if !at_once {
        signal::kill(1, asking(power)).map_err(|error| io_refused("asking the init", &error))?;
    }
    stream.accept(json!({}));
    stream.close();
    if at_once {
        end_machine(power);
    }
    Ok(())
}

/// systemd(1), SIGNALS; our own init understands the same.
fn asking(power: Power) -> i32 {
    match power {
        Power::Off => signal::SIGRTMIN + 4,
        Power::Reboot => signal::SIGRTMIN + 5,
    }
}
