//! Sessions on a connection: one after the other, each with concurrent streams.

mod body;
pub mod panic_handler;
mod output;
mod reader;
mod run;
mod stream;
pub mod workers;

pub use output::Output;
pub use reader::ChannelReader;
pub use run::{serve_connection, Connection, Peer};
pub use stream::{Received, Stream};

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Ignores poisoning: every change under these locks is a single step, so a panic leaves nothing half-done.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a notification; ignores poisoning, as `lock` does.
pub fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}
