//! Requests that OpenSSH has added: its PROTOCOL, section 4.

use super::attributes::Attributes;
use super::handles::{self, Handles};
use super::listing::Name;
use super::paths;
use super::replies::{Code, Reply, Status};
use super::server::Refused;
use super::wire::{Fields, MAX_DATA, MAX_PACKET};
use super::files;
use crate::sys::path::{space, space_of, Space};
use std::fs;
use std::os::unix::ffi::OsStringExt;

/// Names and versions, as VERSION lists them.
pub const ALL: [(&str, &str); 8] = [
    ("posix-rename@openssh.com", "1"),
    ("statvfs@openssh.com", "2"),
    ("fstatvfs@openssh.com", "2"),
    ("hardlink@openssh.com", "1"),
    ("fsync@openssh.com", "1"),
    ("lsetstat@openssh.com", "1"),
    ("limits@openssh.com", "1"),
    ("expand-path@openssh.com", "1"),
];

pub fn perform(fields: &mut Fields, handles: &Handles) -> Result<Reply, Refused> {
    match fields.string()? {
        b"posix-rename@openssh.com" => fs::rename(fields.path()?, fields.path()?)?,
        b"statvfs@openssh.com" => return Ok(Reply::Numbers(numbers(&space(fields.path()?)?))),
        b"fstatvfs@openssh.com" => {
            let (file, _) = handles.file(Handles::parse(fields)?)?;
            return Ok(Reply::Numbers(numbers(&space_of(file)?)));
        }
        b"hardlink@openssh.com" => fs::hard_link(fields.path()?, fields.path()?)?,
        b"fsync@openssh.com" => handles.file(Handles::parse(fields)?)?.0.sync_all()?,
        b"lsetstat@openssh.com" => files::change_itself(fields.path()?, &Attributes::parse(fields)?)?,
        b"limits@openssh.com" => {
            let limits = [MAX_PACKET, MAX_DATA, MAX_DATA, handles::MAX];
            return Ok(Reply::Numbers(limits.map(|limit| limit as u64).to_vec()));
        }
        b"expand-path@openssh.com" => {
            let path = paths::expand(fields.string()?)?;
            return Ok(Reply::Names(vec![Name::path(path.into_os_string().into_vec())]));
        }
        _ => return Err(Status::new(Code::Unsupported, "Operation unsupported").into()),
    }
    Ok(Reply::Done)
}

fn numbers(space: &Space) -> Vec<u64> {
    let read_only_or_no_setuid = space.flags & 3;
    vec![
        space.block_size,
        space.fragment_size,
        space.blocks,
        space.free,
        space.available,
        space.files,
        space.free_files,
        space.available_files,
        space.id,
        read_only_or_no_setuid,
        space.longest_name,
    ]
}
