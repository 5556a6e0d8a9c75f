//! Takes files from the client.

use super::options::Options;
use super::peer::Peer;
use crate::sys::{open, path};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Bits that a new file does not get unless modes are kept: `exec` runs programs with this umask.
const UMASK: u32 = 0o022;

/// A `C` or `D` line.
#[derive(Debug, PartialEq)]
struct Header {
    mode: u32,
    size: u64,
    name: OsString,
}

/// A folder that the client has entered.
struct Entered {
    path: PathBuf,
    /// set when it leaves the folder
    mode: Option<u32>,
    times: Option<(u32, u32)>,
}

pub fn take(peer: &mut Peer<impl Read, impl Write>, options: &Options) -> io::Result<()> {
    let target = options.paths[0].as_path();
    let is_folder = target.is_dir();
    if options.into_folder && !is_folder {
        return Err(peer.refuse(&format!("{}: Not a directory", target.display())));
    }
    peer.accept()?;
    let mut entered: Vec<Entered> = Vec::new();
    let mut times = None;
    while let Some(line) = peer.line()? {
        let inside = entered.last().map(|folder| folder.path.as_path()).or(is_folder.then_some(target));
        match line.first() {
            Some(b'T') => {
                times = Some(parse_times(&line[1..]).map_err(|why| peer.refuse(why))?);
                peer.accept()?;
            }
            Some(b'E') if line.len() == 1 => match entered.pop() {
                Some(folder) => leave(peer, &folder)?,
                None => return Err(peer.refuse("an end without a folder")),
            },
            Some(kind @ (b'C' | b'D')) => {
                let header = parse_header(&line[1..]).map_err(|why| peer.refuse(why))?;
                let path = inside.map_or_else(|| target.to_path_buf(), |folder| folder.join(&header.name));
                let times = times.take().filter(|_| options.preserve);
                if *kind == b'C' {
                    file(peer, options, &header, &path, times)?;
                } else if options.recursive {
                    entered.extend(enter(peer, options, &header, path, times)?);
                } else {
                    return Err(peer.refuse("a folder without -r"));
                }
            }
            _ => return Err(peer.refuse("an unexpected line")),
        }
    }
    Ok(())
}

/// Seconds and microseconds of the modification, then those of the access. Returns the access and the modification.
fn parse_times(text: &[u8]) -> Result<(u32, u32), &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| "times that are not text")?;
    let parsed: Vec<Option<u64>> = text.split(' ').map(|number| number.parse().ok()).collect();
    match parsed.as_slice() {
        [Some(modified), Some(_), Some(accessed), Some(_)] => {
            let seconds = |time: u64| u32::try_from(time).map_err(|_| "a time that is too far away");
            Ok((seconds(*accessed)?, seconds(*modified)?))
        }
        _ => Err("times that are not numbers"),
    }
}

/// Four octal digits, the size, and a name, which must stay in its folder.
fn parse_header(text: &[u8]) -> Result<Header, &'static str> {
    let mut parts = text.splitn(3, |byte| *byte == b' ');
    let mut part = || parts.next().ok_or("a line with too few fields");
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit).then(|| String::from_utf8_lossy(text).into_owned());
    let (mode, size, name) = (part()?, part()?, part()?);
    let mode = digits(mode).filter(|mode| mode.len() == 4).and_then(|mode| u32::from_str_radix(&mode, 8).ok());
    let size = digits(size).and_then(|size| size.parse().ok()).filter(|size| i64::try_from(*size).is_ok());
    if matches!(name, b"" | b"." | b"..") || name.contains(&b'/') || name.contains(&0) {
        return Err("unexpected filename");
    }
    Ok(Header { mode: mode.ok_or("a bad mode")?, size: size.ok_or("a bad size")?, name: OsString::from_vec(name.to_vec()) })
}

fn shown(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

fn text(error: &io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_string()
}

/// None: it cannot be made, and the client continues with the next entry.
fn enter(
    peer: &mut Peer<impl Read, impl Write>,
    options: &Options,
    header: &Header,
    path: PathBuf,
    times: Option<(u32, u32)>,
) -> io::Result<Option<Entered>> {
    let is_new = match DirBuilder::new().mode(header.mode | 0o700).create(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        other => other.map(|()| true),
    };
    match is_new {
        Err(error) => peer.report(shown(&path), &text(&error)).map(|()| None),
        Ok(is_new) => {
            peer.accept()?;
            let mode = if options.preserve { Some(header.mode) } else { is_new.then_some(header.mode & 0o777 & !UMASK) };
            Ok(Some(Entered { path, mode, times }))
        }
    }
}

fn leave(peer: &mut Peer<impl Read, impl Write>, folder: &Entered) -> io::Result<()> {
    let set = || {
        folder.times.map_or(Ok(()), |times| path::set_times(&folder.path, times, true))?;
        folder.mode.map_or(Ok(()), |mode| fs::set_permissions(&folder.path, Permissions::from_mode(mode)))
    };
    match set() {
        Ok(()) => peer.accept(),
        Err(error) => peer.report(shown(&folder.path), &text(&error)),
    }
}

fn file(
    peer: &mut Peer<impl Read, impl Write>,
    options: &Options,
    header: &Header,
    path: &Path,
    times: Option<(u32, u32)>,
) -> io::Result<()> {
    let mode = if options.preserve { header.mode } else { header.mode & 0o777 & !UMASK };
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(mode & 0o777 | 0o200).open(path);
    let mut file = match opened.and_then(|file| if file.metadata()?.is_dir() { Err(io::Error::from_raw_os_error(libc::EISDIR)) } else { Ok(file) }) {
        Ok(file) => file,
        Err(error) => return peer.report(shown(path), &text(&error)),
    };
    peer.accept()?;
    let written = peer.content(header.size, |bytes| file.write_all(bytes))?;
    let finished = written.and_then(|()| finish(&file, path, header.size, mode, times));
    // the client says whether it could read all of it
    peer.is_accepted()?;
    match finished {
        Ok(()) => peer.accept(),
        Err(error) => peer.report(shown(path), &text(&error)),
    }
}

/// The size is set at the end, so that a file which is copied to itself is not emptied first.
fn finish(file: &File, path: &Path, size: u64, mode: u32, times: Option<(u32, u32)>) -> io::Result<()> {
    if file.metadata()?.is_file() {
        file.set_len(size)?;
        open::set_mode(file.as_raw_fd(), mode)?;
    }
    times.map_or(Ok(()), |times| path::set_times(path, times, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn a_name_stays_in_its_folder() {
        for name in ["", ".", "..", "/etc/passwd", "../x", "a/b", "a\0b"] {
            assert_eq!(parse_header(format!("0644 1 {name}").as_bytes()), Err("unexpected filename"), "{name:?}");
        }
        for name in ["...", "-rf", " a", "ä b\u{7}"] {
            let header = Header { mode: 0o644, size: 1, name: name.into() };
            assert_eq!(parse_header(format!("0644 1 {name}").as_bytes()), Ok(header));
        }
    }

    #[test]
    fn modes_sizes_and_times_are_numbers() {
        for bad in ["", "0644", "0644 1", "644 1 a", "06444 1 a", "0888 1 a", "0644 -1 a", "0644 +1 a", "0644  a", "0644 9223372036854775808 a"] {
            assert!(parse_header(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(parse_times(b"10 0 20 999"), Ok((20, 10)));
        for bad in ["", "1 0 2", "1 0 2 0 5", "1 0 x 0", "4294967296 0 1 0", "-1 0 1 0"] {
            assert!(parse_times(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_are_shown_as_they_are() {
        assert_eq!(shown(Path::new(OsStr::from_bytes(b"a\xff"))), b"a\xff");
    }
}
