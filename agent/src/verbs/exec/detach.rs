//! A detached program: no stdin, output to a log; it outlives its connection.

use super::program::Plan;
use crate::session::Stream;
use crate::sys::{open, process};
use crate::wire::json::{Answer, Refusal};
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;

pub fn run(stream: &Stream, plan: &Plan, log: &Path) -> Answer<()> {
    let log = open_log(plan, log).map_err(|error| Refusal::io(&log.to_string_lossy(), &error))?;
    let nothing = File::open("/dev/null").map_err(|error| Refusal::io("/dev/null", &error))?;
    let pid = plan.start([nothing.as_raw_fd(), log.as_raw_fd(), log.as_raw_fd()], false)?;
    stream.reply(json!({ "pid": pid }));
    let _ = thread::Builder::new().stack_size(64 * 1024).spawn(move || process::wait_for(pid));
    Ok(())
}

/// Opens the log for appending. A new file belongs to the user.
fn open_log(plan: &Plan, path: &Path) -> std::io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let is_new = !path.exists();
    let file = OpenOptions::new().append(true).create(true).mode(0o644).open(path)?;
    if let (true, Some(ids)) = (is_new, &plan.ids) {
        open::set_owner_of(file.as_raw_fd(), ids.uid, ids.gid)?;
    }
    Ok(file)
}
