//! `identity`: makes this guest a particular VM. The whole request is checked before anything is changed, then applied in one pass
//! with system calls only. Work that is slow and that nobody waits for is deferred until after the REPLY.

mod deferred;
mod boot_id;
mod certificates;
mod environment;
mod files;
mod journal;
mod keys;
mod machine;
mod names;
mod network;
mod request;
mod apply;

use crate::guest::{Guest, Phase};
use crate::session::{lock, Stream};
use crate::wire::json::{Answer, Object, Refusal};
use deferred::Deferred;
use request::Request;
use serde_json::json;
use std::io;
use std::path::Path;
use std::sync::Arc;
use apply::Apply;
pub use files::private_folder;

/// The identity in force, so that what stays the same costs nothing. Its lock serializes identities.
#[derive(Default)]
pub struct Applied {
    interface: network::Interface,
    /// None: no identity has set it, and files of the image may contain variables
    environment: Option<environment::Variables>,
    certificates: Vec<String>,
    boot_id: boot_id::BootId,
    deferred: Deferred,
    /// Some after `prepare_copies`, also in the copies: journald is stopped
    journal: Option<Arc<journal::PausedJournald>>,
}

pub fn run(stream: &Stream, request: &Object, guest: &Guest) -> Answer<()> {
    let request = Request::parse(request)?;
    let Some(root) = guest.root() else {
        return Err(Refusal::new("unsupported", "this guest accepts no identity"));
    };
    let mut applied = lock(&guest.identity);
    if request.generation < guest.generation() {
        return Err(Refusal::bad("the generation is lower than the current one"));
    }
    let apply = Apply::new(&request, guest, root, &mut applied);
    let is_new = apply.is_new;
    let skipped = apply.run(stream.session)?;
    guest.set_generation(request.generation);
    if is_new {
        guest.set_template(request.template);
        guest.user_managers.forget();
    }
    guest.wait_until_prepared();
    stream.reply(if skipped.is_empty() { json!({}) } else { json!({ "skipped": skipped }) });
    if guest.phase() == Phase::Boot {
        stream.flush();
        guest.hand_over();
    }
    drop(applied);
    if is_new && guest.is_vm() {
        stream.finish(Ok(()));
        deferred::run(guest, request.generation);
    }
    Ok(())
}

/// Writes a new random seed for the next boot.
pub fn renew_seed(guest: &Guest) -> io::Result<()> {
    guest.root().map_or(Ok(()), machine::renew_seed)
}

/// Removes what a copy could not keep: IPv6 addresses, and a running journald. A copy gets both back after its first identity.
pub fn prepare_copies(guest: &Guest) {
    let mut applied = lock(&guest.identity);
    if let Err(error) = applied.interface.disable_ipv6() {
        crate::console::log(&format!("IPv6: {error}"));
    }
    match (guest.init == "systemd").then(journal::pause) {
        Some(Ok(paused)) => applied.journal = Some(Arc::new(paused)),
        Some(Err(error)) => crate::console::log(&format!("journald cannot be stopped: {error}")),
        None => {}
    }
}

/// Applies a temporary identity if the host has sent none, so that the guest starts anyway.
pub fn apply_fallback(guest: &Guest) {
    let mut applied = lock(&guest.identity);
    if guest.phase() != Phase::Boot {
        return;
    }
    let machine_id = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default().replace(['-', '\n'], "");
    let hostname = Some("banger".to_string());
    let request = Request { hostname, machine_id: Some(machine_id), ..Request::default() };
    match Apply::new(&request, guest, Path::new("/"), &mut applied).run(0) {
        Ok(skipped) => skipped.iter().for_each(|what| crate::console::log(&format!("temporary identity: {what}"))),
        Err(refusal) => crate::console::log(&format!("temporary identity: {}", refusal.message)),
    }
    guest.hand_over();
}
