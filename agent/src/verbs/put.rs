//! `put`: unpacks a tar stream into a folder.

use crate::session::{ChannelReader, Stream};
use crate::sys::open;
use crate::tar::unpack::{Owner, Unpacker};
use crate::wire::json::{self, Answer, Object, Refusal};
use serde_json::json;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

pub fn run(stream: &Stream, request: &Object) -> Answer<()> {
    let path = absolute(json::required_bytes(request, "path")?)?;
    let create = json::flag(request, "create")?;
    let clear = json::flag(request, "clear")?;
    let id = |name| json::number(request, name, u64::from(u32::MAX) - 1).map(|id| id.map(|id| id as u32));
    let owner = Owner { uid: id("uid")?, gid: id("gid")? };
    let root = open_root(&path, create, clear, owner)?;
    stream.reply(json!({}));
    let done = Unpacker::new(root, owner).unpack(ChannelReader::new(stream, 0))?;
    stream.event(&json!({ "event": "done", "entries": done.entries, "bytes": done.bytes }));
    Ok(())
}

/// The host chooses the path, so links in it are followed.
pub fn absolute(path: Vec<u8>) -> Answer<PathBuf> {
    if path.starts_with(b"/") {
        Ok(OsString::from_vec(path).into())
    } else {
        Err(Refusal::bad("path must be absolute"))
    }
}

fn open_root(path: &Path, create: bool, clear: bool, owner: Owner) -> Answer<OwnedFd> {
    let failed = |error: std::io::Error| Refusal::io(&path.to_string_lossy(), &error);
    let is_new = create && !path.exists();
    if is_new {
        fs::create_dir_all(path).map_err(failed)?;
    }
    let folder = File::open(path).map_err(failed)?;
    if !folder.metadata().map_err(failed)?.is_dir() {
        return Err(Refusal::io(&path.to_string_lossy(), &std::io::Error::from_raw_os_error(libc::ENOTDIR)));
    }
    if clear && fs::read_dir(path).map_err(failed)?.next().is_some() {
        return Err(Refusal::new("busy", format!("{} is not empty", path.display())));
    }
    if is_new && crate::sys::process::uid() == 0 {
        let (uid, gid) = (owner.uid.unwrap_or(0), owner.gid.unwrap_or(0));
        open::set_owner_of(folder.as_raw_fd(), uid, gid).map_err(failed)?;
    }
    Ok(OwnedFd::from(folder))
}
