//! `settle`: flushes everything to the disks, so that the VM can be saved.

use crate::guest::Guest;
use crate::session::Stream;
use crate::sys::tcp::{self, State};
use crate::sys::{device, mount};
use crate::verbs::identity;
use crate::wire::json::{self, Answer, Object, Refusal};
use serde_json::json;

pub fn run(stream: &Stream, request: &Object, guest: &Guest) -> Answer<()> {
    let (trim, drop_caches) = (json::flag(request, "trim")?, json::flag(request, "dropCaches")?);
    let for_copies = json::flag(request, "forCopies")?;
    if !guest.is_vm() {
        return Err(Refusal::new("unsupported", "the agent is not running in a VM"));
    }
    // A used seed must not be saved with the disk. Besides, a copy's agent writes to the disk first of all: this write makes the
    // kernel prepare for that once, here, and not in every copy.
    let _ = identity::renew_seed(guest);
    mount::sync();
    if drop_caches {
        let dropped = std::fs::write("/proc/sys/vm/drop_caches", "1");
        dropped.map_err(|error| Refusal::io("dropping caches", &error))?;
    }
    let mut reply = json!({});
    if let (true, Some(data)) = (trim, &guest.data) {
        let trimmed = device::trim(&data.folder).map_err(|error| Refusal::io("trimming", &error))?;
        reply["trimmed"] = trimmed.into();
    }
    if for_copies {
        // the first question of this kind makes the kernel load modules, here and not in every copy
        let _ = tcp::each(State::Listen, |_| {});
        identity::prepare_copies(guest);
    }
    stream.reply(reply);
    Ok(())
}
