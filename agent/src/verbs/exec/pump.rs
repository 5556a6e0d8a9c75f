//! Copies data between a running program and its stream, on a single thread that polls all descriptors.

use super::end_of_input::EndOfInput;
use super::termination::{groups, Termination};
use super::exit_event;
use super::output::{Mode, Output, CHUNK, WIDE};
use super::request::size;
use super::resumable::Ticket;
use super::stdio::Stdio;
use crate::running::Entry;
use crate::session::{Received, Stream};
use crate::sys::poll::{self, PollSet};
use crate::sys::process::{self, Ended};
use crate::sys::{signal, tty};
use crate::wire::json::{Answer, Object, Refusal};
use serde_json::{json, Value};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// In bytes: more than a terminal can buffer when its last writer has ended.
const TERMINAL_REST: usize = 128 * 1024;

/// A running program with its pipes or terminal, and the stream that it is connected to.
pub struct Pump {
    stream: Arc<Stream>,
    pid: i32,
    /// None: reaped
    entry: Option<Entry>,
    pidfd: OwnedFd,
    input: Option<File>,
    is_input_wide: bool,
    /// input that was received, and the offset from which it is not yet written
    pending: Option<(Vec<u8>, usize)>,
    /// bytes of input written to the program or discarded
    input_taken: u64,
    /// `signal` events handled
    signals: u64,
    outputs: Vec<Output>,
    terminal: Option<File>,
    /// set when the input of a terminal, which stays open, has ended
    end_of_input: Option<EndOfInput>,
    ended: Option<Ended>,
    termination: Option<Termination>,
    /// `exit` was sent on the current stream
    exit_sent: bool,
    /// Some: the program is resumable
    ticket: Option<Ticket>,
    buffer: Vec<u8>,
}

/// What a host had received before its connection was lost.
#[derive(Clone, Copy)]
pub struct Progress {
    /// bytes of channel 1
    pub stdout: u64,
    /// bytes of channel 2
    pub stderr: u64,
}

impl Progress {
    fn of(&self, channel: usize) -> u64 {
        if channel == 1 { self.stdout } else { self.stderr }
    }
}

impl Pump {
    /// Without a ticket the program ends with its connection.
    pub fn new(stream: &Arc<Stream>, stdio: Stdio, entry: Entry, ticket: Option<Ticket>) -> Answer<Pump> {
        let pid = entry.pid();
        let pidfd = process::pidfd(pid).map_err(|error| Refusal::io("pidfd", &error))?;
        let output = |(channel, file)| Output::new(channel, file, ticket.is_some());
        stream.event_fd()?;
        Ok(Pump {
            stream: Arc::clone(stream),
            pid,
            entry: Some(entry),
            pidfd,
            input: Some(stdio.input),
            is_input_wide: false,
            pending: None,
            input_taken: 0,
            signals: 0,
            outputs: stdio.outputs.into_iter().map(output).collect(),
            terminal: stdio.terminal,
            end_of_input: None,
            ended: None,
            termination: None,
            exit_sent: false,
            ticket,
            buffer: vec![0; CHUNK],
        })
    }

    /// Runs until the program has ended and its output is sent; with a ticket, until the host has closed the stream as well.
    /// Returns the pump if the connection was lost and the program can be resumed.
    pub fn run(mut self) -> Answer<Option<Pump>> {
        loop {
            self.handle_stream();
            if self.ticket.is_some() && self.stream.is_disconnected() {
                return Ok(Some(self));
            }
            let is_done = self.termination.is_some() || self.outputs.iter().all(Output::is_over);
            if let Some(ended) = self.ended.filter(|_| is_done) {
                self.send_exit(ended);
                // not on a lost stream: the host may not have received the exit, and resumes the program to get it
                if self.ticket.is_none() || self.stream.is_closed_by_host() {
                    self.finish();
                    return Ok(None);
                }
            }
            self.wait()?;
        }
    }

    pub fn ticket(&self) -> Option<&Ticket> {
        self.ticket.as_ref()
    }

    /// The program is no longer resumable: if its connection is lost, it gets SIGHUP.
    pub fn give_up(&mut self) {
        self.ticket = None;
    }

    /// Whether the output that the host is missing can still be sent.
    pub fn can_resume(&self, progress: Progress) -> bool {
        self.outputs.iter().all(|output| output.can_resume_at(progress.of(output.channel)))
    }

    /// Moves to another stream. The REPLY reports how much input and how many signals have arrived.
    pub fn resume(&mut self, stream: &Arc<Stream>, progress: Progress) -> Answer<()> {
        stream.event_fd()?;
        self.stream = Arc::clone(stream);
        if let Some(entry) = &mut self.entry {
            entry.move_to(stream);
        }
        self.pending = None;
        self.exit_sent = false;
        for output in &mut self.outputs {
            output.resume_at(progress.of(output.channel));
        }
        stream.reply(json!({ "stdin": self.input_taken, "signals": self.signals }));
        self.outputs.iter_mut().for_each(|output| output.send_eof_if_over(stream));
        Ok(())
    }

    fn send_exit(&mut self, ended: Ended) {
        if !self.exit_sent {
            self.exit_sent = true;
            self.stream.event(&exit_event(ended));
        }
    }

    fn finish(self) {
        if let Some(termination) = &self.termination {
            self.stream.finish(Ok(()));
            termination.finish_group(self.pid);
        }
    }

    /// Handles events, input and the end of the stream.
    fn handle_stream(&mut self) {
        if let Ok(event_fd) = self.stream.event_fd() {
            event_fd.drain();
        }
        while let Some(event) = self.stream.next_event() {
            self.handle_event(&event);
        }
        let is_over = if self.ticket.is_some() { self.stream.is_closed_by_host() } else { self.stream.is_over() };
        if is_over && self.termination.is_none() {
            self.input = None;
            if self.ended.is_none() {
                self.termination = Some(Termination::begin(self.pid, self.terminal.as_ref()));
            } else {
                self.outputs.iter_mut().for_each(Output::drop_rest);
            }
        }
        self.write_input();
    }

    fn handle_event(&mut self, event: &Object) {
        match event.get("event").and_then(Value::as_str) {
            Some("resize") => {
                if let (Some(terminal), Ok(size)) = (&self.terminal, size(event)) {
                    let _ = tty::resize(terminal.as_raw_fd(), size.cols, size.rows);
                }
            }
            Some("signal") => {
                self.signals += 1;
                let name = event.get("signal").and_then(Value::as_str).unwrap_or_default();
                if let (Some(number), None) = (signal::number_of(name), self.ended) {
                    // the terminal's foreground group if it is another one than the program's own
                    let group = groups(self.pid, self.terminal.as_ref()).pop().unwrap_or(self.pid);
                    let _ = signal::kill(-group, number);
                }
            }
            _ => {}
        }
    }

    /// Writes received input to the program as far as its pipe has room.
    fn write_input(&mut self) {
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
                // no reader any more: discard it, so that the host gets its credit back
                None => Ok(bytes.len() - at),
            };
            self.input_taken += *written.as_ref().unwrap_or(&0) as u64;
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
            Some(_) => drop(self.end_of_input.get_or_insert_with(EndOfInput::begin)),
            None => self.input = None,
        }
    }

    fn wait(&mut self) -> Answer<()> {
        let mut poll_set = PollSet::default();
        poll_set.add(self.stream.event_fd()?.fd(), poll::READ);
        let over = poll_set.add(if self.ended.is_none() { self.pidfd.as_raw_fd() } else { -1 }, poll::READ);
        if let (Some(input), Some(_)) = (&self.input, &self.pending) {
            poll_set.add(input.as_raw_fd(), poll::WRITE);
        }
        let discards = self.termination.is_some();
        let places: Vec<Option<usize>> = self.outputs.iter().map(|output| {
            Some(poll_set.add(output.source(&self.stream, discards)?, poll::READ))
        }).collect();
        let repeats = !discards && self.outputs.iter().any(|output| output.can_repeat(&self.stream));
        // when the program has ended, all its output is already in the pipe: do not wait
        let has_final_output = self.ended.is_some() && places.iter().any(Option::is_some);
        let time = match repeats || has_final_output {
            true => Some(Duration::ZERO),
            false => [self.time_to_kill(), self.time_to_type_end()].into_iter().flatten().min(),
        };
        poll_set.wait(time).map_err(|error| Refusal::io("poll", &error))?;
        if self.ended.is_none() && poll_set.is_ready(over) {
            self.program_ended()?;
        }
        if let (Some(end_of_input), Some(input)) = (&mut self.end_of_input, &self.input) {
            end_of_input.type_if_due(input);
        }
        let mode = Mode { ended: self.ended.is_some(), discards };
        for (output, place) in self.outputs.iter_mut().zip(places) {
            if repeats || mode.ended || place.is_some_and(|place| poll_set.is_ready(place)) {
                output.transfer(&self.stream, &mut self.buffer, mode);
            }
        }
        Ok(())
    }

    fn time_to_kill(&mut self) -> Option<Duration> {
        self.termination.as_mut()?.wait_at_most(self.pid, self.terminal.as_ref())
    }

    fn time_to_type_end(&self) -> Option<Duration> {
        self.input.as_ref().and(self.end_of_input.as_ref()).map(EndOfInput::wait_at_most)
    }

    /// From here on only what the pipes contain now is sent: children that keep running lose them.
    fn program_ended(&mut self) -> Answer<()> {
        self.entry = None;
        self.ended = Some(process::wait_for(self.pid).map_err(|error| Refusal::io("wait", &error))?);
        self.input = None;
        let most = self.terminal.is_some().then_some(TERMINAL_REST);
        self.outputs.iter_mut().for_each(|output| output.end_with(most));
        Ok(())
    }
}
