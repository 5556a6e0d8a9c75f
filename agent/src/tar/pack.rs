//! Packing a file or a folder as a PAX stream. Links are not followed; what is no file, folder or link is left out.

use super::header::checksum;
use super::{pax, BLOCK};
use crate::sys::open;
use crate::wire::json::{Answer, Refusal};
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const CHUNK: usize = 64 * 1024;

/// Where the stream goes. False: nobody wants it any more.
pub trait Sink {
    fn put(&mut self, bytes: &[u8]) -> bool;
}

pub struct Packer<S> {
    sink: S,
    /// of files with several names: the first one
    seen: HashMap<(u64, u64), Vec<u8>>,
}

/// The receiver went away; not a failure.
enum Stop {
    Gone,
    Failed(Refusal),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Stop {
        Stop::Failed(Refusal::io("packing", &error))
    }
}

struct Meta<'a> {
    path: &'a [u8],
    flag: u8,
    link: &'a [u8],
    size: u64,
}

impl<S: Sink> Packer<S> {
    pub fn new(sink: S) -> Packer<S> {
        Packer { sink, seen: HashMap::new() }
    }

    /// A folder's entries are named relative to it, `./` first; a file's entry is its name.
    pub fn pack(mut self, path: &Path) -> Answer<()> {
        let packed = self.top(path).and_then(|()| self.put(&[0; 2 * BLOCK]));
        match packed {
            Ok(()) | Err(Stop::Gone) => Ok(()),
            Err(Stop::Failed(refusal)) => Err(refusal),
        }
    }

    fn top(&mut self, path: &Path) -> Result<(), Stop> {
        let metadata = fs::symlink_metadata(path)?;
        if !metadata.is_dir() {
            let parent = File::open(path.parent().unwrap_or(Path::new("/")))?;
            let name = path.file_name().map_or(b"".as_slice(), OsStrExt::as_bytes);
            return self.one(parent.as_raw_fd(), name, name);
        }
        let folder = File::open(path)?;
        self.header(&Meta { path: b"./", flag: b'5', link: b"", size: 0 }, &folder.metadata()?)?;
        self.below(&folder, b"")
    }

    /// In the order of names, so that two packs of one folder are the same.
    fn below(&mut self, folder: &File, prefix: &[u8]) -> Result<(), Stop> {
        let list = fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()))?;
        let mut names = list.map(|item| Ok(item?.file_name().into_vec())).collect::<std::io::Result<Vec<_>>>()?;
        names.sort_unstable();
        for name in names {
            self.one(folder.as_raw_fd(), &name, &[prefix, &name].concat())?;
        }
        Ok(())
    }

    fn one(&mut self, parent: RawFd, name: &[u8], path: &[u8]) -> Result<(), Stop> {
        let place = Path::new("/proc/self/fd").join(parent.to_string()).join(std::ffi::OsStr::from_bytes(name));
        let metadata = match fs::symlink_metadata(place) {
            // gone since it was listed
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        if metadata.is_dir() {
            let folder = File::from(open::folder_at(parent, name)?);
            let path = [path, b"/"].concat();
            self.header(&Meta { path: &path, flag: b'5', link: b"", size: 0 }, &metadata)?;
            return self.below(&folder, &path);
        }
        if metadata.is_symlink() {
            let link = open::read_link(parent, name)?;
            return self.header(&Meta { path, flag: b'2', link: &link, size: 0 }, &metadata);
        }
        if metadata.is_file() {
            return self.file(open::file_at(parent, name)?, path);
        }
        Ok(())
    }

    fn file(&mut self, mut file: File, path: &[u8]) -> Result<(), Stop> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(());
        }
        let id = (metadata.dev(), metadata.ino());
        if let Some(first) = self.seen.get(&id).cloned() {
            return self.header(&Meta { path, flag: b'1', link: &first, size: 0 }, &metadata);
        }
        if metadata.nlink() > 1 {
            self.seen.insert(id, path.to_vec());
        }
        self.header(&Meta { path, flag: b'0', link: b"", size: metadata.len() }, &metadata)?;
        self.content(&mut file, metadata.len())
    }

    /// Exactly `size` bytes, whatever becomes of the file meanwhile.
    fn content(&mut self, file: &mut File, size: u64) -> Result<(), Stop> {
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
        self.put(&[0; BLOCK][..(size.next_multiple_of(BLOCK as u64) - size) as usize])
    }

    /// With a PAX header before it where a field does not fit or would lose something.
    fn header(&mut self, meta: &Meta, metadata: &Metadata) -> Result<(), Stop> {
        let mut records = Vec::new();
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
        let (seconds, nanos) = (metadata.mtime().max(0), metadata.mtime_nsec());
        if nanos != 0 {
            pax::write(&mut records, "mtime", format!("{seconds}.{nanos:09}").as_bytes());
        }
        if !records.is_empty() {
            let meta = Meta { path: b"PaxHeaders/entry", flag: b'x', link: b"", size: records.len() as u64 };
            let padding = records.len().next_multiple_of(BLOCK) - records.len();
            self.put(&block(&meta, 0o644, (0, 0), 0))?;
            self.put(&records)?;
            self.put(&[0; BLOCK][..padding])?;
        }
        self.put(&block(meta, metadata.mode(), (metadata.uid(), metadata.gid()), seconds))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if bytes.is_empty() || self.sink.put(bytes) {
            Ok(())
        } else {
            Err(Stop::Gone)
        }
    }
}

fn block(meta: &Meta, mode: u32, (uid, gid): (u32, u32), mtime: i64) -> [u8; BLOCK] {
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
    let sum = checksum(&block);
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
