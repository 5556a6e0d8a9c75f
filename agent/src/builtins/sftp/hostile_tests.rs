//! A client that breaks the protocol, or asks for too much.

use super::attributes::Attributes;
use super::client::Requests;
use super::handles;
use super::wire::{kind, Put, MAX_PACKET};
use crate::testing::TempFolder;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Status of a server with this input.
fn ended(bytes: &[u8]) -> ExitCode {
    super::serve(bytes, io::sink())
}

fn after_init(bytes: &[u8]) -> Vec<u8> {
    [Requests::new().bytes.as_slice(), bytes].concat()
}

#[test]
fn the_first_packet_is_init() {
    assert_eq!(ended(b""), ExitCode::SUCCESS);
    assert_eq!(ended(&after_init(b"")), ExitCode::SUCCESS);
    for bytes in [b"\0\0\0\x05\x03\0\0\0\x03".as_slice(), b"\0\0\0\x01\x01", b"\0\0\0\0", b"SSH-2.0-OpenSSH\r\n"] {
        assert_eq!(ended(bytes), ExitCode::FAILURE, "{bytes:?}");
    }
}

#[test]
fn a_malformed_packet_ends_it_and_what_came_before_is_answered() {
    for bad in [
        vec![0, 0, 0, 0],
        (MAX_PACKET as u32 + 1).to_be_bytes().to_vec(),
        vec![0, 0, 0, 4, kind::STAT, 0, 0, 1],
        vec![0, 0, 0, 9, kind::STAT, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff],
        vec![0, 0, 0, 9, kind::STAT, 0, 0, 0, 1],
    ] {
        let mut requests = Requests::new().path(kind::REALPATH, Path::new("/"));
        requests.bytes.extend_from_slice(&bad);
        let (answers, status) = requests.run();
        assert_eq!((answers.len(), status), (1, ExitCode::FAILURE), "{bad:?}");
    }
}

#[test]
fn every_request_cut_anywhere_is_malformed_and_never_more() {
    let path = Path::new("/no/such/file");
    let attributes = Attributes { size: Some(1), owner: Some((1, 1)), mode: Some(1), times: Some((1, 1)) };
    let whole = |kind: u8| Requests::new().add(kind, |packet| {
        packet.put_string(path.as_os_str().as_encoded_bytes());
        attributes.put(packet);
        packet.put_string(b"x");
    });
    for kind in 0..=255 {
        let bytes = whole(kind).bytes.split_off(Requests::new().bytes.len());
        for size in 1..bytes.len() - 4 {
            let cut = [&(size as u32).to_be_bytes(), &bytes[4..4 + size]].concat();
            ended(&after_init(&cut));
        }
    }
}

#[test]
fn random_packets_do_no_harm() {
    let mut state = 88_172_645_463_325_252u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..2000 {
        let size = 5 + (random() % 60) as usize;
        let mut packet: Vec<u8> = (0..size).map(|_| random() as u8).collect();
        // none that changes files: a random path of one letter may exist
        packet[0] = [4, 5, 7, 8, 12, 16, 17, 19, 99, 200][(random() % 10) as usize];
        let mut bytes = Vec::new();
        bytes.put_string(&packet);
        ended(&after_init(&bytes));
    }
}

#[test]
fn so_many_files_are_open_at_once() {
    let folder = TempFolder::new("sftp-many");
    let open = |requests: Requests| requests.path(kind::OPENDIR, &folder);
    let answers = (0..=handles::MAX).fold(Requests::new(), |requests, _| open(requests));
    let answers = open(answers.on_handle(kind::CLOSE, 7)).answers();
    let kinds: Vec<u8> = answers.iter().map(|answer| answer.kind).collect();
    assert!(kinds[..handles::MAX].iter().all(|kind| *kind == kind::HANDLE));
    assert_eq!(answers[handles::MAX].code(), 4);
    assert_eq!(kinds[handles::MAX + 1..], [kind::STATUS, kind::HANDLE]);
}

#[test]
fn a_handle_is_only_what_it_was_opened_as() {
    let folder = TempFolder::new("sftp-handles");
    let answers = Requests::new()
        .path(kind::OPENDIR, &folder)
        .read(0, 0, 1)
        .write(0, 0, b"x")
        .on_handle(kind::FSTAT, 0)
        .on_handle(kind::READDIR, 9)
        .on_handle(kind::CLOSE, 9)
        .add(kind::CLOSE, |packet| packet.put_string(b"\0\0\0\0\0"))
        .on_handle(kind::CLOSE, 0)
        .path(kind::OPENDIR, &folder)
        .on_handle(kind::CLOSE, 0)
        .answers();
    let codes: Vec<u32> = answers.iter().filter(|answer| answer.kind == kind::STATUS).map(|answer| answer.code()).collect();
    // a closed handle's number is not another one's
    assert_eq!(codes, [4, 4, 4, 4, 4, 4, 0, 4]);
}

/// Counts what it holds back until it is flushed.
struct Measured<'a>(&'a mut usize);

impl Write for Measured<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.0 = bytes.len().max(*self.0);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn replies_are_not_collected_without_end() {
    let folder = TempFolder::new("sftp-replies");
    std::fs::write(folder.join("f"), vec![1; 600_000]).unwrap();
    let open = Requests::new().open(&folder.join("f"), 1, &Attributes::default());
    let requests = (0..200).fold(open, |requests, _| requests.read(0, 0, u32::MAX));
    let mut most = 0;
    assert_eq!(super::serve(requests.bytes.as_slice(), Measured(&mut most)), ExitCode::SUCCESS);
    assert!(most < 3 * 256 * 1024, "{most}");
}

#[test]
fn a_path_with_nul_and_one_that_is_too_long_are_refused() {
    let requests = Requests::new()
        .add(kind::STAT, |packet| packet.put_string(b"/etc\0/passwd"))
        .add(kind::STAT, |packet| packet.put_string(&vec![b'a'; 200_000]));
    let codes: Vec<u32> = requests.answers().iter().map(|answer| answer.code()).collect();
    assert_eq!(codes, [5, 5]);
}
