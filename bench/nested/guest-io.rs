//! What takes bytes in a guest of the bench, with nothing of banger in between. A static program without dependencies:
//! `guest-io PORT BYTES` takes connections from the host over vsock, reads so many bytes from each and answers with one.

use std::fs::File;
use std::io::{Read, Result, Write};
use std::os::fd::FromRawFd;

const PIECE: usize = 128 * 1024;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().collect();
    serve(words[1].parse().unwrap(), words[2].parse().unwrap())
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
