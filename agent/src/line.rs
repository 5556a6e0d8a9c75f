//! The byte stream under the frames: a virtio-serial port, or a socket.

use crate::sys::signal;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

/// Where one line is read and written. Whole buffers are written at once: frames never mix.
pub trait Line: Send + Sync {
    /// Ok(0): the other end is gone for now.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn send(&self, bytes: &[u8]) -> io::Result<()>;
    /// After `receive` gave 0: waits for another other end; false when there will be none.
    fn await_peer(&self) -> bool;
}

/// A virtio-serial port: one line for ever, whose other end comes and goes.
pub struct Port {
    reading: File,
    writing: Mutex<File>,
}

impl Port {
    /// SIGIO must be blocked in every thread: it says that the host came or went.
    pub fn open(path: &str) -> io::Result<Port> {
        let reading = File::options().read(true).write(true).open(path)?;
        crate::sys::net::signal_changes(&reading)?;
        let writing = Mutex::new(reading.try_clone()?);
        Ok(Port { reading, writing })
    }
}

impl Line for Port {
    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.reading).read(buffer)
    }
    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.writing.lock().unwrap().write_all(bytes)
    }
    fn await_peer(&self) -> bool {
        // the tick covers a kernel that forgot to tell; looking costs one system call
        signal::wait_for(&[libc::SIGIO], Some(1000));
        true
    }
}

/// A connected socket: over when its other end is gone.
pub struct Socket {
    stream: UnixStream,
    writing: Mutex<()>,
}

impl Socket {
    pub fn new(stream: UnixStream) -> Socket {
        Socket { stream, writing: Mutex::default() }
    }
}

impl Line for Socket {
    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.stream).read(buffer)
    }
    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap();
        (&self.stream).write_all(bytes)
    }
    fn await_peer(&self) -> bool {
        false
    }
}

/// Reads a line through a buffer. The other end going away is an error to whoever reads then; reading goes on with the next.
pub struct Reader {
    line: Arc<dyn Line>,
    buffer: Box<[u8]>,
    from: usize,
    to: usize,
    over: bool,
    connected: bool,
}

impl Reader {
    pub fn new(line: Arc<dyn Line>) -> Reader {
        Reader { line, buffer: vec![0; 64 * 1024].into_boxed_slice(), from: 0, to: 0, over: false, connected: false }
    }

    /// No other end will come any more.
    pub fn is_over(&self) -> bool {
        self.over
    }

    fn fill(&mut self) -> io::Result<()> {
        loop {
            match self.line.receive(&mut self.buffer) {
                Ok(0) => {
                    if self.connected {
                        self.connected = false;
                        self.over = !self.line.await_peer();
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    if self.over || !self.line.await_peer() {
                        self.over = true;
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Ok(count) => {
                    self.connected = true;
                    (self.from, self.to) = (0, count);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.over = true;
                    return Err(error);
                }
            }
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.from == self.to {
            self.fill()?;
        }
        let size = buffer.len().min(self.to - self.from);
        buffer[..size].copy_from_slice(&self.buffer[self.from..self.from + size]);
        self.from += size;
        Ok(size)
    }
}
