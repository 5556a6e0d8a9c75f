//! Carries out the requests, one after the other. The client need not wait for a reply before the next request.

use super::attributes::Attributes;
use super::extensions;
use super::files;
use super::folders::Folder;
use super::handles::{Handles, Open};
use super::input::Input;
use super::listing::{Accounts, Name};
use super::paths;
use super::replies::{Code, Replies, Reply, Status};
use super::wire::{kind, Fields, Malformed};
use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{symlink, DirBuilderExt};
use std::path::PathBuf;

/// Why a request has no reply of its own.
pub enum Refused {
    Malformed,
    Status(Status),
}

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Refused {
        Refused::Malformed
    }
}

impl<E: Into<Status>> From<E> for Refused {
    fn from(error: E) -> Refused {
        Refused::Status(error.into())
    }
}

pub struct Server<W> {
    replies: Replies<W>,
    handles: Handles,
    /// read when the first folder is listed
    accounts: Option<Accounts>,
}

impl<W: Write> Server<W> {
    pub fn new(output: W) -> Server<W> {
        Server { replies: Replies::new(output), handles: Handles::default(), accounts: None }
    }

    /// Serves until the client ends its input. A malformed packet is an error: what follows it can be anything.
    pub fn run(mut self, input: &mut Input<impl Read>) -> io::Result<()> {
        let served = self.serve(input);
        // the reason of an end is what it failed with first
        let flushed = self.replies.flush();
        served.and(flushed)
    }

    fn serve(&mut self, input: &mut Input<impl Read>) -> io::Result<()> {
        let Some(first) = input.next(|| Ok(()))? else { return Ok(()) };
        self.begin(first)?;
        while let Some(packet) = input.next(|| self.replies.flush())? {
            self.take(packet)?;
            self.replies.flush_if_large()?;
        }
        Ok(())
    }

    /// INIT, whose version does not matter: every client knows version 3.
    fn begin(&mut self, packet: &[u8]) -> Result<(), Malformed> {
        let mut fields = Fields(packet);
        if fields.byte()? != kind::INIT {
            return Err(Malformed);
        }
        fields.u32()?;
        self.replies.version(&extensions::ALL);
        Ok(())
    }

    fn take(&mut self, packet: &[u8]) -> Result<(), Malformed> {
        let mut fields = Fields(packet);
        let (kind, id) = (fields.byte()?, fields.u32()?);
        if kind == kind::READ {
            return self.read(id, &mut fields);
        }
        match self.perform(kind, &mut fields) {
            Ok(reply) => self.replies.answer(id, Ok(reply)),
            Err(Refused::Status(status)) => self.replies.answer(id, Err(status)),
            Err(Refused::Malformed) => return Err(Malformed),
        }
        Ok(())
    }

    fn read(&mut self, id: u32, fields: &mut Fields) -> Result<(), Malformed> {
        let (handle, offset, size) = (Handles::parse(fields)?, fields.u64()?, fields.u32()? as usize);
        match self.handles.file(handle) {
            Ok((file, _)) => self.replies.data(id, size, |buffer| Ok(files::read(file, offset, buffer)?)),
            Err(status) => self.replies.answer(id, Err(status)),
        }
        Ok(())
    }

    fn perform(&mut self, kind: u8, fields: &mut Fields) -> Result<Reply, Refused> {
        match kind {
            kind::OPEN | kind::OPENDIR => return self.open(kind, fields),
            kind::CLOSE => self.handles.close(Handles::parse(fields)?)?,
            kind::WRITE => {
                let (handle, offset, data) = (Handles::parse(fields)?, fields.u64()?, fields.string()?);
                files::write(self.handles.file(handle)?, offset, data)?;
            }
            kind::FSETSTAT => {
                let (handle, to) = (Handles::parse(fields)?, Attributes::parse(fields)?);
                files::change_open(self.handles.file(handle)?.0, &to)?;
            }
            kind::FSTAT => {
                let (file, _) = self.handles.file(Handles::parse(fields)?)?;
                return Ok(Reply::Attributes(Attributes::of(&file.metadata()?)));
            }
            kind::READDIR => {
                let folder = self.handles.folder(Handles::parse(fields)?)?;
                return Ok(Reply::Names(folder.next(self.accounts.get_or_insert_with(Accounts::read))?));
            }
            kind::EXTENDED => return extensions::perform(fields, &self.handles),
            _ => return on_path(kind, fields),
        }
        Ok(Reply::Done)
    }

    fn open(&mut self, kind: u8, fields: &mut Fields) -> Result<Reply, Refused> {
        let path = fields.path()?;
        if kind == kind::OPENDIR {
            return Ok(Reply::Handle(self.handles.add(|| Ok(Open::Folder(Folder::open(path)?)))?));
        }
        let (flags, attributes) = (fields.u32()?, Attributes::parse(fields)?);
        Ok(Reply::Handle(self.handles.add(|| files::open(path, flags, &attributes))?))
    }
}

/// The requests that name a file by its path.
fn on_path(kind: u8, fields: &mut Fields) -> Result<Reply, Refused> {
    let named = |path: PathBuf| Ok(Reply::Names(vec![Name::path(path.into_os_string().into_vec())]));
    match kind {
        kind::STAT => return Ok(Reply::Attributes(Attributes::of(&fs::metadata(fields.path()?)?))),
        kind::LSTAT => return Ok(Reply::Attributes(Attributes::of(&fs::symlink_metadata(fields.path()?)?))),
        kind::SETSTAT => files::change(fields.path()?, &Attributes::parse(fields)?)?,
        kind::REMOVE => fs::remove_file(fields.path()?)?,
        kind::RMDIR => fs::remove_dir(fields.path()?)?,
        kind::MKDIR => {
            let (path, attributes) = (fields.path()?, Attributes::parse(fields)?);
            DirBuilder::new().mode(attributes.permissions().unwrap_or(0o777)).create(path)?;
        }
        kind::REALPATH => return named(paths::resolve(fields.path()?)?),
        kind::READLINK => return named(fs::read_link(fields.path()?)?),
        kind::RENAME => paths::rename(fields.path()?, fields.path()?)?,
        // OpenSSH has the target first, other than the draft says, and all clients do as it does (its PROTOCOL, section 4.1)
        kind::SYMLINK => symlink(fields.path()?, fields.path()?)?,
        _ => return Err(Status::new(Code::Unsupported, "Operation unsupported").into()),
    }
    Ok(Reply::Done)
}
