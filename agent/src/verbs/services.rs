//! `services`: waits until the init has finished starting, and reports which units failed.

use crate::guest::Guest;
use crate::programs::{self, PATH};
use crate::session::Stream;
use crate::sys::poll::{self, PollSet};
use crate::sys::{process, signal};
use crate::wire::json::{Answer, Refusal};
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::Path;

const MANAGER: &str = "/run/systemd/private";
const MAX_FAILED: usize = 200;
/// Bytes of their names in JSON, so that the reply fits in one frame.
const MAX_NAMES: usize = 24 * 1024;
const MAX_TEXT: usize = 64 * 1024;

pub fn run(stream: &Stream, guest: &Guest) -> Answer<()> {
    if guest.init != "systemd" || !guest.is_vm() {
        stream.reply(json!({ "state": "none", "failed": [] }));
        return Ok(());
    }
    wait_for_manager(stream)?;
    let state = systemctl(stream, &["is-system-running", "--wait"])?;
    let failed = match state.trim() {
        "running" => Vec::new(),
        "degraded" => failed_units(&systemctl(stream, &["list-units", "--state=failed", "--plain", "--no-legend", "--full"])?),
        other => return Err(Refusal::new("io", format!("systemd is {other:?}"))),
    };
    stream.reply(json!({ "state": state.trim(), "failed": failed }));
    Ok(())
}

/// Waits for systemd's socket; systemd accepts requests as soon as it exists.
fn wait_for_manager(stream: &Stream) -> Answer<()> {
    let failed = |error: std::io::Error| Refusal::io("/run/systemd", &error);
    if Path::new(MANAGER).exists() {
        return Ok(());
    }
    let mut names = poll::watch_folder("/run/systemd").map_err(failed)?;
    let event_fd = stream.event_fd()?;
    while !Path::new(MANAGER).exists() {
        if stream.is_over() {
            return Err(cancelled());
        }
        let mut poll_set = PollSet::default();
        let name = poll_set.add(names.as_raw_fd(), poll::READ);
        poll_set.add(event_fd.fd(), poll::READ);
        poll_set.wait(None).map_err(failed)?;
        event_fd.drain();
        if poll_set.is_ready(name) {
            let _ = names.read(&mut [0; 4096]);
        }
    }
    Ok(())
}

fn cancelled() -> Refusal {
    Refusal::new("timeout", "the host closed the stream")
}

/// Runs systemctl until it ends or the host closes the stream. Returns its stdout, which says more than its exit status.
fn systemctl(stream: &Stream, arguments: &[&str]) -> Answer<String> {
    let failed = |error: std::io::Error| Refusal::io("systemctl", &error);
    let (mut output, theirs) = poll::pipe().map_err(failed)?;
    let null = File::options().read(true).write(true).open("/dev/null").map_err(failed)?;
    let argv: Vec<String> = ["systemctl"].iter().chain(arguments).map(|word| word.to_string()).collect();
    let env = programs::c_texts([format!("PATH={PATH}").as_str(), "LANG=C.UTF-8", "SYSTEMD_COLORS=0"]).map_err(failed)?;
    let stdio = [null.as_raw_fd(), theirs.as_raw_fd(), null.as_raw_fd()];
    let pid = programs::start(&argv, &env, stdio, None).map_err(failed)?;
    drop(theirs);
    let result = read_unless_over(stream, &mut output);
    if result.is_err() {
        let _ = signal::kill(pid, libc::SIGKILL);
    }
    let _ = process::wait_for(pid);
    result
}

fn read_unless_over(stream: &Stream, output: &mut File) -> Answer<String> {
    let failed = |error: std::io::Error| Refusal::io("systemctl", &error);
    let event_fd = stream.event_fd()?;
    let mut text = Vec::new();
    while text.len() < MAX_TEXT {
        event_fd.drain();
        if stream.is_over() {
            return Err(cancelled());
        }
        let mut poll_set = PollSet::default();
        let more = poll_set.add(output.as_raw_fd(), poll::READ);
        poll_set.add(event_fd.fd(), poll::READ);
        poll_set.wait(None).map_err(failed)?;
        if poll_set.is_ready(more) && output.take(4096).read_to_end(&mut text).map_err(failed)? == 0 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The first word of each line, without the bullet before it.
fn failed_units(list: &str) -> Vec<String> {
    let unit = |line: &str| line.trim_start_matches(['●', '*', ' ']).split_whitespace().next().map(String::from);
    let mut left = MAX_NAMES;
    let fits = |name: &String| {
        let length = json!(name).to_string().len() + 1;
        let fits = length <= left;
        left -= length.min(left);
        fits
    };
    list.lines().filter_map(unit).take(MAX_FAILED).take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::failed_units;
    use crate::wire::frame::MAX_PAYLOAD;
    use serde_json::json;

    #[test]
    fn at_most_200_failed_units_are_reported() {
        let list = |count: usize| (0..count).map(|at| format!("u{at}.service loaded failed failed U\n")).collect::<String>();
        let reported = |count| failed_units(&list(count)).len();
        assert_eq!((reported(200), reported(201)), (200, 200));
    }

    #[test]
    fn failed_units_with_long_names_fit_into_one_frame() {
        // the longest name that systemd allows, of characters that JSON has to escape
        let list = format!("{} loaded failed failed U\n", "\\".repeat(255)).repeat(200);
        let reported = failed_units(&list);
        assert!((40..200).contains(&reported.len()), "{}", reported.len());
        assert!(json!({ "state": "degraded", "failed": reported, "ok": true }).to_string().len() < MAX_PAYLOAD);
    }

    #[test]
    fn the_unit_is_the_first_word_of_its_line() {
        let list = "● a.service loaded failed failed A thing\n  b.mount loaded failed failed B\n\n";
        assert_eq!(failed_units(list), ["a.service", "b.mount"]);
    }
}
