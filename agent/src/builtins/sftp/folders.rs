//! Reading folders.

use super::attributes::Attributes;
use super::listing::{line, Accounts, Name};
use super::replies::{Code, Status};
use std::ffi::OsString;
use std::fs::{self, DirEntry, Metadata, ReadDir};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Entries in one reply: with the longest names they are a fifth of the largest packet.
const BATCH: usize = 100;

/// A folder that is being read.
pub struct Folder {
    path: PathBuf,
    /// `.` and `..`, which the standard library leaves out
    dots: Vec<&'static str>,
    entries: ReadDir,
}

impl Folder {
    pub fn open(path: &Path) -> Result<Folder, Status> {
        Ok(Folder { path: path.to_path_buf(), dots: vec!["..", "."], entries: fs::read_dir(path)? })
    }

    /// Some of the entries that are left; the status EOF if there are none.
    pub fn next(&mut self, accounts: &Accounts) -> Result<Vec<Name>, Status> {
        let mut names = Vec::new();
        while names.len() < BATCH {
            match self.entry() {
                // it was removed since it was listed
                Some(Ok((_, Err(_)))) => {}
                Some(Ok((name, Ok(metadata)))) => {
                    let long = line(&name, &metadata, accounts);
                    names.push(Name { name, long, attributes: Attributes::of(&metadata) });
                }
                Some(Err(error)) => return Err(error.into()),
                None if names.is_empty() => return Err(Status::new(Code::Eof, "End of file")),
                None => break,
            }
        }
        Ok(names)
    }

    fn entry(&mut self) -> Option<io::Result<(Vec<u8>, io::Result<Metadata>)>> {
        if let Some(dots) = self.dots.pop() {
            return Some(Ok((dots.into(), fs::symlink_metadata(self.path.join(dots)))));
        }
        let named = |entry: DirEntry| (OsString::into_vec(entry.file_name()), entry.metadata());
        Some(self.entries.next()?.map(named))
    }
}
