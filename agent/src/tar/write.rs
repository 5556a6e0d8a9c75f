//! Headers of a PAX stream. Values that do not fit in a field, or would lose precision, go into PAX records before the header.

use super::header::checksum;
use super::{pax, BLOCK};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// The fields of an entry that do not come from the file's metadata.
pub struct Meta<'a> {
    pub path: &'a [u8],
    pub flag: u8,
    pub link: &'a [u8],
    /// bytes of content after the header
    pub size: u64,
}

/// The entry's header, preceded by a PAX header if there are `records` (made by `pax::write`) or values that do not fit.
pub fn header(meta: &Meta, metadata: &Metadata, mut records: Vec<u8>) -> Vec<u8> {
    if meta.path.len() > 100 || !meta.path.is_ascii() {
        pax::write(&mut records, "path", meta.path);
    }
    if meta.link.len() > 100 || !meta.link.is_ascii() {
        pax::write(&mut records, "linkpath", meta.link);
    }
    if meta.size >= 1 << 33 {
        pax::write(&mut records, "size", meta.size.to_string().as_bytes());
    }
    for (key, id) in [("uid", metadata.uid()), ("gid", metadata.gid())] {
        if id >= 1 << 21 {
            pax::write(&mut records, key, id.to_string().as_bytes());
        }
    }
    let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
    if nanos != 0 || !(0..1 << 33).contains(&seconds) {
        pax::write(&mut records, "mtime", pax::write_time((seconds, nanos)).as_bytes());
    }
    let mut bytes = Vec::with_capacity(BLOCK);
    if !records.is_empty() {
        let meta = Meta { path: b"PaxHeaders/entry", flag: b'x', link: b"", size: records.len() as u64 };
        bytes.extend_from_slice(&block(&meta, 0o644, (0, 0), 0, 0));
        bytes.extend_from_slice(&records);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    let device = if matches!(meta.flag, b'3' | b'4') { metadata.rdev() } else { 0 };
    bytes.extend_from_slice(&block(meta, metadata.mode(), (metadata.uid(), metadata.gid()), seconds, device));
    bytes
}

/// The padding after content of `size` bytes.
pub fn padding(size: u64) -> &'static [u8] {
    &[0; BLOCK][..(size.next_multiple_of(BLOCK as u64) - size) as usize]
}

fn block(meta: &Meta, mode: u32, (uid, gid): (u32, u32), mtime: i64, device: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut set = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    set(0, &meta.path[..meta.path.len().min(100)]);
    set(100, format!("{:07o}\0", mode & 0o7777).as_bytes());
    set(108, format!("{:07o}\0", if uid < 1 << 21 { uid } else { 0 }).as_bytes());
    set(116, format!("{:07o}\0", if gid < 1 << 21 { gid } else { 0 }).as_bytes());
    set(124, format!("{:011o}\0", if meta.size < 1 << 33 { meta.size } else { 0 }).as_bytes());
    set(136, format!("{:011o}\0", mtime.clamp(0, (1 << 33) - 1)).as_bytes());
    set(156, &[meta.flag]);
    set(157, &meta.link[..meta.link.len().min(100)]);
    set(257, b"ustar\x0000");
    if matches!(meta.flag, b'3' | b'4') {
        // 12 and 20 bits: they fit
        set(329, format!("{:07o}\0", libc::major(device)).as_bytes());
        set(337, format!("{:07o}\0", libc::minor(device)).as_bytes());
    }
    let sum = checksum(&block);
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
