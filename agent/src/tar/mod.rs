//! tar streams: reads ustar, GNU long names and PAX, writes PAX. Names are bytes.

pub mod header;
pub mod pack;
mod pax;
pub mod read;
mod sparse;
pub mod unpack;
mod write;
#[cfg(test)]
mod tests;

use crate::sys::open::Time;
use crate::wire::json::Refusal;

pub const BLOCK: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    File,
    HardLink,
    Link,
    Folder,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub path: Vec<u8>,
    pub kind: Kind,
    /// target of a link; for a hard link a path in the archive
    pub link: Vec<u8>,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// bytes of content after the header
    pub size: u64,
    pub mtime: Time,
}

/// The refusal of a stream that is not a valid tar.
pub fn malformed(problem: &str) -> Refusal {
    Refusal::bad(format!("the tar stream is damaged: {problem}"))
}

/// A name as text, for messages; at most 4096 bytes.
pub fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(&name[..name.len().min(4096)]).into_owned()
}
