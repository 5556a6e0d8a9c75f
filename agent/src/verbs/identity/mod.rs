//! `identity`: who this machine is. Everything is checked before anything is changed; then one pass.

mod certificates;
mod environment;
mod files;
mod keys;
mod names;
mod network;
mod request;

use crate::guest::{Guest, Phase};
use crate::session::{lock, Stream};
use crate::sys::device;
use crate::wire::json::{Answer, Object, Refusal};
use request::Request;
use serde_json::json;
use std::io;
use std::path::Path;
use std::sync::Mutex;

/// One at a time.
static TURN: Mutex<()> = Mutex::new(());

pub fn run(stream: &Stream, request: &Object, guest: &Guest) -> Answer<()> {
    let request = Request::parse(request)?;
    let Some(root) = guest.root() else {
        return Err(Refusal::new("unsupported", "this machine is not banger's"));
    };
    let turn = lock(&TURN);
    if request.generation < guest.generation() {
        return Err(Refusal::bad("a generation that is over"));
    }
    apply(&request, root, guest)?;
    guest.set_generation(request.generation);
    stream.reply(json!({}));
    if guest.phase() == Phase::Boot {
        stream.flush();
        guest.hand_over();
    }
    drop(turn);
    Ok(())
}

/// The host did not say who this machine is: anything will do, so that it comes up.
pub fn throw_away(guest: &Guest) {
    let _turn = lock(&TURN);
    if guest.phase() != Phase::Boot {
        return;
    }
    let machine_id = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default().replace(['-', '\n'], "");
    let hostname = Some("banger".to_string());
    let request = Request { hostname, machine_id: Some(machine_id), ..Request::default() };
    if let Err(refusal) = apply(&request, Path::new("/"), guest) {
        crate::console::say(&format!("no identity: {}", refusal.message));
    }
    guest.hand_over();
}

fn apply(request: &Request, root: &Path, guest: &Guest) -> Answer<()> {
    if guest.is_vm() {
        if let Some(entropy) = &request.entropy {
            done("entropy", device::add_entropy(entropy))?;
        }
        if let Some((seconds, nanos)) = request.clock {
            done("clock", device::set_clock(seconds, nanos))?;
        }
        if let Some(hostname) = &request.hostname {
            done("hostname", device::set_hostname(hostname))?;
        }
        if let Some(network) = &request.network {
            done("network", network::configure(network))?;
        }
    }
    if let Some(hostname) = &request.hostname {
        done("hostname", names::write_hostname(root, hostname))?;
    }
    if let Some(id) = &request.machine_id {
        done("machine-id", files::replace(&root.join("etc/machine-id"), format!("{id}\n").as_bytes(), 0o444))?;
    }
    if let Some(lines) = &request.authorized_keys {
        done("authorized keys", keys::authorize(root, lines))?;
    }
    done("host keys", keys::write_host_keys(root, &request.host_keys))?;
    if let Some(network) = &request.network {
        done("resolv.conf", network::write_resolver(root, network))?;
    }
    if let Some(environment) = &request.environment {
        done("environment", environment::write(root, environment))?;
        guest.set_environment(environment.clone());
    }
    if let Some(session) = &request.session {
        // as container engines do: a folder that can't be made is told by the first exec
        if let Some(workdir) = &session.workdir {
            let _ = std::fs::create_dir_all(root.join(workdir.trim_start_matches('/')));
        }
        guest.set_session(session.clone());
    }
    done("certificates", certificates::trust(root, &request.certificates))
}

fn done(what: &str, result: io::Result<()>) -> Answer<()> {
    result.map_err(|error| Refusal::io(what, &error))
}
