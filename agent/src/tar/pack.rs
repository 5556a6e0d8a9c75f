//! Packs a file or a folder as a PAX stream. Links are not followed.

use super::write::{header, padding, Meta};
use super::{shown, sparse, BLOCK};
use crate::sys::{open, xattr};
use crate::wire::json::{Answer, Refusal};
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

const CHUNK: usize = 64 * 1024;
/// PATH_MAX, in bytes.
const MAX_PATH: usize = 4096;
/// Its value is `y` for a folder that hides the content of the same folder in lower layers.
const OPAQUE: &[u8] = b"trusted.overlay.opaque";
/// Maximum number of files with several hard links.
const MAX_LINKED: usize = 2_000_000;

/// Receives the stream.
pub trait Sink {
    /// False if the receiver is gone.
    fn put(&mut self, bytes: &[u8]) -> bool;
}

/// Which content of a folder goes into the stream.
#[derive(Debug, Default, PartialEq)]
pub enum Content {
    /// files, folders and links
    #[default]
    Plain,
    /// also devices, FIFOs and extended attributes; sparse files stay sparse
    Whole,
    /// like `Whole`, for an overlay's upper directory: whiteouts stay character devices 0/0, opaque folders have `OPAQUE`, and the
    /// content of a renamed folder is read from the mounted overlay, `merged`
    Changes { merged: PathBuf },
}

/// Packs one tree into a sink.
pub struct Packer<S> {
    sink: S,
    content: Content,
    /// the overlay's upper directory, for `Content::Changes`
    upper: Option<File>,
    /// files with several hard links by device and inode, and the first name of each
    seen: HashMap<(u64, u64), Vec<u8>>,
    max_linked: usize,
}

/// A folder whose entries are being packed.
struct Level {
    folder: File,
    names: std::vec::IntoIter<Vec<u8>>,
    /// its path in the stream, with a trailing slash
    path: Vec<u8>,
    /// it is in an overlay's upper directory, so whiteouts and opaque marks count
    is_upper: bool,
}

/// Why packing stopped.
enum Stop {
    /// the receiver is gone; not a failure
    Closed,
    Failed(Refusal),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Stop {
        Stop::Failed(Refusal::io("packing", &error))
    }
}

impl<S: Sink> Packer<S> {
    pub fn new(sink: S, content: Content) -> Packer<S> {
        Packer { sink, content, upper: None, seen: HashMap::new(), max_linked: MAX_LINKED }
    }

    /// A folder's entries are named relative to it, `./` first; a file's entry is its name.
    pub fn pack(mut self, path: &Path) -> Answer<()> {
        let packed = self.pack_top(path).and_then(|()| self.put(&[0; 2 * BLOCK]));
        match packed {
            Ok(()) | Err(Stop::Closed) => Ok(()),
            Err(Stop::Failed(refusal)) => Err(refusal),
        }
    }

    fn pack_top(&mut self, path: &Path) -> Result<(), Stop> {
        let metadata = fs::symlink_metadata(path)?;
        if !metadata.is_dir() {
            let parent = File::open(path.parent().unwrap_or(Path::new("/")))?;
            let name = path.file_name().map_or(b"".as_slice(), OsStrExt::as_bytes);
            return self.pack_entry(parent.as_raw_fd(), name, name.to_vec(), false).map(drop);
        }
        let folder = File::open(path)?;
        let is_upper = matches!(self.content, Content::Changes { .. });
        self.upper = is_upper.then(|| folder.try_clone()).transpose()?;
        let records = self.attributes(&path.join("."))?;
        self.header(&Meta { path: b"./", flag: b'5', link: b"", size: 0 }, &folder.metadata()?, records)?;
        self.walk(open_level(folder, Vec::new(), is_upper)?)
    }

    /// Not recursive, because folders can be nested as deeply as PATH_MAX allows.
    fn walk(&mut self, top: Level) -> Result<(), Stop> {
        let mut levels = vec![top];
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.names.next() else {
                levels.pop();
                continue;
            };
            let path = [level.path.as_slice(), &name].concat();
            if path.len() > MAX_PATH {
                return Err(Stop::Failed(Refusal::new("limit", format!("a path is too long: {}", shown(&path)))));
            }
            if let Some(below) = self.pack_entry(level.folder.as_raw_fd(), &name, path, level.is_upper)? {
                levels.push(below);
            }
        }
        Ok(())
    }

    /// Packs one entry. A folder is returned, to be walked.
    fn pack_entry(&mut self, parent: RawFd, name: &[u8], path: Vec<u8>, is_upper: bool) -> Result<Option<Level>, Stop> {
        let place = Path::new("/proc/self/fd").join(parent.to_string()).join(std::ffi::OsStr::from_bytes(name));
        let metadata = match fs::symlink_metadata(&place) {
            // removed since it was listed
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        if metadata.is_dir() {
            let folder = File::from(open::folder_at(parent, name)?);
            return self.folder(folder, &place, [path.as_slice(), b"/"].concat(), is_upper).map(Some);
        }
        if is_upper && metadata.file_type().is_char_device() && metadata.rdev() == 0 {
            // overlayfs uses hard links of one device as several whiteouts; these are not hard links of the image
            let meta = Meta { path: &path, flag: b'3', link: b"", size: 0 };
            return self.header(&meta, &metadata, Vec::new()).map(|()| None);
        }
        if metadata.is_file() {
            self.file(open::file_at(parent, name)?, &place, &path)?;
            return Ok(None);
        }
        let Some(flag) = self.flag_of(&metadata) else { return Ok(None) };
        if self.content != Content::Plain && self.is_linked(&metadata, &path)? {
            return Ok(None);
        }
        let link = if flag == b'2' { open::read_link(parent, name)? } else { Vec::new() };
        let records = self.attributes(&place)?;
        self.header(&Meta { path: &path, flag, link: &link, size: 0 }, &metadata, records)?;
        Ok(None)
    }

    /// The type flag of what is neither a file nor a folder. None if it is left out, as sockets are.
    fn flag_of(&self, metadata: &Metadata) -> Option<u8> {
        let kind = metadata.file_type();
        match self.content {
            _ if kind.is_symlink() => Some(b'2'),
            Content::Plain => None,
            _ if kind.is_char_device() => Some(b'3'),
            _ if kind.is_block_device() => Some(b'4'),
            _ if kind.is_fifo() => Some(b'6'),
            _ => None,
        }
    }

    fn folder(&mut self, folder: File, place: &Path, path: Vec<u8>, is_upper: bool) -> Result<Level, Stop> {
        let metadata = folder.metadata()?;
        let here = place.join(".");
        let mut records = self.attributes(&here)?;
        let renamed = is_upper && xattr::get(&here, b"trusted.overlay.redirect")?.is_some();
        if renamed || (is_upper && xattr::get(&here, OPAQUE)?.as_deref() == Some(b"y")) {
            super::pax::write(&mut records, [b"SCHILY.xattr.".as_slice(), OPAQUE].concat(), b"y");
        }
        self.header(&Meta { path: &path, flag: b'5', link: b"", size: 0 }, &metadata, records)?;
        if !renamed {
            return Ok(open_level(folder, path, is_upper)?);
        }
        let Content::Changes { merged } = &self.content else { return Ok(open_level(folder, path, true)?) };
        let merged = File::open(merged)?;
        let all = File::from(open::folder_beneath(merged.as_raw_fd(), &path[..path.len() - 1])?);
        Ok(open_level(all, path, false)?)
    }

    fn file(&mut self, mut file: File, place: &Path, path: &[u8]) -> Result<(), Stop> {
        let metadata = file.metadata()?;
        if !metadata.is_file() || self.is_linked(&metadata, path)? {
            return Ok(());
        }
        let records = self.attributes(place)?;
        let pieces = if self.content == Content::Plain { None } else { sparse::pieces(&file, &metadata)? };
        let Some(pieces) = pieces else {
            self.header(&Meta { path, flag: b'0', link: b"", size: metadata.len() }, &metadata, records)?;
            self.bytes(&mut file, metadata.len())?;
            return self.put(padding(metadata.len()));
        };
        let map = sparse::map(&pieces, metadata.len());
        let size = map.len() as u64 + pieces.iter().map(|piece| piece.end - piece.start).sum::<u64>();
        let records = [records, sparse::records(path, metadata.len())].concat();
        self.header(&Meta { path: b"GNUSparseFile.0/file", flag: b'0', link: b"", size }, &metadata, records)?;
        self.put(&map)?;
        for piece in pieces {
            file.seek(SeekFrom::Start(piece.start))?;
            self.bytes(&mut file, piece.end - piece.start)?;
        }
        self.put(padding(size))
    }

    /// Writes a hard link if another name of the same file is already in the stream.
    fn is_linked(&mut self, metadata: &Metadata, path: &[u8]) -> Result<bool, Stop> {
        let id = self.id_of(metadata, path)?;
        if let Some(first) = self.seen.get(&id).cloned() {
            self.header(&Meta { path, flag: b'1', link: &first, size: 0 }, metadata, Vec::new())?;
            return Ok(true);
        }
        if metadata.nlink() > 1 {
            if self.seen.len() >= self.max_linked {
                let reason = format!("more than {} files have several hard links", self.max_linked);
                return Err(Stop::Failed(Refusal::new("limit", reason)));
            }
            self.seen.insert(id, path.to_vec());
        }
        Ok(false)
    }

    /// Identifies a file. In the mounted overlay a file has another inode number than in the upper directory.
    fn id_of(&self, metadata: &Metadata, path: &[u8]) -> std::io::Result<(u64, u64)> {
        let here = (metadata.dev(), metadata.ino());
        let Some(upper) = self.upper.as_ref().filter(|_| metadata.nlink() > 1) else { return Ok(here) };
        let at = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let (folder, name) = path.split_at(at);
        let found = open::folder_beneath(upper.as_raw_fd(), folder).and_then(|folder| {
            let place = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string());
            fs::symlink_metadata(place.join(std::ffi::OsStr::from_bytes(name)))
        });
        match found {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(here),
            other => other.map(|there| (there.dev(), there.ino())),
        }
    }

    /// Writes exactly `size` bytes from the current position of `file`, filled up with zeroes if the file has shrunk.
    fn bytes(&mut self, file: &mut File, size: u64) -> Result<(), Stop> {
        let mut buffer = vec![0; CHUNK];
        let mut left = size;
        let mut at_end = false;
        while left > 0 {
            let wanted = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
            let count = if at_end { 0 } else { file.read(&mut buffer[..wanted])? };
            at_end = count == 0;
            if at_end {
                buffer[..wanted].fill(0);
            }
            let count = if at_end { wanted } else { count };
            self.put(&buffer[..count])?;
            left -= count as u64;
        }
        Ok(())
    }

    /// The extended attributes that a squashfs can store, in the format of star and GNU tar. In an overlay's changes, overlayfs's own are
    /// left out.
    fn attributes(&self, place: &Path) -> Result<Vec<u8>, Stop> {
        let mut records = Vec::new();
        if self.content == Content::Plain {
            return Ok(records);
        }
        let mut names = xattr::list(place)?;
        names.sort_unstable();
        let is_changes = matches!(self.content, Content::Changes { .. });
        for name in names {
            let is_kept = [b"user.".as_slice(), b"trusted.", b"security."].iter().any(|space| name.starts_with(space));
            let is_mark = is_changes && name.starts_with(b"trusted.overlay.");
            // the key of a record ends at the first `=`
            if !is_kept || is_mark || name.contains(&b'=') {
                continue;
            }
            if let Some(value) = xattr::get(place, &name)? {
                super::pax::write(&mut records, [b"SCHILY.xattr.".as_slice(), &name].concat(), &value);
            }
        }
        Ok(records)
    }

    fn header(&mut self, meta: &Meta, metadata: &Metadata, records: Vec<u8>) -> Result<(), Stop> {
        self.put(&header(meta, metadata, records))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if bytes.is_empty() || self.sink.put(bytes) {
            Ok(())
        } else {
            Err(Stop::Closed)
        }
    }
}

/// Sorts the names, so that packing a folder twice gives the same stream.
fn open_level(folder: File, path: Vec<u8>, is_upper: bool) -> std::io::Result<Level> {
    let list = fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()))?;
    let mut names = list.map(|item| Ok(item?.file_name().into_vec())).collect::<std::io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(Level { folder, names: names.into_iter(), path, is_upper })
}

#[cfg(test)]
#[path = "pack_tests.rs"]
mod tests;
