//! Every value at the limit of its field, and one past it, as `Archive` reads them.

use super::*;
use crate::sys::{open, process};
use crate::tar::read::Archive;
use crate::tar::Entry;
use crate::testing::TempFolder;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::chown;

/// What is read, the header block of the entry itself, and whether a PAX header precedes it.
fn written(meta: &Meta, metadata: &Metadata) -> (Entry, Vec<u8>, bool) {
    let bytes = header(meta, metadata, Vec::new());
    let entry = Archive::new(bytes.as_slice()).next_entry().unwrap().unwrap();
    let block = bytes[bytes.len() - BLOCK..].to_vec();
    (entry, block, bytes.len() > BLOCK)
}

/// Made ten seconds after 1970 began, so that nothing of it needs a PAX header.
fn plain(folder: &TempFolder) -> fs::File {
    let file = fs::File::create(folder.join("file")).unwrap();
    open::set_mode(file.as_raw_fd(), 0o640).unwrap();
    open::set_mtime_of(file.as_raw_fd(), (10, 0)).unwrap();
    file
}

fn meta<'a>(path: &'a [u8], flag: u8, link: &'a [u8]) -> Meta<'a> {
    Meta { path, flag, link, size: 0 }
}

#[test]
fn names_of_100_bytes_of_ascii_fit() {
    let folder = TempFolder::new("tar-write-names");
    let metadata = plain(&folder).metadata().unwrap();
    for (name, fits) in [(vec![b'a'; 100], true), (vec![b'a'; 101], false), (vec![b'a'; 4096], false), ("ä".as_bytes().to_vec(), false), (vec![0xff], false)] {
        let (entry, block, has_records) = written(&meta(&name, b'0', b""), &metadata);
        assert_eq!((entry.path, has_records), (name.clone(), !fits), "a path of {} bytes", name.len());
        assert_eq!(&block[..100.min(name.len())], &name[..100.min(name.len())]);
        assert_eq!(&block[157..257], [0; 100], "a long path is not cut into the target's field");
        let (entry, block, has_records) = written(&meta(b"x", b'2', &name), &metadata);
        assert_eq!((entry.link, has_records), (name.clone(), !fits), "a target of {} bytes", name.len());
        assert_eq!(&block[157..][..100.min(name.len())], &name[..100.min(name.len())]);
        // the next fields are what they would be
        assert_eq!(&block[257..265], b"ustar\x0000");
        assert_eq!(&block[265..], [0; BLOCK - 265]);
    }
}

#[test]
fn sizes_below_2_to_the_33_fit() {
    let folder = TempFolder::new("tar-write-sizes");
    let metadata = plain(&folder).metadata().unwrap();
    for (size, field) in [(0, "00000000000"), ((1 << 33) - 1, "77777777777"), (1 << 33, "00000000000"), (1 << 40, "00000000000")] {
        let (entry, block, has_records) = written(&Meta { path: b"x", flag: b'0', link: b"", size }, &metadata);
        assert_eq!((entry.size, has_records), (size, size >= 1 << 33));
        assert_eq!(&block[124..136], format!("{field}\0").as_bytes(), "{size}");
    }
}

#[test]
fn owners_below_2_to_the_21_fit() {
    if process::uid() != 0 {
        return eprintln!("skipped: only root gives files away");
    }
    let folder = TempFolder::new("tar-write-owners");
    let file = plain(&folder);
    for (id, field) in [(0, "0000000"), ((1 << 21) - 1, "7777777"), (1 << 21, "0000000"), (1 << 22, "0000000"), (u32::MAX - 1, "0000000")] {
        for (uid, gid) in [(id, 0), (0, id)] {
            chown(folder.join("file"), Some(uid), Some(gid)).unwrap();
            let (entry, block, has_records) = written(&meta(b"x", b'0', b""), &file.metadata().unwrap());
            assert_eq!((entry.uid, entry.gid, has_records), (uid, gid, id >= 1 << 21));
            let (uids, gids) = if uid == id { (field, "0000000") } else { ("0000000", field) };
            assert_eq!(&block[108..124], format!("{uids}\0{gids}\0").as_bytes(), "{uid} {gid}");
        }
    }
}

#[test]
fn whole_seconds_from_1970_to_2242_fit() {
    let folder = TempFolder::new("tar-write-times");
    let file = plain(&folder);
    let rows = [(0, 0, "00000000000"), ((1 << 33) - 1, 0, "77777777777"), (1 << 33, 0, "77777777777"), (10, 1, "00000000012"), (10, 999_999_999, "00000000012"), (-1, 0, "00000000000"), (-1, 5, "00000000000")];
    for (seconds, nanos, field) in rows {
        open::set_mtime_of(file.as_raw_fd(), (seconds, nanos)).unwrap();
        let metadata = file.metadata().unwrap();
        if (metadata.mtime(), metadata.mtime_nsec()) != (seconds, nanos) {
            eprintln!("skipped: the file system has no time {seconds}.{nanos}");
            continue;
        }
        let (entry, block, has_records) = written(&meta(b"x", b'0', b""), &metadata);
        assert_eq!(entry.mtime, (seconds, nanos));
        assert_eq!(has_records, nanos != 0 || !(0..1 << 33).contains(&seconds), "{seconds}.{nanos}");
        assert_eq!(&block[136..148], format!("{field}\0").as_bytes(), "{seconds}.{nanos}");
    }
}

#[test]
fn only_a_device_has_numbers() {
    let folder = TempFolder::new("tar-write-devices");
    let numbers = |flag, metadata: &Metadata| block(&meta(b"x", flag, b""), metadata.mode(), (0, 0), 0, metadata.rdev())[329..345].to_vec();
    // the null device is 1:3
    let null = fs::metadata("/dev/null").unwrap();
    for flag in [b'3', b'4'] {
        assert_eq!(numbers(flag, &null), b"0000001\x000000003\0");
        let whole = header(&meta(b"x", flag, b""), &null, Vec::new());
        assert_eq!(&whole[whole.len() - BLOCK..][329..345], b"0000001\x000000003\0");
    }
    assert_eq!(numbers(b'6', &null), [0; 16]);
    let metadata = plain(&folder).metadata().unwrap();
    let (entry, written, _) = written(&meta(b"x", b'0', b""), &metadata);
    assert_eq!((entry.mode, &written[100..108]), (0o640, b"0000640\0".as_slice()));
    assert_eq!(written[329..345], [0; 16]);
}

#[test]
fn records_come_in_whole_blocks_before_the_header() {
    let folder = TempFolder::new("tar-write-records");
    let metadata = plain(&folder).metadata().unwrap();
    for length in (480..=500).chain([1, 1000]) {
        let mut records = Vec::new();
        pax::write(&mut records, "comment", &vec![b'x'; length]);
        let blocks = records.len().div_ceil(BLOCK);
        let bytes = header(&meta(b"x", b'0', b""), &metadata, records);
        assert_eq!(bytes.len(), (2 + blocks) * BLOCK, "{length}");
        assert!(Archive::new(bytes.as_slice()).next_entry().unwrap().is_some(), "{length}");
    }
}
