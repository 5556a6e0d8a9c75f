//! One stream: what came in waits here, bounded by credit; what goes out waits for credit.

use crate::frame::{self, Frame};
use crate::session::{refusal, Session};
use serde_json::{json, Value};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, Weak};

const WINDOW: u32 = 262_144;
const MAX_EVENTS: usize = 64;

#[derive(Default)]
struct Channel {
    queue: VecDeque<Vec<u8>>,
    /// bytes of the first piece that were read already
    offset: usize,
    ended: bool,
    /// bytes that the host may still send
    window: u32,
    /// bytes read and not yet given back
    owed: u32,
    /// bytes that we may still send
    credit: u32,
}

#[derive(Default)]
struct State {
    channels: [Channel; 3],
    events: VecDeque<Value>,
    sent_close: bool,
    got_close: bool,
    lost: bool,
}

impl State {
    fn is_over(&self) -> bool {
        self.got_close || self.lost
    }
}

type Waker = Box<dyn Fn() + Send + Sync>;

pub struct Stream {
    pub id: u32,
    session: Weak<Session>,
    state: Mutex<State>,
    changed: Condvar,
    /// told when the host closes the stream or the line drops
    on_over: Mutex<Option<Waker>>,
}

impl Stream {
    pub fn new(id: u32, session: Arc<Session>) -> Arc<Stream> {
        let mut state = State::default();
        for channel in &mut state.channels {
            channel.window = WINDOW;
            channel.credit = WINDOW;
        }
        Arc::new(Stream {
            id,
            session: Arc::downgrade(&session),
            state: Mutex::new(state),
            changed: Condvar::new(),
            on_over: Mutex::default(),
        })
    }

    fn send(&self, kind: u8, payload: &[u8]) {
        if let Some(session) = self.session.upgrade() {
            session.send(kind, self.id, payload);
        }
    }

    pub fn accept(&self, mut reply: Value) {
        reply["ok"] = json!(true);
        self.send(frame::REPLY, reply.to_string().as_bytes());
    }

    pub fn refuse(&self, code: &str, message: &str) {
        self.forget();
        self.send(frame::REPLY, refusal(code, message).to_string().as_bytes());
    }

    pub fn event(&self, event: &Value) {
        if !self.state.lock().unwrap().sent_close {
            self.send(frame::EVENT, event.to_string().as_bytes());
        }
    }

    pub fn end_of(&self, channel: u8) {
        self.send(frame::EOF | channel, &[]);
    }

    pub fn close(&self) {
        self.close_with(&[]);
    }

    pub fn close_error(&self, code: &str, message: &str) {
        self.close_with(json!({ "error": { "code": code, "message": message } }).to_string().as_bytes());
    }

    fn close_with(&self, payload: &[u8]) {
        let mut state = self.state.lock().unwrap();
        if state.sent_close {
            return;
        }
        state.sent_close = true;
        let both = state.got_close;
        drop(state);
        self.send(frame::CLOSE, payload);
        if both {
            self.forget();
        }
    }

    fn forget(&self) {
        if let Some(session) = self.session.upgrade() {
            session.forget(self.id);
        }
    }

    /// Called at once when the stream is over already.
    pub fn when_over(&self, waker: impl Fn() + Send + Sync + 'static) {
        if self.state.lock().unwrap().is_over() {
            waker();
        }
        *self.on_over.lock().unwrap() = Some(Box::new(waker));
        if self.state.lock().unwrap().is_over() {
            self.wake_over();
        }
    }

    fn wake_over(&self) {
        if let Some(waker) = self.on_over.lock().unwrap().take() {
            waker();
        }
    }

    /// The line dropped.
    pub fn lose(&self) {
        self.state.lock().unwrap().lost = true;
        self.changed.notify_all();
        self.wake_over();
    }

    /// A frame of this stream, from the session's reader: never waits.
    pub fn take(&self, frame: Frame) -> Result<(), &'static str> {
        let mut state = self.state.lock().unwrap();
        if state.got_close {
            return Err("a frame after CLOSE");
        }
        match frame.kind {
            frame::EVENT => take_event(&mut state, &frame.payload)?,
            frame::CREDIT => take_credit(&mut state, &frame.payload)?,
            frame::CLOSE => {
                state.got_close = true;
                let both = state.sent_close;
                drop(state);
                if both {
                    self.forget();
                }
                self.changed.notify_all();
                self.wake_over();
                return Ok(());
            }
            0x10..=0x12 => take_data(&mut state.channels[usize::from(frame.kind & 0xf)], frame.payload)?,
            0x20..=0x22 => {
                let channel = &mut state.channels[usize::from(frame.kind & 0xf)];
                if channel.ended {
                    return Err("a second EOF");
                }
                channel.ended = true;
            }
            _ => return Err("not a frame for a stream"),
        }
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Sends bytes as credit allows; false when nobody wants them any more.
    pub fn write(&self, channel: u8, mut data: &[u8]) -> bool {
        while !data.is_empty() {
            let mut state = self.state.lock().unwrap();
            while state.channels[usize::from(channel)].credit == 0 && !state.is_over() {
                state = self.changed.wait(state).unwrap();
            }
            if state.is_over() || state.sent_close {
                return false;
            }
            let credit = &mut state.channels[usize::from(channel)].credit;
            let size = data.len().min(frame::MAX_PAYLOAD).min(*credit as usize);
            *credit -= size as u32;
            drop(state);
            self.send(frame::DATA | channel, &data[..size]);
            data = &data[size..];
        }
        true
    }

    /// The next event, waiting for it; None when the stream is over.
    pub fn next_event(&self) -> Option<Value> {
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(event) = state.events.pop_front() {
                return Some(event);
            }
            if state.is_over() {
                return None;
            }
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Waits for data on channel 0. Ok(0): its end. An error: the stream is over.
    pub fn read_input(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        loop {
            let over = state.is_over();
            let channel = &mut state.channels[0];
            if let Some(piece) = channel.queue.front() {
                let size = buffer.len().min(piece.len() - channel.offset);
                buffer[..size].copy_from_slice(&piece[channel.offset..channel.offset + size]);
                channel.offset += size;
                if channel.offset == piece.len() {
                    channel.queue.pop_front();
                    channel.offset = 0;
                }
                let credit = give_back(channel, size as u32);
                drop(state);
                if let Some(credit) = credit {
                    self.send_credit(credit);
                }
                return Ok(size);
            }
            if channel.ended {
                return Ok(0);
            }
            if over {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            state = self.changed.wait(state).unwrap();
        }
    }

    fn send_credit(&self, bytes: u32) {
        let mut payload = [0u8; 5];
        payload[1..].copy_from_slice(&bytes.to_le_bytes());
        self.send(frame::CREDIT, &payload);
    }
}

fn take_event(state: &mut State, payload: &[u8]) -> Result<(), &'static str> {
    let event: Value = serde_json::from_slice(payload).map_err(|_| "EVENT is no JSON")?;
    if !event.is_object() {
        return Err("EVENT is no object");
    }
    if state.events.len() >= MAX_EVENTS {
        return Err("too many events");
    }
    state.events.push_back(event);
    Ok(())
}

fn take_credit(state: &mut State, payload: &[u8]) -> Result<(), &'static str> {
    let &[channel @ 0..=2, a, b, c, d] = payload else { return Err("a malformed CREDIT") };
    let credit = &mut state.channels[usize::from(channel)].credit;
    let more = u32::from_le_bytes([a, b, c, d]);
    match credit.checked_add(more) {
        Some(sum) if sum <= WINDOW => *credit = sum,
        _ => return Err("more credit than was spent"),
    }
    Ok(())
}

fn take_data(channel: &mut Channel, payload: Vec<u8>) -> Result<(), &'static str> {
    if channel.ended {
        return Err("data after its end");
    }
    let size = payload.len() as u32;
    if size == 0 || size > channel.window {
        return Err("more data than credit");
    }
    channel.window -= size;
    channel.queue.push_back(payload);
    Ok(())
}

/// Credit goes back in pieces of a quarter window.
fn give_back(channel: &mut Channel, bytes: u32) -> Option<u32> {
    channel.owed += bytes;
    if channel.ended || channel.owed < WINDOW / 4 {
        return None;
    }
    let owed = std::mem::take(&mut channel.owed);
    channel.window += owed;
    Some(owed)
}

/// Channel 0 as a byte source.
pub struct Input<'a>(pub &'a Stream);

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_input(buffer)
    }
}
