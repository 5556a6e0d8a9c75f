//! `get`: a file or folder as a PAX tar.

use super::{bad, io_refused, text, Refused};
use crate::stream::Stream;
use crate::world::World;
use serde_json::{json, Value};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

pub fn get(_: &Arc<World>, stream: &Arc<Stream>, request: &Value) -> Result<(), Refused> {
    let path = text(request, "path")?.filter(|path| path.starts_with('/')).ok_or_else(|| bad("path is not absolute"))?;
    let metadata = fs::symlink_metadata(path).map_err(|error| io_refused(path, &error))?;
    stream.accept(json!({}));
    let name = Path::new(path).file_name().map_or(".".into(), |name| name.to_string_lossy().into_owned());
    let packed = pack(stream, Path::new(path), &name, &metadata).and_then(|()| send(stream, &[0; 1024]));
    match packed {
        Ok(()) => {
            stream.end_of(1);
            stream.close();
        }
        Err(error) => stream.close_error("io", &error.to_string()),
    }
    Ok(())
}

fn send(stream: &Stream, bytes: &[u8]) -> io::Result<()> {
    if stream.write(1, bytes) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
}

/// Links are packed as links; devices, sockets and fifos are left out.
fn pack(stream: &Stream, path: &Path, name: &str, metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    if kind.is_dir() {
        send(stream, &header(&format!("{name}/"), b'5', 0, "", metadata))?;
        let mut entries: Vec<_> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let Some(inner) = entry.file_name().to_str().map(|inner| format!("{name}/{inner}")) else { continue };
            let Ok(metadata) = entry.metadata() else { continue };
            pack(stream, &entry.path(), &inner, &metadata)?;
        }
        return Ok(());
    }
    if kind.is_symlink() {
        let target = fs::read_link(path)?.to_string_lossy().into_owned();
        return send(stream, &header(name, b'2', 0, &target, metadata));
    }
    if kind.is_file() { pack_file(stream, path, name, metadata) } else { Ok(()) }
}

fn pack_file(stream: &Stream, path: &Path, name: &str, metadata: &Metadata) -> io::Result<()> {
    let mut file = File::open(path)?;
    send(stream, &header(name, b'0', metadata.len(), "", metadata))?;
    let mut left = metadata.len();
    let mut buffer = vec![0u8; 32 * 1024];
    while left > 0 {
        let wanted = left.min(buffer.len() as u64) as usize;
        let count = file.read(&mut buffer[..wanted])?;
        if count == 0 {
            // it became shorter: what was promised is filled with zeroes
            buffer[..wanted].fill(0);
        }
        let count = if count == 0 { wanted } else { count };
        send(stream, &buffer[..count])?;
        left -= count as u64;
    }
    send(stream, &[0u8; 512][..(512 - (metadata.len() % 512) as usize) % 512])
}

/// PAX records for everything that may not fit, then the ustar block.
fn header(name: &str, kind: u8, size: u64, target: &str, metadata: &Metadata) -> Vec<u8> {
    let mut records = record("path", name) + &record("mtime", &format!("{}.{:09}", metadata.mtime(), metadata.mtime_nsec()));
    if !target.is_empty() {
        records += &record("linkpath", target);
    }
    for (key, value) in [("size", size), ("uid", u64::from(metadata.uid())), ("gid", u64::from(metadata.gid()))] {
        records += &record(key, &value.to_string());
    }
    let mut bytes = block("pax", b'x', records.len() as u64, 0o644).to_vec();
    bytes.extend_from_slice(records.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes.extend_from_slice(&block("entry", kind, if size < 1 << 33 { size } else { 0 }, metadata.mode() & 0o7777));
    bytes
}

/// `<length> <key>=<value>\n`, where the length counts its own digits.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

fn block(name: &str, kind: u8, size: u64, mode: u32) -> [u8; 512] {
    let mut block = [0u8; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    let mut octal = |at: usize, width: usize, value: u64| {
        block[at..at + width].copy_from_slice(format!("{value:0width$o}").as_bytes());
    };
    octal(100, 7, u64::from(mode));
    octal(108, 7, 0);
    octal(116, 7, 0);
    octal(124, 11, size);
    octal(136, 11, 0);
    block[148..156].fill(b' ');
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbs::tar_header::{next_entry, Kind};

    #[test]
    fn a_packed_header_reads_back() {
        let metadata = fs::metadata("/").unwrap();
        let name = "x".repeat(300);
        let bytes = header(&name, b'5', 0, "", &metadata);
        let entry = next_entry(&mut &bytes[..]).unwrap().unwrap();
        assert_eq!((entry.kind, entry.name, entry.mode), (Kind::Folder, name, metadata.mode() & 0o7777));
    }

    #[test]
    fn records_count_their_own_length() {
        for size in [0, 1, 87, 88, 89, 90, 91, 980, 990, 991] {
            let text = record("k", &"v".repeat(size));
            assert_eq!(text.split(' ').next().unwrap().parse::<usize>().unwrap(), text.len());
        }
    }
}
