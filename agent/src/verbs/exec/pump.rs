//! Between a running program and its stream: one thread that waits for everything at once.

use super::end_of_input::EndOfInput;
use super::ending::{groups, Ending};
use super::request::size;
use super::stdio::Stdio;
use super::exit_event;
use crate::running::Entry;
use crate::session::{Received, Stream};
use crate::sys::bell::Bell;
use crate::sys::poll::{self, Waiting};
use crate::sys::process::{self, Ended};
use crate::sys::{signal, tty};
use crate::wire::json::{Answer, Object, Refusal};
use serde_json::Value;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

const CHUNK: usize = 32 * 1024;
/// What a pipe may hold, in bytes, once a program has shown that it reads or writes much: fewer turns between it and us.
const WIDE: usize = 256 * 1024;
/// What a terminal can hold after its last writer is gone, and more.
const TERMINAL_REST: usize = 128 * 1024;

pub struct Pump<'a> {
    stream: &'a Stream,
    bell: &'a Bell,
    pid: i32,
    /// None: reaped
    entry: Option<Entry<'a>>,
    pidfd: OwnedFd,
    input: Option<File>,
    is_input_wide: bool,
    /// received, not yet written from this offset on
    pending: Option<(Vec<u8>, usize)>,
    outputs: Vec<Output>,
    terminal: Option<File>,
    /// of a terminal, whose input stays open
    at_end: Option<EndOfInput>,
    ended: Option<Ended>,
    ending: Option<Ending>,
    buffer: Vec<u8>,
}

struct Output {
    channel: usize,
    file: File,
    /// once the program has ended: what is still to be sent, in bytes
    left: usize,
    open: bool,
    wide: bool,
}

impl<'a> Pump<'a> {
    pub fn new(stream: &'a Stream, stdio: Stdio, entry: Entry<'a>) -> Answer<Pump<'a>> {
        let pid = entry.pid();
        let pidfd = process::pidfd(pid).map_err(|error| Refusal::io("pidfd", &error))?;
        let output = |(channel, file)| Output { channel, file, left: usize::MAX, open: true, wide: false };
        Ok(Pump {
            bell: stream.bell()?,
            stream,
            pid,
            entry: Some(entry),
            pidfd,
            input: Some(stdio.input),
            is_input_wide: false,
            pending: None,
            outputs: stdio.outputs.into_iter().map(output).collect(),
            terminal: stdio.terminal,
            at_end: None,
            ended: None,
            ending: None,
            buffer: vec![0; CHUNK],
        })
    }

    /// Until the program has ended and all it wrote before is sent.
    pub fn run(mut self) -> Answer<()> {
        loop {
            self.heed_stream();
            let ended = self.ended.filter(|_| self.ending.is_some() || !self.outputs.iter().any(|output| output.open));
            if let Some(ended) = ended {
                return self.finish(ended);
            }
            self.wait()?;
        }
    }

    fn finish(self, ended: Ended) -> Answer<()> {
        self.stream.event(&exit_event(ended));
        if let Some(ending) = &self.ending {
            self.stream.finish(Ok(()));
            ending.finish_group(self.pid);
        }
        Ok(())
    }

    /// Events, input, and the wish that the program ends.
    fn heed_stream(&mut self) {
        self.bell.hush();
        while let Some(event) = self.stream.next_event() {
            self.take_event(&event);
        }
        if self.stream.is_over() && self.ending.is_none() {
            self.input = None;
            if self.ended.is_none() {
                self.ending = Some(Ending::begin(self.pid, self.terminal.as_ref()));
            } else {
                self.close_outputs();
            }
        }
        self.feed();
    }

    fn close_outputs(&mut self) {
        for output in &mut self.outputs {
            output.open = false;
        }
    }

    fn take_event(&mut self, event: &Object) {
        match event.get("event").and_then(Value::as_str) {
            Some("resize") => {
                if let (Some(terminal), Ok(size)) = (&self.terminal, size(event)) {
                    let _ = tty::resize(terminal.as_raw_fd(), size.cols, size.rows);
                }
            }
            Some("signal") => {
                let name = event.get("signal").and_then(Value::as_str).unwrap_or_default();
                if let (Some(number), None) = (signal::number_of(name), self.ended) {
                    // the foreground group, where there is another than the program's own
                    let group = groups(self.pid, self.terminal.as_ref()).pop().unwrap_or(self.pid);
                    let _ = signal::kill(-group, number);
                }
            }
            _ => {}
        }
    }

    /// Writes what is received to the program, as far as it takes it.
    fn feed(&mut self) {
        loop {
            let (bytes, at) = match self.pending.take() {
                Some(pending) => pending,
                None => match self.stream.try_receive(0) {
                    Some(Received::Data(bytes)) => (bytes, 0),
                    Some(Received::Eof) => return self.end_input(),
                    Some(Received::Over) | None => return,
                },
            };
            let written = match &mut self.input {
                Some(input) => input.write(&bytes[at..]),
                // nobody reads any more: the host may go on all the same
                None => Ok(bytes.len() - at),
            };
            match written {
                Ok(count) if at + count >= bytes.len() => self.stream.consumed(0, bytes.len()),
                Ok(count) => self.pending = Some((bytes, at + count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.pending = Some((bytes, at));
                    if self.is_input_wide {
                        return;
                    }
                    self.is_input_wide = true;
                    self.input.iter().for_each(|input| poll::widen(input, WIDE));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => self.pending = Some((bytes, at)),
                Err(_) => {
                    self.input = None;
                    self.pending = Some((bytes, at));
                }
            }
        }
    }

    fn end_input(&mut self) {
        match self.terminal {
            Some(_) => drop(self.at_end.get_or_insert_with(EndOfInput::begin)),
            None => self.input = None,
        }
    }

    fn wait(&mut self) -> Answer<()> {
        let mut waiting = Waiting::default();
        waiting.add(self.bell.fd(), poll::READ);
        let over = waiting.add(if self.ended.is_none() { self.pidfd.as_raw_fd() } else { -1 }, poll::READ);
        if let (Some(input), Some(_)) = (&self.input, &self.pending) {
            waiting.add(input.as_raw_fd(), poll::WRITE);
        }
        let discards = self.ending.is_some();
        let is_wanted = |output: &Output| output.open && (discards || self.stream.credit(output.channel) > 0);
        let places: Vec<Option<usize>> = self.outputs.iter().map(|output| {
            is_wanted(output).then(|| waiting.add(output.file.as_raw_fd(), poll::READ))
        }).collect();
        // an ended program's rest is here, or known not to come: nothing to wait for
        let time = match (self.ended, places.iter().any(Option::is_some)) {
            (Some(_), true) => Some(Duration::ZERO),
            _ => [self.time_to_end(), self.time_to_say_end()].into_iter().flatten().min(),
        };
        waiting.wait(time).map_err(|error| Refusal::io("poll", &error))?;
        if self.ended.is_none() && waiting.is_ready(over) {
            self.program_ended()?;
        }
        if let (Some(at_end), Some(input)) = (&mut self.at_end, &self.input) {
            at_end.say(input);
        }
        for (at, place) in places.into_iter().enumerate() {
            if place.is_some_and(|place| waiting.is_ready(place)) || self.ended.is_some() {
                self.carry(at);
            }
        }
        Ok(())
    }

    fn time_to_end(&mut self) -> Option<Duration> {
        self.ending.as_mut()?.wait_at_most(self.pid, self.terminal.as_ref())
    }

    fn time_to_say_end(&self) -> Option<Duration> {
        self.input.as_ref().and(self.at_end.as_ref()).map(EndOfInput::wait_at_most)
    }

    /// From here on only what its pipes hold now is sent: children that live on lose them.
    fn program_ended(&mut self) -> Answer<()> {
        self.entry = None;
        self.ended = Some(process::wait_for(self.pid).map_err(|error| Refusal::io("wait", &error))?);
        self.input = None;
        for output in &mut self.outputs {
            output.left = if self.terminal.is_some() { TERMINAL_REST } else { poll::available(&output.file) };
        }
        Ok(())
    }

    /// Reads once, within the credit, and sends it.
    fn carry(&mut self, at: usize) {
        let output = &mut self.outputs[at];
        if !output.open {
            return;
        }
        let credit = if self.ending.is_some() { CHUNK } else { self.stream.credit(output.channel) };
        let wanted = CHUNK.min(output.left).min(credit);
        if wanted == 0 && output.left > 0 {
            return;
        }
        let buffer = &mut self.buffer[..wanted];
        let sent = match output.file.read(buffer) {
            // EIO: nobody has the terminal open any more
            Ok(0) => false,
            Ok(count) => {
                if count == CHUNK && !output.wide {
                    output.wide = true;
                    poll::widen(&output.file, WIDE);
                }
                output.left -= if self.ended.is_some() { count } else { 0 };
                self.ending.is_some() || self.stream.send(output.channel, &buffer[..count]).is_ok()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.ended.is_none(),
            Err(error) => error.kind() == ErrorKind::Interrupted,
        };
        if !sent || output.left == 0 {
            output.open = false;
            self.stream.eof(output.channel as u8);
        }
    }
}
