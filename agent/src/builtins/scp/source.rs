//! Sends files to the client.

use super::options::Options;
use super::peer::Peer;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const CHUNK: usize = 256 * 1024;
/// Folders in each other; a path has 4096 bytes at most, so this is more than can exist below one.
const MAX_DEPTH: usize = 2048;

pub fn send(peer: &mut Peer<impl Read, impl Write>, options: &Options) -> io::Result<()> {
    // the client says that it is ready
    peer.is_accepted()?;
    for path in &options.paths {
        entry(peer, options, path)?;
    }
    Ok(())
}

fn text(error: &io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_string()
}

/// A file, or a folder with all that is in it. Links are followed, as scp does.
fn entry(peer: &mut Peer<impl Read, impl Write>, options: &Options, path: &Path) -> io::Result<()> {
    let mut entered: Vec<Vec<PathBuf>> = vec![vec![path.to_path_buf()]];
    while let Some(next) = entered.last_mut().map(Vec::pop) {
        let Some(path) = next else {
            entered.pop();
            if !entered.is_empty() {
                peer.send(b"E\n")?;
                peer.is_accepted()?;
            }
            continue;
        };
        match one(peer, options, &path) {
            Ok(Some(_)) if entered.len() >= MAX_DEPTH => return Err(peer.refuse("too many folders in each other")),
            Ok(found) => entered.extend(found),
            Err(Failed::Here(why)) => peer.report(path.as_os_str().as_bytes(), &why)?,
            Err(Failed::Peer(error)) => return Err(error),
        }
    }
    Ok(())
}

enum Failed {
    /// this file cannot be sent
    Here(String),
    Peer(io::Error),
}

fn here(error: io::Error) -> Failed {
    Failed::Here(text(&error))
}

/// Sends one file, or the line of a folder; of a folder that the client takes, returns the content.
fn one(peer: &mut Peer<impl Read, impl Write>, options: &Options, path: &Path) -> Result<Option<Vec<PathBuf>>, Failed> {
    // without O_NONBLOCK, opening a FIFO waits for a writer
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(here)?;
    let metadata = file.metadata().map_err(here)?;
    let name = name_of(path)?;
    if metadata.is_dir() && !options.recursive || !metadata.is_dir() && !metadata.is_file() {
        return Err(Failed::Here("not a regular file".into()));
    }
    let content = if metadata.is_dir() { Some(content_of(path).map_err(here)?) } else { None };
    let (kind, size) = if content.is_some() { ("D", 0) } else { ("C", metadata.len()) };
    if options.preserve && !times(peer, &metadata).map_err(Failed::Peer)? {
        return Ok(None);
    }
    let line = [format!("{kind}{:04o} {size} ", metadata.mode() & 0o7777).as_bytes(), &name, b"\n"].concat();
    peer.send(&line).map_err(Failed::Peer)?;
    if !peer.is_accepted().map_err(Failed::Peer)? {
        return Ok(None);
    }
    if content.is_none() {
        send_content(peer, file, path, size).map_err(Failed::Peer)?;
    }
    Ok(content)
}

fn times(peer: &mut Peer<impl Read, impl Write>, metadata: &Metadata) -> io::Result<bool> {
    peer.send(format!("T{} 0 {} 0\n", metadata.mtime().max(0), metadata.atime().max(0)).as_bytes())?;
    peer.is_accepted()
}

/// The last part of the path as it was written, without slashes at its end.
fn name_of(path: &Path) -> Result<Vec<u8>, Failed> {
    let path = path.as_os_str().as_bytes();
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let name = path[..end].rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    match name.contains(&b'\n') {
        true => Err(Failed::Here("its name has a line break, which the protocol cannot send".into())),
        false => Ok(name.to_vec()),
    }
}

fn content_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

/// Sends exactly `size` bytes; if the file has fewer, zeroes in their place and an error.
fn send_content(peer: &mut Peer<impl Read, impl Write>, mut file: File, path: &Path, size: u64) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK))];
    let (mut left, mut problem) = (size, None);
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = match (&problem, file.read(&mut buffer[..wanted])) {
            (None, Ok(count)) if count > 0 => count,
            (None, Err(error)) if error.kind() == ErrorKind::Interrupted => continue,
            (_, result) => {
                let why = result.err().map_or_else(|| "it became shorter while it was sent".into(), |error| text(&error));
                problem.get_or_insert(why);
                buffer.fill(0);
                wanted
            }
        };
        peer.send(&buffer[..count])?;
        left -= count as u64;
    }
    match problem {
        Some(why) => peer.report(path.as_os_str().as_bytes(), &why)?,
        None => peer.accept()?,
    }
    peer.is_accepted().map(drop)
}
