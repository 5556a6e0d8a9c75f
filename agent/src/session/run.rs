//! Serves one connection: preamble, HELLO, frames, and again.

use super::output::Output;
use super::{body, lock, panic_handler, workers, Stream};
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

/// Streams that can be open at once.
const MAX_STREAMS: usize = 256;
const STACK: usize = 256 * 1024;

/// State of the peer after it disconnected.
pub enum Peer {
    /// it may have connected again
    Present,
    /// it did not connect in time
    Absent,
    /// it can never connect again
    Closed,
}

/// A session survives a disconnection that is shorter than this. A virtio-serial port reports that the host opened or closed it
/// apart from the data and late: a new session may already have begun when the end of the previous connection is reported.
const RECONNECT_TIME: Duration = Duration::from_secs(1);

/// A byte stream to a host.
pub trait Connection {
    type Reader: Read;
    type Writer: Write + Send + 'static;
    fn split(&mut self) -> io::Result<(Self::Reader, Self::Writer)>;
    /// Waits for the peer to reconnect, indefinitely if `timeout` is `None`.
    fn wait_for_peer(&mut self, timeout: Option<Duration>) -> io::Result<Peer>;
    /// Unblocks a writer that waits for a peer that is gone.
    fn hang_up(&self);
}

/// Serves one session after another until the connection is closed for good.
pub fn serve_connection(mut connection: impl Connection, guest: &Arc<Guest>) -> io::Result<()> {
    let (reader, writer) = connection.split()?;
    let output = Arc::new(Output::default());
    let sender = Arc::clone(&output);
    let written = thread::Builder::new().stack_size(STACK).spawn(move || sender.write_out(writer))?;
    guest.connections.add(&output);
    let mut source = Source { input: Input::default(), reader, connection };
    let result = loop {
        if let Some(nonce) = source.input.find_preamble() {
            run_session(&mut source, &output, guest, nonce);
            continue;
        }
        match source.fill(None) {
            Ok(Peer::Closed) => break Ok(()),
            Err(error) => break Err(error),
            Ok(Peer::Present | Peer::Absent) => {}
        }
    };
    guest.connections.remove(&output);
    source.connection.hang_up();
    output.finish();
    let _ = written.join();
    result
}

/// The receiving half of a connection.
struct Source<C: Connection> {
    input: Input,
    reader: C::Reader,
    connection: C,
}

impl<C: Connection> Source<C> {
    /// Reads more bytes; `Present` may mean that there were none. `timeout`: how long the peer may be disconnected.
    fn fill(&mut self, timeout: Option<Duration>) -> io::Result<Peer> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            match self.input.fill(&mut self.reader) {
                Ok(0) => {}
                Ok(_) => return Ok(Peer::Present),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            match self.connection.wait_for_peer(left)? {
                Peer::Present => {}
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
    /// id of the stream that the host opened last
    last: u32,
}

/// Returns when either end has ended the session.
fn run_session(source: &mut Source<impl Connection>, output: &Arc<Output>, guest: &Arc<Guest>, nonce: [u8; NONCE]) {
    let tag = u32::from_le_bytes([nonce[0], nonce[1], nonce[2], nonce[3]]);
    let answer = [MAGIC.as_slice(), &nonce].concat();
    let number = guest.with_hello(|hello| output.begin(tag, &answer, hello.to_string().as_bytes()));
    let mut session = Session { number, output, guest, streams: Arc::default(), last: 0 };
    match session.read_all(source, tag) {
        Some(violation) => output.abort(&violation.to_string()),
        None => output.end(),
    }
    for stream in lock(&session.streams).values() {
        stream.disconnect();
    }
}

impl Session<'_> {
    /// Handles frames until the connection drops (None) or the host violates the protocol.
    fn read_all(&mut self, source: &mut Source<impl Connection>, tag: u32) -> Option<Violation> {
        loop {
            let taken = match source.input.next_frame(tag) {
                Ok(Some(frame)) => self.take(frame),
                Ok(None) => match source.fill(Some(RECONNECT_TIME)) {
                    Ok(Peer::Present) => Ok(()),
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
            return Err(Violation::Rule("the host does not read"));
        }
        match (frame.stream, frame.kind) {
            (0, Kind::Ping) if frame.payload.len() <= 64 => self.send(Kind::Pong, &frame.payload),
            (0, Kind::Notice) => json::object(&frame.payload).map(drop).ok_or(Violation::Rule("a NOTICE without JSON")),
            (0, _) => Err(Violation::Rule("a frame of that type is not allowed on stream 0")),
            (id, Kind::Open) => self.open(id, &frame.payload),
            (id, _) => {
                let stream = lock(&self.streams).get(&id).cloned();
                match stream {
                    Some(stream) => self.deliver(&stream, frame),
                    None if id % 2 == 1 && id <= self.last => Ok(()),
                    None => Err(Violation::Rule("a frame for a stream that was never opened")),
                }
            }
        }
    }

    fn send(&self, kind: Kind, payload: &[u8]) -> Result<(), Violation> {
        self.output.send(self.number, kind, 0, payload).map_err(|_| Violation::Rule("the host does not read"))
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
        if streams.len() >= MAX_STREAMS {
            stream.finish(Err(Refusal::new("limit", format!("{MAX_STREAMS} streams are open already"))));
            return Ok(());
        }
        let Some(request) = json::object(payload) else {
            stream.finish(Err(Refusal::bad("OPEN must contain a JSON object")));
            return Ok(());
        };
        streams.insert(id, Arc::clone(&stream));
        drop(streams);
        self.start(stream, request);
        Ok(())
    }

    /// Runs the verb on a thread of its own; a panic there ends only the stream and the thread.
    fn start(&self, stream: Arc<Stream>, request: Object) {
        let (guest, streams) = (Arc::clone(self.guest), Arc::clone(&self.streams));
        let mine = Arc::clone(&stream);
        let work = move || {
            panic_handler::attach(&mine);
            let result = body::read_request(&mine, request).and_then(|request| verbs::run(&mine, &request, &guest));
            mine.finish(result);
            if mine.is_finished() {
                lock(&streams).remove(&mine.id);
            }
            panic_handler::detach();
        };
        if let Err(error) = workers::run(work) {
            stream.finish(Err(Refusal::io("thread", &error)));
            lock(&self.streams).remove(&stream.id);
        }
    }
}

#[cfg(test)]
mod tests;
