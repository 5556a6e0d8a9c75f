//! What a command writes, on its way to the host.

use crate::stream::Stream;
use crate::sys::poll::{self, Ready};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Says to several threads at once that a command has ended: its read end becomes readable (hung up).
pub struct Finish {
    read: Arc<File>,
    write: Mutex<Option<File>>,
}

impl Finish {
    pub fn new() -> io::Result<Finish> {
        let (read, write) = poll::pipe()?;
        Ok(Finish { read: Arc::new(read), write: Mutex::new(Some(write)) })
    }
    pub fn reader(&self) -> Arc<File> {
        self.read.clone()
    }
    pub fn finish(&self) {
        self.write.lock().unwrap().take();
    }
}

/// Until the pipe ends, or the command: then what the pipe holds at that moment still goes.
pub fn pump_pipe(stream: &Arc<Stream>, channel: u8, from: OwnedFd, over: &Finish) -> Option<JoinHandle<()>> {
    let (stream, over) = (stream.clone(), over.reader());
    let body = move || {
        let mut pipe = File::from(from);
        let mut buffer = vec![0u8; 32 * 1024];
        loop {
            match poll::either(pipe.as_raw_fd(), poll::READ, over.as_raw_fd(), -1) {
                Ok(Ready::First) if !is_over(&over) => match pipe.read(&mut buffer) {
                    Ok(count @ 1..) if stream.write(channel, &buffer[..count]) => {}
                    _ => return,
                },
                Ok(_) => return drain(&stream, channel, &mut pipe),
                Err(_) => return,
            }
        }
    };
    std::thread::Builder::new().stack_size(128 * 1024).spawn(body).ok()
}

fn is_over(over: &File) -> bool {
    poll::readable(over.as_raw_fd(), 0).unwrap_or(true)
}

fn drain(stream: &Stream, channel: u8, pipe: &mut File) {
    let mut left = poll::available(pipe);
    let mut buffer = vec![0u8; 32 * 1024];
    while left > 0 {
        let wanted = left.min(buffer.len());
        match pipe.read(&mut buffer[..wanted]) {
            Ok(count @ 1..) if stream.write(channel, &buffer[..count]) => left -= count,
            _ => return,
        }
    }
}

/// Until the terminal is hung up, which the kernel does when its session's leader ends.
pub fn pump_terminal(stream: &Arc<Stream>, mut master: File, over: &Finish) -> Option<JoinHandle<()>> {
    let (stream, over) = (stream.clone(), over.reader());
    let body = move || {
        let mut buffer = vec![0u8; 16 * 1024];
        loop {
            let ready = poll::either(master.as_raw_fd(), poll::READ, over.as_raw_fd(), -1);
            // the leader is gone: what it wrote is either here or a moment away
            let more = match ready {
                Ok(Ready::First) => true,
                Ok(_) => poll::readable(master.as_raw_fd(), 100).unwrap_or(false),
                Err(_) => false,
            };
            if !more {
                return;
            }
            match master.read(&mut buffer) {
                Ok(count @ 1..) if stream.write(1, &buffer[..count]) => {}
                _ => return,
            }
        }
    };
    std::thread::Builder::new().stack_size(128 * 1024).spawn(body).ok()
}
