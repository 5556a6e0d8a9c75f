//! A journald that is stopped (SIGSTOP) until a message arrives for it.
//!
//! journald writes entries under the machine-id and boot id that it read when it started. So in a VM that will be copied it is stopped.
//! In a copy, the first message waits in its sockets until it has been replaced by a new journald, which reads the copy's ids. Without
//! a message none is started: under emulation that takes longer than most commands.

use crate::sys::poll::{PollSet, READ};
use crate::sys::{process, signal};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

/// systemd starts another journald at once, does not count the end of this one as a failure, and expects no watchdog messages.
const SETTINGS: &str =
    "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=0\nSuccessExitStatus=SIGKILL\nWatchdogSec=0\n";
const SETTINGS_FILE: &str = "/run/systemd/system/systemd-journald.service.d/50-banger.conf";

/// What ended a wait.
#[derive(Debug, PartialEq)]
pub enum Wake {
    Message,
    /// journald ended
    Ended,
    TimedOut,
}

/// A journald that is stopped.
pub struct PausedJournald {
    process: OwnedFd,
    /// copies of the descriptors that it reads from
    inputs: Vec<OwnedFd>,
}

/// In a template, before systemd runs.
pub fn prepare() -> io::Result<()> {
    super::files::replace(Path::new(SETTINGS_FILE), SETTINGS.as_bytes(), 0o644)
}

/// Stops journald in a VM that was prepared for it. Messages that it has not read yet end the first `wait` at once. On failure journald
/// keeps running.
pub fn pause() -> io::Result<PausedJournald> {
    fs::metadata(SETTINGS_FILE)?;
    let pid = find_journald()?;
    let process = process::pidfd(pid)?;
    signal::kill_by(&process, libc::SIGSTOP)?;
    // until it has really stopped, it can still accept connections
    match wait_until_stopped(pid).and_then(|()| inputs_of(pid, &process)) {
        Ok(inputs) if !inputs.is_empty() => Ok(PausedJournald { process, inputs }),
        other => {
            signal::kill_by(&process, libc::SIGCONT)?;
            Err(other.err().unwrap_or(io::ErrorKind::NotFound.into()))
        }
    }
}

/// Polls, because the kernel reports a stop only to the parent. It normally takes microseconds.
fn wait_until_stopped(pid: i32) -> io::Result<()> {
    for _ in 0..1000 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        if stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(io::ErrorKind::TimedOut.into())
}

impl PausedJournald {
    /// Waits until a message arrives for journald, or it ends.
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<Wake> {
        let mut poll_set = PollSet::default();
        let end = poll_set.add(self.process.as_raw_fd(), READ);
        for input in &self.inputs {
            poll_set.add(input.as_raw_fd(), READ);
        }
        Ok(match poll_set.wait(timeout)? {
            false => Wake::TimedOut,
            true if poll_set.is_ready(end) => Wake::Ended,
            true => Wake::Message,
        })
    }

    /// Kills it, so that systemd starts another.
    pub fn end(&self) -> io::Result<()> {
        signal::kill_by(&self.process, libc::SIGKILL)
    }
}

/// The pid of the system's journald. Fails if there are several (journal namespaces), because they can't be told apart.
fn find_journald() -> io::Result<i32> {
    let mut found = process::all().filter(|pid| {
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program.ends_with("systemd-journald"))
    });
    match (found.next(), found.next()) {
        (Some(pid), None) => Ok(pid),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Its sockets and the kernel's messages, without the other descriptors that it polls: timers, and the hostname, which changes in
/// every copy.
fn inputs_of(pid: i32, process: &OwnedFd) -> io::Result<Vec<OwnedFd>> {
    let mut inputs = Vec::new();
    for item in fs::read_dir(format!("/proc/{pid}/fd"))?.flatten() {
        // it may have been closed meanwhile
        let Ok(target) = fs::read_link(item.path()) else { continue };
        let name = target.to_string_lossy();
        let Some(number) = item.file_name().to_str().and_then(|text| text.parse::<RawFd>().ok()) else { continue };
        if !name.starts_with("socket:") && name != "/dev/kmsg" {
            continue;
        }
        let input = process::descriptor_of(process, number)?;
        if process::may_read(&input) {
            inputs.push(input);
        }
    }
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::process::{Child, Command, Stdio};

    /// A process with one socket, as a substitute for journald, and the other end of the socket.
    fn listener() -> (Child, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut command = Command::new("sleep");
        command.arg("1000").stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
        (command.spawn().unwrap(), ours)
    }

    fn paused(child: &Child) -> PausedJournald {
        let process = process::pidfd(child.id() as i32).unwrap();
        let inputs = inputs_of(child.id() as i32, &process).unwrap();
        PausedJournald { process, inputs }
    }

    #[test]
    fn a_message_ends_the_wait_and_so_does_the_end_of_journald() {
        let (mut child, mut speaker) = listener();
        let paused = paused(&child);
        let moment = Some(Duration::from_millis(1));
        assert_eq!(paused.inputs.len(), 1);
        assert_eq!(paused.wait(moment).unwrap(), Wake::TimedOut);
        speaker.write_all(b"something").unwrap();
        assert_eq!(paused.wait(None).unwrap(), Wake::Message);
        paused.end().unwrap();
        child.wait().unwrap();
        assert_eq!(paused.wait(None).unwrap(), Wake::Ended);
        assert!(paused.end().is_err());
    }
}
