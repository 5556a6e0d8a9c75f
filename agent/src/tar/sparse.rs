//! Files with holes in GNU tar's sparse format 1.0 (in PAX): a map of the data, then the data.

use super::{pax, BLOCK};
use crate::sys::open;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

/// A file with more extents of data is written without its holes.
const MAX_PIECES: usize = 10_000;

/// The ranges of the file that have data. None if it has no hole, or too many.
pub fn pieces(file: &File, metadata: &Metadata) -> io::Result<Option<Vec<Range<u64>>>> {
    let size = metadata.len();
    // st_blocks counts units of 512 bytes on every file system
    if metadata.blocks().saturating_mul(512) >= size {
        return Ok(None);
    }
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < size {
        let Some(data) = open::next_data(file, at)? else { break };
        let data = data.start..data.end.min(size);
        if data.is_empty() {
            break;
        }
        at = data.end;
        pieces.push(data);
        if pieces.len() > MAX_PIECES {
            return Ok(None);
        }
    }
    Ok(Some(pieces))
}

/// The map, padded to a block: the number of pieces, then the offset and the length of each, every number on a line of its own. An empty
/// last piece marks the end of the file.
pub fn map(pieces: &[Range<u64>], size: u64) -> Vec<u8> {
    let mut text = format!("{}\n", pieces.len() + 1);
    for piece in pieces {
        text.push_str(&format!("{}\n{}\n", piece.start, piece.end - piece.start));
    }
    text.push_str(&format!("{size}\n0\n"));
    let mut bytes = text.into_bytes();
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

/// The PAX records which announce that the content begins with a map.
pub fn records(path: &[u8], size: u64) -> Vec<u8> {
    let mut records = Vec::new();
    pax::write(&mut records, b"GNU.sparse.major", b"1");
    pax::write(&mut records, b"GNU.sparse.minor", b"0");
    pax::write(&mut records, b"GNU.sparse.name", path);
    pax::write(&mut records, b"GNU.sparse.realsize", size.to_string().as_bytes());
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    /// Of `count` pieces of one byte, each followed by a hole, 8192 bytes from the next.
    fn file_of(label: &str, count: u64) -> File {
        let path = std::env::temp_dir().join(format!("banger-sparse-{}-{label}", std::process::id()));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        for at in 0..count {
            file.write_all_at(b"x", at * 8192).unwrap();
        }
        file.set_len(count * 8192).unwrap();
        file
    }

    fn found(file: &File) -> Option<Vec<Range<u64>>> {
        pieces(file, &file.metadata().unwrap()).unwrap()
    }

    #[test]
    fn a_file_of_10000_pieces_keeps_its_holes_and_one_of_more_is_written_without() {
        assert_eq!(found(&file_of("most", 10_000)).map(|pieces| pieces.len()), Some(10_000));
        assert_eq!(found(&file_of("too-many", 10_001)), None);
    }

    #[test]
    fn pieces_are_where_the_data_is() {
        assert_eq!(found(&file_of("two", 2)), Some(vec![0..4096, 8192..12_288]));
        let hole = file_of("hole", 0);
        hole.set_len(1 << 20).unwrap();
        assert_eq!(found(&hole), Some(vec![]));
    }

    #[test]
    fn a_file_without_holes_has_no_map() {
        let file = file_of("full", 0);
        file.write_all_at(&[1; 8192], 0).unwrap();
        file.sync_all().unwrap();
        assert_eq!(found(&file), None);
        assert_eq!(found(&file_of("empty", 0)), None);
    }

    #[test]
    fn what_a_file_grew_by_meanwhile_is_no_piece() {
        let file = file_of("growing", 1);
        let before = file.metadata().unwrap();
        file.write_all_at(b"x", 16_384).unwrap();
        assert_eq!(pieces(&file, &before).unwrap(), Some(vec![0..4096]));
    }
}
