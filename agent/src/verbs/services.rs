//! `services`: answers when the image's init has finished starting.

use super::Refused;
use crate::stream::Stream;
use crate::sys::poll;
use crate::world::World;
use serde_json::{json, Value};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// made by systemd once its manager takes calls
const PRIVATE_SOCKET: &str = "/run/systemd/private";

pub fn services(world: &Arc<World>, stream: &Arc<Stream>, _: &Value) -> Result<(), Refused> {
    if world.init != "systemd" {
        stream.accept(json!({ "state": "none", "failed": [] }));
        stream.close();
        return Ok(());
    }
    await_path("/run/systemd", "/run");
    await_path(PRIVATE_SOCKET, "/run/systemd");
    let state = said(&["is-system-running", "--wait"]);
    let failed = if state == "degraded" { said(&["list-units", "--failed", "--plain", "--no-legend"]) } else { String::new() };
    let names: Vec<&str> = failed.lines().filter_map(|line| line.split_whitespace().next()).take(50).collect();
    stream.accept(json!({ "state": state, "failed": names }));
    stream.close();
    Ok(())
}

fn said(arguments: &[&str]) -> String {
    let mut command = Command::new("/usr/bin/systemctl");
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_string()
}

/// Waits until `path`, a name in `folder`, is there.
fn await_path(path: &str, folder: &str) {
    let Ok(watch) = poll::watch_folder(folder) else { return };
    while !Path::new(path).exists() {
        // the limit covers what a mount over the folder hides
        let _ = poll::readable(watch.as_raw_fd(), 1000);
        if poll::readable(watch.as_raw_fd(), 0).unwrap_or(false) {
            poll::drain(&watch);
        }
    }
}
