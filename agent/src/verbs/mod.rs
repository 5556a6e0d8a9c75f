//! The verbs, one file each. Each runs on a thread of its own and ends with its stream.

pub mod dial;
pub mod exec;
pub mod get;
pub mod identity;
pub mod output;
pub mod ports;
pub mod power;
pub mod put;
pub mod services;
pub mod stats;
pub mod tar_header;
pub mod unpack;

use crate::stream::Stream;
use crate::world::World;
use serde_json::Value;
use std::sync::Arc;

/// A refusal: a code of the protocol, and a sentence.
pub type Refused = (&'static str, String);
pub type Verb = fn(&Arc<World>, &Arc<Stream>, &Value) -> Result<(), Refused>;

/// Runs the verb that `request` names; in phase `boot` only what needs no user space.
pub fn start(world: &Arc<World>, stream: &Arc<Stream>, request: Value) {
    let name = request["verb"].as_str().unwrap_or_default().to_string();
    let Some(verb) = find(&name) else {
        return stream.refuse("unsupported", &format!("there is no verb {name:?}"));
    };
    if !world.is_up() && !matches!(name.as_str(), "identity" | "poweroff") {
        return stream.refuse("busy", "the guest is still booting");
    }
    let (world, stream) = (world.clone(), stream.clone());
    let for_error = stream.clone();
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(move || {
        if let Err((code, message)) = verb(&world, &stream, &request) {
            stream.refuse(code, &message);
        }
    });
    if let Err(error) = thread {
        for_error.refuse("limit", &error.to_string());
    }
}

fn find(name: &str) -> Option<Verb> {
    Some(match name {
        "exec" => exec::exec,
        "put" => put::put,
        "get" => get::get,
        "dial" => dial::dial,
        "ports" => ports::ports,
        "identity" => identity::identity,
        "grow" => stats::grow,
        "stats" => stats::stats,
        "services" => services::services,
        "poweroff" => power::poweroff,
        _ => return None,
    })
}

pub fn bad(message: impl Into<String>) -> Refused {
    ("bad_request", message.into())
}

pub fn io_refused(what: &str, error: &std::io::Error) -> Refused {
    ("io", format!("{what}: {}", crate::sys::errno_name(error)))
}

/// A string field; None when it is absent.
pub fn text<'a>(request: &'a Value, name: &str) -> Result<Option<&'a str>, Refused> {
    match &request[name] {
        Value::Null => Ok(None),
        Value::String(text) if !text.contains('\0') => Ok(Some(text)),
        _ => Err(bad(format!("{name} is no string"))),
    }
}

/// A field of strings; empty when it is absent.
pub fn texts<'a>(request: &'a Value, name: &str, max: usize) -> Result<Vec<&'a str>, Refused> {
    let items = match &request[name] {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) if items.len() <= max => items,
        _ => return Err(bad(format!("{name} is no list of at most {max} strings"))),
    };
    let strings = items.iter().map(|item| item.as_str().filter(|text| !text.contains('\0')));
    strings.collect::<Option<Vec<_>>>().ok_or_else(|| bad(format!("{name} holds something else than strings")))
}

/// A field of string values by string keys; empty when it is absent.
pub fn pairs<'a>(request: &'a Value, name: &str) -> Result<Vec<(&'a str, &'a str)>, Refused> {
    let map = match &request[name] {
        Value::Null => return Ok(Vec::new()),
        Value::Object(map) => map,
        _ => return Err(bad(format!("{name} is no object"))),
    };
    let valid = |key: &str, value: &str| !key.is_empty() && !key.contains(['=', '\0']) && !value.contains('\0');
    map.iter()
        .map(|(key, value)| value.as_str().filter(|value| valid(key, value)).map(|value| (key.as_str(), value)))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| bad(format!("{name} holds an invalid entry")))
}

pub fn number(request: &Value, name: &str, max: u64) -> Result<Option<u64>, Refused> {
    match &request[name] {
        Value::Null => Ok(None),
        value => value.as_u64().filter(|n| *n <= max).map(Some).ok_or_else(|| bad(format!("{name} is no number up to {max}"))),
    }
}
