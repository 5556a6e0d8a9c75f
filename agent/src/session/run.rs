//! A line from its first byte to its last: preamble, HELLO, frames, and again.

use super::output::Output;
use super::{lock, mishap, Stream};
use crate::guest::Guest;
use crate::verbs;
use crate::wire::frame::{Frame, Kind, Violation};
use crate::wire::input::{Input, MAGIC, NONCE};
use crate::wire::json::{self, Object, Refusal};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;

/// Streams open at once.
const MOST_STREAMS: usize = 256;
const STACK: usize = 256 * 1024;

/// What to do when the other end is gone.
pub enum Next {
    /// it may come back on this line
    Again,
    Over,
}

/// A byte stream to a host, in two halves.
pub trait Line {
    type Reader: Read;
    type Writer: Write + Send + 'static;
    fn halves(&mut self) -> io::Result<(Self::Reader, Self::Writer)>;
    /// Waits until the other end is there again.
    fn dropped(&mut self) -> io::Result<Next>;
    /// Unblocks a writer that waits for an end that is gone.
    fn hang_up(&self);
}

/// Serves sessions until the line is over.
pub fn serve_line(mut line: impl Line, guest: &Arc<Guest>) -> io::Result<()> {
    let (mut reader, writer) = line.halves()?;
    let output = Arc::new(Output::default());
    let sender = Arc::clone(&output);
    let written = thread::Builder::new().stack_size(STACK).spawn(move || sender.write_out(writer))?;
    guest.lines.add(&output);
    let mut input = Input::default();
    let result = loop {
        match input.find_preamble() {
            Some(nonce) => run_session(&mut input, &mut reader, &output, guest, nonce),
            None => match input.fill(&mut reader) {
                Ok(count) if count > 0 => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => match line.dropped() {
                    Ok(Next::Again) => input.clear(),
                    Ok(Next::Over) => break Ok(()),
                    Err(error) => break Err(error),
                },
            },
        }
    };
    guest.lines.remove(&output);
    line.hang_up();
    output.finish();
    let _ = written.join();
    result
}

struct Session<'a> {
    number: u64,
    output: &'a Arc<Output>,
    guest: &'a Arc<Guest>,
    streams: Arc<Mutex<HashMap<u32, Arc<Stream>>>>,
    /// the host's newest stream
    last: u32,
}

/// Returns when the session is over, whoever ended it.
fn run_session(input: &mut Input, line: &mut impl Read, output: &Arc<Output>, guest: &Arc<Guest>, nonce: [u8; NONCE]) {
    let tag = u32::from_le_bytes([nonce[0], nonce[1], nonce[2], nonce[3]]);
    let answer = [MAGIC.as_slice(), &nonce].concat();
    let number = guest.greet(|hello| output.begin(tag, &answer, hello.to_string().as_bytes()));
    let mut session = Session { number, output, guest, streams: Arc::default(), last: 0 };
    match session.read_all(input, line, tag) {
        Some(violation) => output.break_off(&violation.to_string()),
        None => output.end(),
    }
    for stream in lock(&session.streams).values() {
        stream.lose();
    }
}

impl Session<'_> {
    /// Until the line drops, or the host breaks a rule.
    fn read_all(&mut self, input: &mut Input, line: &mut impl Read, tag: u32) -> Option<Violation> {
        loop {
            let taken = match input.next_frame(tag) {
                Ok(Some(frame)) => self.take(frame),
                Ok(None) => match input.fill(line) {
                    Ok(count) if count > 0 => Ok(()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                    _ => return None,
                },
                Err(violation) => Err(violation),
            };
            if let Err(violation) = taken {
                return Some(violation);
            }
        }
    }

    fn take(&mut self, frame: Frame) -> Result<(), Violation> {
        if !self.output.is_current(self.number) {
            return Err(Violation::Rule("the other end does not read"));
        }
        match (frame.stream, frame.kind) {
            (0, Kind::Ping) if frame.payload.len() <= 64 => self.send(Kind::Pong, &frame.payload),
            (0, Kind::Notice) => json::object(&frame.payload).map(drop).ok_or(Violation::Rule("a NOTICE without JSON")),
            (0, _) => Err(Violation::Rule("a frame that is none of the session's")),
            (id, Kind::Open) => self.open(id, &frame.payload),
            (id, _) => {
                let stream = lock(&self.streams).get(&id).cloned();
                match stream {
                    Some(stream) => self.deliver(&stream, frame),
                    None if id % 2 == 1 && id <= self.last => Ok(()),
                    None => Err(Violation::Rule("a frame for a stream that never was")),
                }
            }
        }
    }

    fn send(&self, kind: Kind, payload: &[u8]) -> Result<(), Violation> {
        self.output.send(self.number, kind, 0, payload).map_err(|_| Violation::Rule("the other end does not read"))
    }

    fn deliver(&self, stream: &Arc<Stream>, frame: Frame) -> Result<(), Violation> {
        stream.deliver(frame)?;
        if stream.is_finished() {
            lock(&self.streams).remove(&stream.id);
        }
        Ok(())
    }

    fn open(&mut self, id: u32, payload: &[u8]) -> Result<(), Violation> {
        if id % 2 == 0 || id <= self.last {
            return Err(Violation::Rule("a stream id out of order"));
        }
        self.last = id;
        let stream = Arc::new(Stream::new(id, self.number, Arc::clone(self.output)));
        let mut streams = lock(&self.streams);
        if streams.len() >= MOST_STREAMS {
            stream.finish(Err(Refusal::new("limit", format!("{MOST_STREAMS} streams are open already"))));
            return Ok(());
        }
        let Some(request) = json::object(payload) else {
            stream.finish(Err(Refusal::bad("OPEN must hold a JSON object")));
            return Ok(());
        };
        streams.insert(id, Arc::clone(&stream));
        drop(streams);
        self.start(stream, request);
        Ok(())
    }

    /// Each verb has a thread; one that panics ends its stream alone.
    fn start(&self, stream: Arc<Stream>, request: Object) {
        let (guest, streams) = (Arc::clone(self.guest), Arc::clone(&self.streams));
        let mine = Arc::clone(&stream);
        let work = move || {
            mishap::serve(&mine);
            let result = verbs::run(&mine, &request, &guest);
            mine.finish(result);
            if mine.is_finished() {
                lock(&streams).remove(&mine.id);
            }
        };
        if let Err(error) = thread::Builder::new().stack_size(STACK).spawn(work) {
            stream.finish(Err(Refusal::io("thread", &error)));
            lock(&self.streams).remove(&stream.id);
        }
    }
}
