use super::*;
use crate::testing::TempFolder;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

/// A socket of datagrams instead of a TAP: each read and write is one frame there too.
struct Net {
    tap: UnixDatagram,
    path: PathBuf,
    _folder: TempFolder,
}

impl Net {
    fn new(label: &str) -> Net {
        let folder = TempFolder::new(label);
        let path = folder.join("vsock");
        let (tap, ours) = UnixDatagram::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        tap.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        carry(File::from(OwnedFd::from(ours)), UnixListener::bind(&path).unwrap().into()).unwrap();
        Net { tap, path, _folder: folder }
    }

    fn connect(&self) -> UnixStream {
        let host = UnixStream::connect(&self.path).unwrap();
        host.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        host
    }

    /// The next frame that was written to the TAP.
    fn written(&self) -> Vec<u8> {
        let mut frame = vec![0; MAX_FRAME];
        let length = self.tap.recv(&mut frame).unwrap();
        frame.truncate(length);
        frame
    }
}

fn framed(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_be_bytes()[..], frame].concat()
}

fn read(mut host: &UnixStream, length: usize) -> Vec<u8> {
    let mut data = vec![0; length];
    host.read_exact(&mut data).unwrap();
    data
}

#[test]
fn frames_go_both_ways_whole() {
    let net = Net::new("tap-both");
    let mut host = net.connect();
    let longest = vec![7; MAX_FRAME];
    for frame in [b"first".as_slice(), &longest] {
        net.tap.send(frame).unwrap();
        assert_eq!(read(&host, LENGTH + frame.len()), framed(frame));
        let sent = framed(frame);
        for cut in [1, LENGTH, LENGTH + 1, sent.len() - 1] {
            host.write_all(&sent[..cut]).unwrap();
            host.write_all(&sent[cut..]).unwrap();
            assert_eq!(net.written(), frame, "cut at {cut}");
        }
    }
}

#[test]
fn frames_that_are_sent_without_a_connection_wait_for_one() {
    let net = Net::new("tap-early");
    net.tap.send(b"early").unwrap();
    assert_eq!(read(&net.connect(), 9), framed(b"early"));
    net.tap.send(b"later").unwrap();
    assert_eq!(read(&net.connect(), 9), framed(b"later"));
}

#[test]
fn a_new_connection_replaces_the_old_one_and_what_was_incomplete_in_it() {
    let net = Net::new("tap-second");
    let mut first = net.connect();
    first.write_all(&[&framed(b"one")[..], &framed(b"lost")[..6]].concat()).unwrap();
    assert_eq!(net.written(), b"one");
    let mut second = net.connect();
    assert_eq!(first.read(&mut [0]).unwrap(), 0, "the first is closed");
    second.write_all(&framed(b"two")).unwrap();
    assert_eq!(net.written(), b"two");
    net.tap.send(b"three").unwrap();
    assert_eq!(read(&second, 9), framed(b"three"));
}

#[test]
fn a_host_that_sends_too_long_a_frame_is_hung_up_on() {
    let net = Net::new("tap-long");
    let mut host = net.connect();
    host.write_all(&(MAX_FRAME as u32 + 1).to_be_bytes()).unwrap();
    assert_eq!(host.read(&mut [0]).unwrap(), 0);
    let mut next = net.connect();
    next.write_all(&framed(b"next")).unwrap();
    assert_eq!(net.written(), b"next");
}

#[test]
fn a_host_that_reads_nothing_can_be_replaced() {
    let net = Net::new("tap-full");
    let stuck = net.connect();
    let tap = net.tap.try_clone().unwrap();
    thread::spawn(move || while tap.send(&[7; 9000]).is_ok() {});
    // half of what a unix socket holds: soon the rest is written too, or cannot be
    while unread(&stuck) < 100_000 {
        thread::yield_now();
    }
    let host = net.connect();
    assert_eq!(read(&host, LENGTH + 9000), framed(&[7; 9000]));
}

/// Bytes that can be read: ioctl(2) FIONREAD.
fn unread(stream: &UnixStream) -> i32 {
    let mut bytes = 0;
    // SAFETY: FIONREAD fills one int.
    assert_eq!(unsafe { libc::ioctl(stream.as_raw_fd(), libc::FIONREAD, &mut bytes) }, 0);
    bytes
}
