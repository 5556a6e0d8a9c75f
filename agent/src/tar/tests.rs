//! Unpacking what a stranger packed: nothing may leave the folder.

use super::read::Archive;
use super::unpack::{Done, Owner, Unpacker};
use crate::wire::json::Refusal;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;

struct Tar(Vec<u8>);

impl Tar {
    fn new() -> Tar {
        Tar(Vec::new())
    }
    fn add(mut self, kind: u8, name: &str, target: &str, data: &[u8]) -> Tar {
        let mut block = [0u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..107].copy_from_slice(b"0000644");
        block[108..115].copy_from_slice(b"0000000");
        block[116..123].copy_from_slice(b"0000000");
        block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        block[136..147].copy_from_slice(b"00000000012");
        block[148..156].copy_from_slice(b"        ");
        block[156] = kind;
        block[157..157 + target.len()].copy_from_slice(target.as_bytes());
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.0.extend_from_slice(&block);
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }
    fn unpack_into(&self, path: &std::path::Path) -> Result<Done, Refusal> {
        let mut bytes = self.0.clone();
        bytes.extend_from_slice(&[0; 1024]);
        unpack(&bytes, path)
    }
}

fn unpack(bytes: &[u8], path: &std::path::Path) -> Result<Done, Refusal> {
    Unpacker::new(OwnedFd::from(File::open(path).unwrap()), Owner::default()).unpack(bytes)
}

fn folder(label: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("banger-unpack-{}-{label}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(path.join("in")).unwrap();
    path
}

#[test]
fn files_folders_and_links() {
    let base = folder("plain");
    let tar = Tar::new()
        .add(b'5', "a", "", b"")
        .add(b'0', "a/file", "", b"hello")
        .add(b'2', "a/link", "file", b"")
        .add(b'1', "a/hard", "a/file", b"")
        .add(b'0', "deep/er/file", "", b"x");
    assert_eq!(tar.unpack_into(&base.join("in")).unwrap(), Done { entries: 5, bytes: 6 });
    assert_eq!(std::fs::read(base.join("in/a/hard")).unwrap(), b"hello");
    assert_eq!(std::fs::read_link(base.join("in/a/link")).unwrap().to_str(), Some("file"));
    let file = std::fs::metadata(base.join("in/a/file")).unwrap();
    assert_eq!(file.permissions().mode() & 0o7777, 0o644);
    assert_eq!(file.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 10);
    std::fs::remove_dir_all(base).unwrap();
}

#[test]
fn an_entry_replaces_a_link_instead_of_following_it() {
    let base = folder("replace");
    std::fs::write(base.join("outside"), b"safe").unwrap();
    let tar = Tar::new().add(b'2', "x", "../outside", b"").add(b'0', "x", "", b"mine");
    tar.unpack_into(&base.join("in")).unwrap();
    assert_eq!(std::fs::read(base.join("outside")).unwrap(), b"safe");
    assert_eq!(std::fs::read(base.join("in/x")).unwrap(), b"mine");
    std::fs::remove_dir_all(base).unwrap();
}

#[test]
fn nothing_leaves_the_folder() {
    let hostile = [
        Tar::new().add(b'0', "../evil", "", b"x"),
        Tar::new().add(b'0', "/tmp/banger-evil", "", b"x"),
        Tar::new().add(b'0', "a/../../evil", "", b"x"),
        Tar::new().add(b'2', "up", "..", b"").add(b'0', "up/evil", "", b"x"),
        Tar::new().add(b'2', "up", "..", b"").add(b'5', "up/evil", "", b""),
        Tar::new().add(b'2', "up", "..", b"").add(b'5', "up", "", b"").add(b'0', "up/evil", "", b"x"),
        Tar::new().add(b'1', "evil", "../outside", b""),
        Tar::new().add(b'2', "up", "..", b"").add(b'1', "evil2", "up/outside", b""),
        Tar::new().add(b'3', "device", "", b""),
        Tar::new().add(b'6', "fifo", "", b""),
    ];
    for (number, tar) in hostile.iter().enumerate() {
        let base = folder(&format!("hostile{number}"));
        std::fs::write(base.join("outside"), b"safe").unwrap();
        assert!(tar.unpack_into(&base.join("in")).is_err(), "case {number}");
        assert!(!base.join("evil").exists(), "case {number}");
        assert!(!std::path::Path::new("/tmp/banger-evil").exists(), "case {number}");
        assert_eq!(std::fs::read(base.join("outside")).unwrap(), b"safe", "case {number}");
        std::fs::remove_dir_all(base).unwrap();
    }
}

#[test]
fn a_size_that_lies_is_an_error() {
    let base = folder("short");
    let mut tar = Tar::new().add(b'0', "file", "", &[1; 600]).0;
    tar.truncate(700);
    assert!(unpack(&tar, &base.join("in")).is_err());
    std::fs::remove_dir_all(base).unwrap();
}

#[test]
fn random_archives_never_panic() {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..1536)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect();
        let _ = Archive::new(&bytes[..]).next_entry();
    }
}
