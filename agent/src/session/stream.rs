//! One stream: the session's reader fills it, the verb's thread empties it.

use super::output::{SessionOver, Output};
use super::{lock, wait};
use crate::sys::event_fd::EventFd;
use crate::wire::frame::{word, Frame, Kind, Violation, CHANNELS, MAX_PAYLOAD, WINDOW};
use crate::wire::json::{self, Answer, Object, Refusal};
use serde_json::{json, Value};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

const MAX_EVENTS: usize = 64;
/// Bytes of DATA per frame: with header and tag they are one write to a virtio-serial port.
const CHUNK: usize = MAX_PAYLOAD - 13;
/// Credit is returned in steps of this many bytes: few frames, but early enough that the sender need not stop.
const CREDIT_BATCH: usize = WINDOW / 4;

/// Shared by the session's reader and the verb's thread.
pub struct Stream {
    pub id: u32,
    pub session: u64,
    output: Arc<Output>,
    state: Mutex<State>,
    changed: Condvar,
    /// signalled at each change, for verbs that also wait for files
    event_fd: OnceLock<EventFd>,
}

#[derive(Default)]
struct State {
    channels: [Channel; CHANNELS],
    events: VecDeque<Object>,
    replied: bool,
    closed: bool,
    closed_by_host: bool,
    refused: bool,
    disconnected: bool,
}

struct Channel {
    inbox: VecDeque<Vec<u8>>,
    eof: bool,
    /// bytes that the host may still send
    window: usize,
    /// bytes that were consumed and whose credit has not been returned
    taken: usize,
    /// bytes that this side may still send
    credit: usize,
}

impl Default for Channel {
    fn default() -> Self {
        Channel { inbox: VecDeque::new(), eof: false, window: WINDOW, taken: 0, credit: WINDOW }
    }
}

/// What `receive` returns.
#[derive(Debug, PartialEq)]
pub enum Received {
    Data(Vec<u8>),
    /// the host will send no more on this channel
    Eof,
    /// the host closed the stream, or the session is over
    Over,
}

impl Stream {
    pub fn new(id: u32, session: u64, output: Arc<Output>) -> Stream {
        let (state, changed, event_fd) = (Mutex::default(), Condvar::new(), OnceLock::new());
        Stream { id, session, output, state, changed, event_fd }
    }

    /// Takes a frame from the host. Called by the session's reader, so it never waits.
    pub fn deliver(&self, frame: Frame) -> Result<(), Violation> {
        let mut state = lock(&self.state);
        if state.refused || (state.closed && state.closed_by_host) {
            return Ok(());
        }
        if state.closed_by_host {
            return Err(Violation::Rule("a frame after CLOSE"));
        }
        match frame.kind {
            Kind::Data(channel) => state.take_data(usize::from(channel), frame.payload)?,
            Kind::Eof(channel) => state.channels[usize::from(channel)].eof = true,
            Kind::Event => state.take_event(&frame.payload)?,
            Kind::Credit => state.take_credit(&frame.payload)?,
            Kind::Close => state.closed_by_host = true,
            _ => return Err(Violation::Rule("a frame that the host may not send on a stream")),
        }
        drop(state);
        self.wake();
        Ok(())
    }

    /// The session is over.
    pub fn disconnect(&self) {
        lock(&self.state).disconnected = true;
        self.wake();
    }

    fn wake(&self) {
        self.changed.notify_all();
        if let Some(event_fd) = self.event_fd.get() {
            event_fd.signal();
        }
    }

    /// An eventfd that is signalled at each change from now on.
    pub fn event_fd(&self) -> Answer<&EventFd> {
        if self.event_fd.get().is_none() {
            let event_fd = EventFd::new().map_err(|error| Refusal::io("eventfd", &error))?;
            let _ = self.event_fd.set(event_fd);
            self.wake();
        }
        self.event_fd.get().ok_or_else(|| Refusal::new("io", "no eventfd"))
    }

    /// The host closed the stream, or the session is over: what the verb runs must end.
    pub fn is_over(&self) -> bool {
        let state = lock(&self.state);
        state.closed_by_host || state.disconnected
    }

    /// The host closed the stream.
    pub fn is_closed_by_host(&self) -> bool {
        lock(&self.state).closed_by_host
    }

    /// The session is over although the host had not closed the stream.
    pub fn is_disconnected(&self) -> bool {
        let state = lock(&self.state);
        state.disconnected && !state.closed_by_host
    }

    /// Both sides have closed, or the session is over.
    pub fn is_finished(&self) -> bool {
        let state = lock(&self.state);
        state.disconnected || state.refused || (state.closed && state.closed_by_host)
    }

    /// Waits for the next bytes.
    pub fn receive(&self, channel: usize) -> Received {
        let mut state = lock(&self.state);
        loop {
            if let Some(received) = self.next_of(&mut state, channel) {
                return received;
            }
            state = wait(&self.changed, state);
        }
    }

    /// As `receive`, but a host that has sent EOF may close: what came before that is still received.
    pub fn receive_to_eof(&self, channel: usize) -> Received {
        let mut state = lock(&self.state);
        loop {
            let from = &mut state.channels[channel];
            let in_order = from.eof.then(|| from.inbox.pop_front().map_or(Received::Eof, Received::Data));
            match in_order.filter(|_| !state.disconnected).or_else(|| self.next_of(&mut state, channel)) {
                Some(received) => return received,
                None => state = wait(&self.changed, state),
            }
        }
    }

    /// The next bytes, if any have arrived.
    pub fn try_receive(&self, channel: usize) -> Option<Received> {
        self.next_of(&mut lock(&self.state), channel)
    }

    fn next_of(&self, state: &mut State, channel: usize) -> Option<Received> {
        if state.disconnected || state.closed_by_host {
            return Some(Received::Over);
        }
        let from = &mut state.channels[channel];
        match from.inbox.pop_front() {
            Some(bytes) => Some(Received::Data(bytes)),
            None => from.eof.then_some(Received::Eof),
        }
    }

    /// Reports that `bytes` of what was received have been processed: the host may send as many more.
    pub fn consumed(&self, channel: usize, bytes: usize) {
        let mut state = lock(&self.state);
        let is_silent = state.closed || state.closed_by_host || state.disconnected;
        let of = &mut state.channels[channel];
        of.taken += bytes;
        if is_silent || of.taken < CREDIT_BATCH || of.eof {
            return;
        }
        let taken = std::mem::take(&mut of.taken);
        of.window += taken;
        let mut payload = [channel as u8, 0, 0, 0, 0];
        payload[1..].copy_from_slice(&(taken as u32).to_le_bytes());
        // while the state is locked, because no CREDIT may follow a CLOSE
        let _ = self.output.send(self.session, Kind::Credit, self.id, &payload);
    }

    pub fn next_event(&self) -> Option<Object> {
        lock(&self.state).events.pop_front()
    }

    /// Waits until the stream is over; false after `time`.
    pub fn wait_until_over(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = lock(&self.state);
        loop {
            if state.disconnected || state.closed_by_host {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = match self.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Waits until the stream is over, or `is_done` was set and `nudge` called after that.
    pub fn wait_until_over_or(&self, is_done: &AtomicBool) {
        let mut state = lock(&self.state);
        while !(state.disconnected || state.closed_by_host || is_done.load(Ordering::SeqCst)) {
            state = wait(&self.changed, state);
        }
    }

    /// Makes waiting threads look again.
    pub fn nudge(&self) {
        drop(lock(&self.state));
        self.wake();
    }

    /// Bytes that can be sent on `channel` now.
    pub fn credit(&self, channel: usize) -> usize {
        lock(&self.state).channels[channel].credit
    }

    /// Sends all bytes; waits for credit and for room in the queue.
    pub fn send(&self, channel: usize, bytes: &[u8]) -> Result<(), SessionOver> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let size = self.spend(channel, rest.len().min(CHUNK))?;
            let (now, later) = rest.split_at(size);
            self.output.send_data(self.session, channel as u8, self.id, now)?;
            rest = later;
        }
        Ok(())
    }

    /// Takes credit for up to `wanted` bytes, at least one.
    fn spend(&self, channel: usize, wanted: usize) -> Result<usize, SessionOver> {
        let mut state = lock(&self.state);
        loop {
            if state.disconnected || state.closed_by_host || state.closed {
                return Err(SessionOver);
            }
            let size = state.channels[channel].credit.min(wanted);
            if size > 0 {
                state.channels[channel].credit -= size;
                return Ok(size);
            }
            state = wait(&self.changed, state);
        }
    }

    pub fn eof(&self, channel: u8) {
        self.send_frame(Kind::Eof(channel), &[]);
    }

    /// REPLY with `"ok": true` and `fields`, an object.
    pub fn reply(&self, mut fields: Value) {
        fields["ok"] = Value::Bool(true);
        lock(&self.state).replied = true;
        self.send_frame(Kind::Reply, fields.to_string().as_bytes());
    }

    pub fn event(&self, event: &Value) {
        self.send_frame(Kind::Event, event.to_string().as_bytes());
    }

    /// Ends the stream on this side. An error before the REPLY is a refusal, later it is a CLOSE with a reason.
    pub fn finish(&self, result: Answer<()>) {
        let mut state = lock(&self.state);
        let (kind, payload) = match (result, state.replied) {
            (Ok(()), _) => (Kind::Close, String::new()),
            (Err(refusal), true) => (Kind::Close, json!({ "error": refusal.json() }).to_string()),
            (Err(refusal), false) => {
                state.refused = true;
                (Kind::Reply, json!({ "ok": false, "error": refusal.json() }).to_string())
            }
        };
        if !state.closed {
            state.closed = true;
            let _ = self.output.send(self.session, kind, self.id, payload.as_bytes());
        }
    }

    /// Waits until everything that was sent has been written to the connection.
    pub fn flush(&self) {
        self.output.flush(self.session);
    }

    fn send_frame(&self, kind: Kind, payload: &[u8]) {
        let state = lock(&self.state);
        if !state.closed && !state.disconnected {
            let _ = self.output.send(self.session, kind, self.id, payload);
        }
    }
}

impl State {
    fn take_data(&mut self, channel: usize, payload: Vec<u8>) -> Result<(), Violation> {
        let to = &mut self.channels[channel];
        if payload.is_empty() || to.eof || payload.len() > to.window {
            return Err(Violation::Rule("DATA that is empty, after EOF or beyond the credit"));
        }
        to.window -= payload.len();
        if !self.closed {
            to.inbox.push_back(payload);
        }
        Ok(())
    }

    /// Consecutive `resize` events are replaced by the last one.
    fn take_event(&mut self, payload: &[u8]) -> Result<(), Violation> {
        let event = json::object(payload).ok_or(Violation::Rule("an EVENT that is not a JSON object"))?;
        let is_resize = |event: &Object| event.get("event").and_then(Value::as_str) == Some("resize");
        if is_resize(&event) && self.events.back().is_some_and(is_resize) {
            self.events.pop_back();
        }
        if self.events.len() >= MAX_EVENTS {
            return Err(Violation::Rule("too many EVENT frames"));
        }
        if !self.closed {
            self.events.push_back(event);
        }
        Ok(())
    }

    fn take_credit(&mut self, payload: &[u8]) -> Result<(), Violation> {
        let bad = Violation::Rule("a CREDIT that is malformed or returns more than was spent");
        let (Some(channel), Some(bytes), 5) = (payload.first(), word(payload, 1), payload.len()) else {
            return Err(bad);
        };
        let Some(of) = self.channels.get_mut(usize::from(*channel)) else { return Err(bad) };
        if bytes as usize > WINDOW - of.credit {
            return Err(bad);
        }
        of.credit += bytes as usize;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
