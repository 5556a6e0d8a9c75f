//! Files with holes, as GNU tar writes them in its PAX format 1.0: a map of the data, then the data.

use super::{pax, BLOCK};
use crate::sys::open;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

/// A file in more pieces is written whole.
const MAX_PIECES: usize = 10_000;

/// Where the file's data lies. None: it has no hole, or too many.
pub fn pieces(file: &File, metadata: &Metadata) -> io::Result<Option<Vec<Range<u64>>>> {
    let size = metadata.len();
    // st_blocks counts 512 bytes, whatever the file system's block
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

/// The map, padded to a block: the number of pieces, then each one's offset and length, a line each. A last piece of no
/// length says where the file ends.
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

/// What says in the entry's header that a map comes first.
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

    /// How many pieces are found in a file of so many, a page each with a hole behind it.
    fn found(count: usize) -> Option<usize> {
        let path = std::env::temp_dir().join(format!("banger-sparse-{}-{count}", std::process::id()));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        for at in 0..count as u64 {
            file.write_all_at(b"x", at * 8192).unwrap();
        }
        file.set_len(count as u64 * 8192).unwrap();
        pieces(&file, &file.metadata().unwrap()).unwrap().map(|pieces| pieces.len())
    }

    #[test]
    fn a_file_in_10000_pieces_keeps_its_holes_and_one_in_more_is_written_whole() {
        assert_eq!(found(10_000), Some(10_000));
        assert_eq!(found(10_001), None);
    }
}
