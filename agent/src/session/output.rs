//! The sending half of a connection: a queue that many streams fill and one thread writes out. Frames of a session that is over are
//! dropped, so none of them can reach the next session.

use super::{lock, wait};
use crate::wire::frame::{encode, Kind};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// In bytes. DATA waits while more than this is queued; other frames (CREDIT, PONG, CLOSE …) do not wait.
const MAX_QUEUED_DATA: usize = 512 * 1024;
/// In bytes. A host that requests but never reads loses its session.
const MAX_QUEUED: usize = 8 * 1024 * 1024;
/// In bytes: one write to a virtio-serial port.
const BATCH: usize = 32 * 1024;

/// Counts the sessions of all connections, so that a number is never used twice.
static SESSIONS: AtomicU64 = AtomicU64::new(0);

/// The session is over.
#[derive(Debug, PartialEq)]
pub struct SessionOver;

/// Shared by the streams of a connection and the thread that writes to it.
#[derive(Default)]
pub struct Output {
    state: Mutex<State>,
    work: Condvar,
    room: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    queued: usize,
    /// a batch is being written
    writing: bool,
    /// number of the session that may send; 0: none
    session: u64,
    tag: u32,
    finished: bool,
}

impl Output {
    /// A new session, whose first bytes are `answer` and HELLO. Returns its number.
    pub fn begin(&self, tag: u32, answer: &[u8], hello: &[u8]) -> u64 {
        let mut state = lock(&self.state);
        state.session = SESSIONS.fetch_add(1, Ordering::Relaxed) + 1;
        state.tag = tag;
        state.clear();
        state.push(answer.to_vec());
        state.add(Kind::Hello, 0, hello);
        self.work.notify_one();
        state.session
    }

    /// Ends the session and drops what is queued.
    pub fn end(&self) {
        let mut state = lock(&self.state);
        state.session = 0;
        state.clear();
        self.room.notify_all();
    }

    /// Aborts the current session unless it is `session`.
    pub fn abort_other(&self, session: u64, why: &str) {
        if ![0, session].contains(&lock(&self.state).session) {
            self.abort(why);
        }
    }

    /// Like `end`, with a last NOTICE, because a virtio-serial port has no way to disconnect.
    pub fn abort(&self, why: &str) {
        let mut state = lock(&self.state);
        let notice = serde_json::json!({ "notice": "broken", "why": why }).to_string();
        state.clear();
        state.add(Kind::Notice, 0, notice.as_bytes());
        state.session = 0;
        self.work.notify_one();
        self.room.notify_all();
    }

    /// Queues a frame at once; ends the session if too much is queued.
    pub fn send(&self, session: u64, kind: Kind, stream: u32, payload: &[u8]) -> Result<(), SessionOver> {
        let mut state = lock(&self.state);
        if state.session == session && state.queued > MAX_QUEUED {
            state.session = 0;
            state.clear();
        }
        if state.session != session {
            return Err(SessionOver);
        }
        state.add(kind, stream, payload);
        self.work.notify_one();
        Ok(())
    }

    pub fn is_current(&self, session: u64) -> bool {
        lock(&self.state).session == session
    }

    /// Queues DATA when there is room for it.
    pub fn send_data(&self, session: u64, channel: u8, stream: u32, payload: &[u8]) -> Result<(), SessionOver> {
        let mut state = lock(&self.state);
        while state.session == session && state.queued > MAX_QUEUED_DATA {
            state = wait(&self.room, state);
        }
        if state.session != session {
            return Err(SessionOver);
        }
        state.add(Kind::Data(channel), stream, payload);
        self.work.notify_one();
        Ok(())
    }

    /// Waits until everything that was queued has been written.
    pub fn flush(&self, session: u64) {
        let mut state = lock(&self.state);
        while state.session == session && (state.writing || !state.queue.is_empty()) {
            state = wait(&self.room, state);
        }
    }

    /// Queues a frame for the current session and returns its number; None if there is no session.
    pub fn send_to_current(&self, kind: Kind, payload: &[u8]) -> Option<u64> {
        let session = lock(&self.state).session;
        (session != 0 && self.send(session, kind, 0, payload).is_ok()).then_some(session)
    }

    /// Writes the queue to `writer` until `finish` is called. Blocks while the host does not read. A failed write ends the session.
    pub fn write_out(self: &Arc<Self>, mut writer: impl Write) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.take(&mut batch) {
            let result = writer.write_all(&batch);
            let mut state = lock(&self.state);
            state.writing = false;
            if result.is_err() {
                state.session = 0;
                state.clear();
            }
            self.room.notify_all();
        }
    }

    #[cfg(test)]
    pub fn queued_frames(&self) -> Vec<Vec<u8>> {
        lock(&self.state).queue.iter().cloned().collect()
    }

    /// Ends the session and the writer's thread.
    pub fn finish(&self) {
        lock(&self.state).finished = true;
        self.work.notify_all();
        self.end();
    }

    /// Fills `batch` with the next frames, up to one write. False: `finish` was called.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let mut state = lock(&self.state);
        while state.queue.is_empty() {
            if state.finished {
                return false;
            }
            state = wait(&self.work, state);
        }
        batch.clear();
        while let Some(frame) = state.queue.front() {
            if !batch.is_empty() && batch.len() + frame.len() > BATCH {
                break;
            }
            let frame = state.queue.pop_front().unwrap_or_default();
            state.queued -= frame.len();
            if batch.is_empty() && frame.len() > BATCH / 2 {
                *batch = frame;
            } else {
                batch.extend_from_slice(&frame);
            }
        }
        state.writing = true;
        true
    }
}

impl State {
    fn add(&mut self, kind: Kind, stream: u32, payload: &[u8]) {
        let frame = encode(kind, stream, payload, self.tag);
        self.push(frame);
    }

    fn push(&mut self, bytes: Vec<u8>) {
        self.queued += bytes.len();
        self.queue.push_back(bytes);
    }

    fn clear(&mut self) {
        self.queue.clear();
        self.queued = 0;
    }
}

#[cfg(test)]
mod tests;
