//! A line from its first byte to its last: preamble, HELLO, frames, and again.

use super::output::Output;
use super::{body, lock, mishap, workers, Stream};
use crate::guest::Guest;
use crate::verbs;
use crate::wire::frame::{Frame, Kind, Violation};
use crate::wire::input::{Input, MAGIC, NONCE};
use crate::wire::json::{self, Object, Refusal};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Streams open at once.
const MOST_STREAMS: usize = 256;
const STACK: usize = 256 * 1024;

/// Of an other end that is gone.
pub enum Next {
    /// it may be there again
    Again,
    /// it is still gone
    Gone,
    /// it will never come back
    Over,
}

/// A line that drops for a shorter time has not dropped. A virtio-serial port tells of the host's coming and going beside the
/// data, and late: a new session may have begun when the end of the line before it is heard of.
const HICCUP: Duration = Duration::from_secs(1);

/// A byte stream to a host, in two halves.
pub trait Line {
    type Reader: Read;
    type Writer: Write + Send + 'static;
    fn halves(&mut self) -> io::Result<(Self::Reader, Self::Writer)>;
    /// Waits until the other end is there again, perhaps for a limited time.
    fn dropped(&mut self, patience: Option<Duration>) -> io::Result<Next>;
    /// Unblocks a writer that waits for an end that is gone.
    fn hang_up(&self);
}

/// Serves sessions until the line is over.
pub fn serve_line(mut line: impl Line, guest: &Arc<Guest>) -> io::Result<()> {
    let (reader, writer) = line.halves()?;
    let output = Arc::new(Output::default());
    let sender = Arc::clone(&output);
    let written = thread::Builder::new().stack_size(STACK).spawn(move || sender.write_out(writer))?;
    guest.lines.add(&output);
    let mut source = Source { input: Input::default(), reader, line };
    let result = loop {
        if let Some(nonce) = source.input.find_preamble() {
            run_session(&mut source, &output, guest, nonce);
            continue;
        }
        match source.fill(None) {
            Ok(Next::Over) => break Ok(()),
            Err(error) => break Err(error),
            Ok(Next::Again | Next::Gone) => {}
        }
    };
    guest.lines.remove(&output);
    source.line.hang_up();
    output.finish();
    let _ = written.join();
    result
}

/// What is read, and where from.
struct Source<L: Line> {
    input: Input,
    reader: L::Reader,
    line: L,
}

impl<L: Line> Source<L> {
    /// Reads more, which may be nothing (`Again`). `patience`: how long the other end may be away.
    fn fill(&mut self, patience: Option<Duration>) -> io::Result<Next> {
        let until = patience.map(|patience| Instant::now() + patience);
        loop {
            match self.input.fill(&mut self.reader) {
                Ok(0) => {}
                Ok(_) => return Ok(Next::Again),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            match self.line.dropped(left)? {
                Next::Again => {}
                end => return Ok(end),
            }
        }
    }
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
fn run_session(source: &mut Source<impl Line>, output: &Arc<Output>, guest: &Arc<Guest>, nonce: [u8; NONCE]) {
    let tag = u32::from_le_bytes([nonce[0], nonce[1], nonce[2], nonce[3]]);
    let answer = [MAGIC.as_slice(), &nonce].concat();
    let number = guest.greet(|hello| output.begin(tag, &answer, hello.to_string().as_bytes()));
    let mut session = Session { number, output, guest, streams: Arc::default(), last: 0 };
    match session.read_all(source, tag) {
        Some(violation) => output.break_off(&violation.to_string()),
        None => output.end(),
    }
    for stream in lock(&session.streams).values() {
        stream.lose();
    }
}

impl Session<'_> {
    /// Until the line drops, or the host breaks a rule.
    fn read_all(&mut self, source: &mut Source<impl Line>, tag: u32) -> Option<Violation> {
        loop {
            let taken = match source.input.next_frame(tag) {
                Ok(Some(frame)) => self.take(frame),
                Ok(None) => match source.fill(Some(HICCUP)) {
                    Ok(Next::Again) => Ok(()),
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

    /// Each verb has a thread; one that panics ends its stream and its thread alone.
    fn start(&self, stream: Arc<Stream>, request: Object) {
        let (guest, streams) = (Arc::clone(self.guest), Arc::clone(&self.streams));
        let mine = Arc::clone(&stream);
        let work = move || {
            mishap::serve(&mine);
            let result = body::whole(&mine, request).and_then(|request| verbs::run(&mine, &request, &guest));
            mine.finish(result);
            if mine.is_finished() {
                lock(&streams).remove(&mine.id);
            }
            mishap::served();
        };
        if let Err(error) = workers::run(work) {
            stream.finish(Err(Refusal::io("thread", &error)));
            lock(&self.streams).remove(&stream.id);
        }
    }
}

#[cfg(test)]
mod tests;
