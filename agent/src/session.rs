//! One session on one line: reads frames, keeps streams, ends everything when the line drops.

use crate::frame::{self, Broken, Frame};
use crate::line::{Line, Reader};
use crate::stream::Stream;
use crate::verbs;
use crate::world::World;
use serde_json::{json, Value};
use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex};

const MAX_STREAMS: usize = 256;
pub const FEATURES: [&str; 10] =
    ["exec", "put", "get", "dial", "ports", "identity", "grow", "stats", "services", "poweroff"];

/// Serves session after session until the line is closed for good.
pub fn serve_line(world: &Arc<World>, line: &Arc<dyn Line>) {
    let mut reader = Reader::new(line.clone());
    let mut next: Option<[u8; 16]> = None;
    loop {
        let nonce = match next.take() {
            Some(nonce) => nonce,
            None => match frame::find_preamble(&mut reader) {
                Ok(nonce) => nonce,
                Err(_) if reader.is_over() => return,
                Err(_) => continue,
            },
        };
        next = Session::run(world, line, &mut reader, nonce);
    }
}

pub struct Session {
    line: Arc<dyn Line>,
    tag: u32,
    streams: Mutex<HashMap<u32, Arc<Stream>>>,
}

impl Session {
    /// Runs one session to its end; the nonce of the next when that began in its midst.
    fn run(world: &Arc<World>, line: &Arc<dyn Line>, reader: &mut impl Read, nonce: [u8; 16]) -> Option<[u8; 16]> {
        let tag = frame::tag_of(&nonce);
        let session = Arc::new(Session { line: line.clone(), tag, streams: Mutex::default() });
        let mut greeting = frame::MAGIC.to_vec();
        greeting.extend_from_slice(&nonce);
        greeting.extend_from_slice(&frame::encode(frame::HELLO, 0, world.hello().to_string().as_bytes(), tag));
        if line.send(&greeting).is_err() {
            return None;
        }
        world.enter(&session);
        let end = session.read_all(world, reader);
        world.leave(&session);
        let streams = std::mem::take(&mut *session.streams.lock().unwrap());
        for stream in streams.values() {
            stream.lose();
        }
        match end {
            Broken::Anew(nonce) => Some(nonce),
            Broken::Lost => None,
            Broken::Protocol(why) => {
                eprintln!("banger-agent: session ended: {why}");
                None
            }
        }
    }

    fn read_all(self: &Arc<Self>, world: &Arc<World>, reader: &mut impl Read) -> Broken {
        let mut last_id = 0;
        loop {
            let frame = match frame::read_frame(reader, self.tag) {
                Ok(frame) => frame,
                Err(end) => return end,
            };
            let taken = match frame.kind {
                frame::OPEN => self.open(world, &frame, &mut last_id),
                _ if frame.stream == 0 => self.control(&frame),
                _ => self.pass(frame, last_id),
            };
            if let Err(why) = taken {
                return Broken::Protocol(why);
            }
        }
    }

    pub fn send(&self, kind: u8, stream: u32, payload: &[u8]) {
        // a line that can't be written shows in its reading too
        let _ = self.line.send(&frame::encode(kind, stream, payload, self.tag));
    }

    pub fn notice(&self, notice: &Value) {
        self.send(frame::NOTICE, 0, notice.to_string().as_bytes());
    }

    /// Both sides have sent CLOSE.
    pub fn forget(&self, id: u32) {
        self.streams.lock().unwrap().remove(&id);
    }

    fn control(&self, frame: &Frame) -> Result<(), &'static str> {
        match frame.kind {
            frame::PING if frame.payload.len() <= 64 => self.send(frame::PONG, 0, &frame.payload),
            frame::PONG | frame::NOTICE => {}
            _ => return Err("not a frame for the session itself"),
        }
        Ok(())
    }

    fn pass(&self, frame: Frame, last_id: u32) -> Result<(), &'static str> {
        let stream = self.streams.lock().unwrap().get(&frame.stream).cloned();
        match stream {
            Some(stream) => stream.take(frame),
            None if frame.stream % 2 == 1 && frame.stream <= last_id => Ok(()),
            None => Err("a frame for a stream that never was"),
        }
    }

    fn open(self: &Arc<Self>, world: &Arc<World>, frame: &Frame, last_id: &mut u32) -> Result<(), &'static str> {
        if frame.stream % 2 != 1 || frame.stream <= *last_id {
            return Err("a stream id out of order");
        }
        *last_id = frame.stream;
        let request: Value = serde_json::from_slice(&frame.payload).map_err(|_| "OPEN is no JSON")?;
        if !request.is_object() {
            return Err("OPEN is no object");
        }
        let stream = Stream::new(frame.stream, self.clone());
        let mut streams = self.streams.lock().unwrap();
        if streams.len() >= MAX_STREAMS {
            drop(streams);
            stream.refuse("limit", "too many streams are open");
            return Ok(());
        }
        streams.insert(frame.stream, stream.clone());
        drop(streams);
        verbs::start(world, &stream, request);
        Ok(())
    }
}

/// A REPLY that refuses.
pub fn refusal(code: &str, message: &str) -> Value {
    json!({ "ok": false, "error": { "code": code, "message": message } })
}
