//! The verbs that a host can request, one file each.

mod accept;
mod dial;
pub mod exec;
mod get;
mod grow;
pub mod identity;
mod listen;
mod ports;
pub mod poweroff;
mod put;
mod relay;
mod services;
mod settle;
mod stats;

use crate::guest::{Guest, Phase, Place};
use crate::session::Stream;
use crate::wire::json::{self, Answer, Object, Refusal};
use std::sync::Arc;

/// Runs one verb until it ends; called on a thread of its own.
pub fn run(stream: &Arc<Stream>, request: &Object, guest: &Guest) -> Answer<()> {
    let verb = json::required_text(request, "verb")?;
    if guest.phase() == Phase::Boot && !matches!(verb, "identity" | "poweroff") {
        return Err(Refusal::new("unsupported", format!("{verb} is not available before phase up")));
    }
    if guest.place == Place::Reader && !matches!(verb, "get" | "stats" | "poweroff") {
        return Err(Refusal::new("unsupported", format!("{verb} is not available in a VM that only reads a disk")));
    }
    match verb {
        "exec" => exec::run(stream, request, guest),
        "resume" => exec::resume(stream, request, guest),
        "put" => put::run(stream, request),
        "get" => get::run(stream, request),
        "dial" => dial::run(stream, request),
        "listen" => listen::run(stream, request, guest),
        "accept" => accept::run(stream, request, guest),
        "ports" => ports::run(stream, guest),
        "identity" => identity::run(stream, request, guest),
        "grow" => grow::run(stream, guest),
        "stats" => stats::run(stream),
        "services" => services::run(stream, guest),
        "settle" => settle::run(stream, request, guest),
        "poweroff" => poweroff::run(stream, request, guest),
        other => Err(Refusal::new("unsupported", format!("unknown verb {other:?}"))),
    }
}
