//! The agent's own listeners in the guest, and the connections to them that wait for the host to take them.

use crate::session::lock;
use crate::sys::event_fd::EventFd;
use crate::wire::json::{Answer, Refusal};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Listeners of all sessions at once.
const MAX_LISTENERS: usize = 32;
/// Connections of one listener that wait; further ones wait in the kernel.
const MAX_WAITING: usize = 16;
/// How long a connection waits before it is closed.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a new listener waits for the end of an older one at its place.
const HANDOVER: Duration = Duration::from_secs(1);

pub enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
}

#[derive(Default)]
pub struct Listeners {
    state: Mutex<State>,
    /// one has ended
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// listeners that have ended
    past: u64,
    /// of listeners and of connections
    last_id: u64,
    open: Vec<Open>,
    waiting: Vec<Waiting>,
}

struct Open {
    id: u64,
    /// TCP addresses that it is bound to
    addresses: Vec<SocketAddr>,
    /// signalled when one of its connections was taken
    taken: Arc<EventFd>,
}

struct Waiting {
    id: u64,
    listener: u64,
    since: Instant,
    connection: Connection,
}

/// An open listener's entry; its waiting connections are closed with it. Drop it after its sockets.
pub struct Listener {
    all: Arc<Listeners>,
    id: u64,
    taken: Arc<EventFd>,
}

impl Listeners {
    /// `limit`: there are too many.
    pub fn open(self: &Arc<Self>, addresses: Vec<SocketAddr>) -> Answer<Listener> {
        let taken = Arc::new(EventFd::new().map_err(|error| Refusal::io("eventfd", &error))?);
        let mut state = lock(&self.state);
        if state.open.len() >= MAX_LISTENERS {
            return Err(Refusal::new("limit", format!("{MAX_LISTENERS} listeners are open already")));
        }
        let id = state.next_id();
        state.open.push(Open { id, addresses, taken: Arc::clone(&taken) });
        Ok(Listener { all: Arc::clone(self), id, taken })
    }

    /// The connection that an event announced; None: it was taken, or closed meanwhile.
    pub fn take(&self, id: u64) -> Option<Connection> {
        let mut state = lock(&self.state);
        let at = state.waiting.iter().position(|waiting| waiting.id == id)?;
        let waiting = state.waiting.swap_remove(at);
        if let Some(listener) = state.open.iter().find(|open| open.id == waiting.listener) {
            listener.taken.signal();
        }
        Some(waiting.connection)
    }

    /// Calls `bind` again when a listener has ended while its place was taken: those of a session that was lost end a moment later.
    pub fn bind<T>(&self, bind: impl Fn() -> Answer<T>) -> Answer<T> {
        let until = Instant::now() + HANDOVER;
        loop {
            let past = lock(&self.state).past;
            match bind() {
                Err(refusal) if refusal.code == "busy" && self.wait_for_end(past, until) => {}
                result => return result,
            }
        }
    }

    /// Whether a listener has ended since there were `past` ends, or does before `until`.
    fn wait_for_end(&self, past: u64, until: Instant) -> bool {
        let mut state = lock(&self.state);
        while state.past == past {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.open.is_empty() {
                return false;
            }
            state = match self.ended.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        true
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        lock(&self.state).open.iter().flat_map(|open| open.addresses.iter().copied()).collect()
    }
}

impl State {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl Listener {
    /// Readable when there may be room again.
    pub fn taken(&self) -> &EventFd {
        &self.taken
    }

    /// Keeps a connection until it is taken. Returns its id.
    pub fn add(&self, connection: Connection) -> u64 {
        let mut state = lock(&self.all.state);
        let id = state.next_id();
        state.waiting.push(Waiting { id, listener: self.id, since: Instant::now(), connection });
        id
    }

    /// Closes one of the connections that wait.
    pub fn close(&self, id: u64) {
        lock(&self.all.state).waiting.retain(|waiting| waiting.listener != self.id || waiting.id != id);
    }

    /// Closes what has waited too long. Returns whether there is room for another, and how long the oldest one still waits.
    pub fn tidy(&self) -> (bool, Option<Duration>) {
        let now = Instant::now();
        let mut state = lock(&self.all.state);
        state.waiting.retain(|waiting| waiting.listener != self.id || now.duration_since(waiting.since) < PATIENCE);
        let mine = || state.waiting.iter().filter(|waiting| waiting.listener == self.id);
        let oldest = mine().map(|waiting| (waiting.since + PATIENCE).saturating_duration_since(now)).min();
        (mine().count() < MAX_WAITING, oldest)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut state = lock(&self.all.state);
        state.open.retain(|open| open.id != self.id);
        state.waiting.retain(|waiting| waiting.listener != self.id);
        state.past += 1;
        self.all.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::poll;
    use std::io::Read;

    fn is_signalled(event: &EventFd) -> bool {
        poll::readable(event.fd(), Some(Duration::ZERO)).unwrap()
    }

    #[test]
    fn sixteen_connections_wait_and_one_that_is_taken_makes_room() {
        let all = Arc::new(Listeners::default());
        let (listener, other) = (all.open(Vec::new()).unwrap(), all.open(Vec::new()).unwrap());
        let add = || listener.add(Connection::Unix(UnixStream::pair().unwrap().0));
        let ids: Vec<u64> = (0..15).map(|_| add()).collect();
        assert!(listener.tidy().0);
        add();
        assert!(!listener.tidy().0 && listener.tidy().1.is_some_and(|left| left > Duration::from_secs(20)));
        assert_eq!((other.tidy().0, other.tidy().1), (true, None));
        assert!(all.take(ids[3]).is_some() && all.take(ids[3]).is_none() && all.take(9999).is_none());
        assert!(listener.tidy().0 && is_signalled(listener.taken()) && !is_signalled(other.taken()));
    }

    #[test]
    fn a_listener_that_ends_closes_what_waits() {
        let all = Arc::new(Listeners::default());
        let listener = all.open(Vec::new()).unwrap();
        let (agents, mut clients) = UnixStream::pair().unwrap();
        let id = listener.add(Connection::Unix(agents));
        drop(listener);
        assert_eq!(clients.read(&mut [0]).unwrap(), 0);
        assert!(all.take(id).is_none());
    }

    #[test]
    fn a_place_that_is_taken_is_tried_again_when_a_listener_has_ended() {
        let all = Arc::new(Listeners::default());
        let busy = || Err(Refusal::new("busy", "taken"));
        assert!(all.bind(|| Ok(1)) == Ok(1) && all.bind(|| busy() as Answer<i32>).is_err(), "nothing to wait for");
        let listener = all.open(Vec::new()).unwrap();
        let tried = std::sync::atomic::AtomicBool::new(false);
        let first = || !tried.swap(true, std::sync::atomic::Ordering::SeqCst);
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            receiver.recv().unwrap();
            drop(listener);
        });
        let bound = all.bind(|| {
            if !first() {
                return Ok(2);
            }
            sender.send(()).unwrap();
            busy()
        });
        assert_eq!(bound, Ok(2));
    }

    #[test]
    fn listeners_have_a_limit() {
        let all = Arc::new(Listeners::default());
        let mut open: Vec<Listener> = (0..32).map(|_| all.open(Vec::new()).unwrap()).collect();
        assert_eq!(all.open(Vec::new()).err().unwrap().code, "limit");
        open.pop();
        assert!(all.open(Vec::new()).is_ok());
    }
}
