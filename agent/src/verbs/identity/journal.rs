//! A journald that stands still until somebody says something.
//!
//! journald files what it is told under the numbers of the machine and of the boot that it read when it started. So the one of a
//! machine that is to be copied is stopped: a copy's first message, which waits at its sockets meanwhile, is met by one that
//! starts then and reads the copy's numbers. Where nobody says anything none starts; an emulated machine takes longer for that
//! than for most commands.

use crate::sys::poll::{Waiting, READ};
use crate::sys::{process, signal};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

/// systemd starts another at once, thinks nothing of how this one ended, and does not expect to hear from it.
const SETTINGS: &str =
    "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=0\nSuccessExitStatus=SIGKILL\nWatchdogSec=0\n";
const SETTINGS_FILE: &str = "/run/systemd/system/systemd-journald.service.d/50-banger.conf";

/// What ended a wait.
#[derive(Debug, PartialEq)]
pub enum Wake {
    Message,
    /// somebody else saw to it
    Ended,
    TimedOut,
}

pub struct PausedJournald {
    process: OwnedFd,
    /// copies of what it reads from
    inputs: Vec<OwnedFd>,
}

/// Before systemd runs, in a machine whose journald is to be paused.
pub fn prepare() -> io::Result<()> {
    super::files::replace(Path::new(SETTINGS_FILE), SETTINGS.as_bytes(), 0o644)
}

/// Stops journald, in a machine that was prepared for it. What it has not read yet will wake it at once. On failure it runs on.
pub fn pause() -> io::Result<PausedJournald> {
    fs::metadata(SETTINGS_FILE)?;
    let pid = find_journald()?;
    let process = process::pidfd(pid)?;
    signal::kill_by(&process, libc::SIGSTOP)?;
    // it may be taking on another speaker until it really stands
    match wait_until_stopped(pid).and_then(|()| inputs_of(pid, &process)) {
        Ok(inputs) if !inputs.is_empty() => Ok(PausedJournald { process, inputs }),
        other => {
            signal::kill_by(&process, libc::SIGCONT)?;
            Err(other.err().unwrap_or(io::ErrorKind::NotFound.into()))
        }
    }
}

/// Comes back within microseconds on a machine that is not stuck: nobody is told when a process that is not his child stops.
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
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<Wake> {
        let mut waiting = Waiting::default();
        let end = waiting.add(self.process.as_raw_fd(), READ);
        for input in &self.inputs {
            waiting.add(input.as_raw_fd(), READ);
        }
        Ok(match waiting.wait(timeout)? {
            false => Wake::TimedOut,
            true if waiting.is_ready(end) => Wake::Ended,
            true => Wake::Message,
        })
    }

    /// For another to take its place.
    pub fn end(&self) -> io::Result<()> {
        signal::kill_by(&self.process, libc::SIGKILL)
    }
}

/// The machine's own; there may be others, of journal namespaces, and then it is not told from them.
fn find_journald() -> io::Result<i32> {
    let mut found = process::all().filter(|pid| {
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program.ends_with("systemd-journald"))
    });
    match (found.next(), found.next()) {
        (Some(pid), None) => Ok(pid),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Its sockets and the kernel's messages. Not what it waits for beside: timers, and the hostname, which every copy changes.
fn inputs_of(pid: i32, process: &OwnedFd) -> io::Result<Vec<OwnedFd>> {
    let mut inputs = Vec::new();
    for item in fs::read_dir(format!("/proc/{pid}/fd"))?.flatten() {
        // closed meanwhile
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

    /// A process that has one socket, in journald's place; and the socket's other end.
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
    fn what_is_said_wakes_it_and_so_does_its_end() {
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
