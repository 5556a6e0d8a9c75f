//! What moves bytes in a guest of the bench, with nothing of banger in its way. A static program without dependencies:
//! `guest-io up|down ADDRESS:PORT BYTES` prints how many ms a TCP connection took for so many bytes, `guest-io vsock PORT BYTES` takes
//! connections from the host, reads so many bytes from each and answers with one.

use std::fs::File;
use std::io::{Read, Result, Write};
use std::net::TcpStream;
use std::os::fd::FromRawFd;
use std::time::Instant;

const PIECE: usize = 128 * 1024;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let bytes = words[3].parse().unwrap();
    match words[1].as_str() {
        "up" => timed(&words[2], |mut peer| {
            send(&mut peer, bytes)?;
            peer.read_exact(&mut [0])
        }),
        "down" => timed(&words[2], |mut peer| receive(&mut peer, bytes)),
        _ => serve(words[2].parse().unwrap(), bytes),
    }
}

fn timed(address: &str, work: impl Fn(TcpStream) -> Result<()>) -> Result<()> {
    let peer = TcpStream::connect(address)?;
    let begun = Instant::now();
    work(peer)?;
    println!("{}", begun.elapsed().as_secs_f64() * 1000.0);
    Ok(())
}

fn send(to: &mut impl Write, mut left: usize) -> Result<()> {
    let piece = [0; PIECE];
    while left > 0 {
        left -= to.write(&piece[..left.min(PIECE)])?;
    }
    Ok(())
}

fn receive(from: &mut impl Read, mut left: usize) -> Result<()> {
    let mut piece = vec![0; PIECE];
    while left > 0 {
        match from.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            length => left -= length,
        }
    }
    Ok(())
}

extern "C" {
    fn socket(family: i32, kind: i32, protocol: i32) -> i32;
    fn bind(fd: i32, address: *const u32, length: u32) -> i32;
    fn listen(fd: i32, waiting: i32) -> i32;
    fn accept(fd: i32, address: *mut u32, length: *mut u32) -> i32;
}

/// `struct sockaddr_vm` of vsock(7): AF_VSOCK, a port, and VMADDR_CID_ANY.
fn serve(port: u32, bytes: usize) -> Result<()> {
    let address = [40, port, u32::MAX, 0];
    // SAFETY: plain numbers, and an address of the length that is passed.
    let listener = unsafe {
        let fd = socket(40, 1, 0);
        assert!(fd >= 0 && bind(fd, address.as_ptr(), 16) == 0 && listen(fd, 4) == 0);
        fd
    };
    println!("listening");
    loop {
        // SAFETY: no address is wanted; the descriptor is ours.
        let mut host = unsafe {
            let fd = accept(listener, std::ptr::null_mut(), std::ptr::null_mut());
            assert!(fd >= 0);
            File::from_raw_fd(fd)
        };
        // a host that hangs up is no reason to end
        let _ = receive(&mut host, bytes).and_then(|()| host.write_all(&[1]));
    }
}
