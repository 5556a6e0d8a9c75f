//! Replies to the client. They are collected, and written before the server waits for more requests.

use super::attributes::Attributes;
use super::listing::Name;
use super::wire::{kind, Put, MAX_DATA};
use std::io::{self, ErrorKind, Write};

/// Bytes that are collected at most before they are written.
const BATCH: usize = MAX_DATA;

/// Status codes: draft-ietf-secsh-filexfer-02, section 7.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Code {
    Ok = 0,
    Eof = 1,
    NoSuchFile = 2,
    PermissionDenied = 3,
    Failure = 4,
    BadMessage = 5,
    Unsupported = 8,
}

/// Why a request was not carried out.
#[derive(Debug)]
pub struct Status {
    pub code: Code,
    pub message: String,
}

impl Status {
    pub fn new(code: Code, message: &str) -> Status {
        Status { code, message: message.to_string() }
    }
}

impl From<io::Error> for Status {
    /// As OpenSSH's sftp-server translates an `errno`, with the kernel's own words.
    fn from(error: io::Error) -> Status {
        let code = match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR | libc::EBADF | libc::ELOOP) => Code::NoSuchFile,
            Some(libc::EPERM | libc::EACCES | libc::EFAULT) => Code::PermissionDenied,
            Some(libc::ENAMETOOLONG | libc::EINVAL) => Code::BadMessage,
            Some(libc::ENOSYS | libc::EOPNOTSUPP) => Code::Unsupported,
            _ if error.kind() == ErrorKind::InvalidInput => Code::BadMessage,
            _ => Code::Failure,
        };
        let text = error.to_string();
        Status::new(code, text.split(" (os error").next().unwrap_or_default())
    }
}

/// What a request is answered with, apart from DATA.
pub enum Reply {
    Done,
    Handle(u32),
    Attributes(Attributes),
    Names(Vec<Name>),
    /// numbers of an EXTENDED_REPLY
    Numbers(Vec<u64>),
}

pub struct Replies<W> {
    to: W,
    bytes: Vec<u8>,
}

impl<W: Write> Replies<W> {
    pub fn new(to: W) -> Replies<W> {
        Replies { to, bytes: Vec::new() }
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.to.write_all(&self.bytes)?;
        self.bytes.clear();
        self.to.flush()
    }

    pub fn flush_if_large(&mut self) -> io::Result<()> {
        if self.bytes.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    pub fn version(&mut self, extensions: &[(&str, &str)]) {
        let start = self.begin(kind::VERSION);
        self.bytes.put_u32(3);
        for (name, version) in extensions {
            self.bytes.put_string(name.as_bytes());
            self.bytes.put_string(version.as_bytes());
        }
        self.end(start);
    }

    pub fn answer(&mut self, id: u32, result: Result<Reply, Status>) {
        match result {
            Ok(reply) => self.reply(id, &reply),
            Err(status) => self.status(id, &status),
        }
    }

    /// DATA that `read` puts into a buffer of `size` bytes; no bytes are the end of the file.
    pub fn data(&mut self, id: u32, size: usize, read: impl FnOnce(&mut [u8]) -> Result<usize, Status>) {
        let start = self.begin(kind::DATA);
        self.bytes.put_u32(id);
        let (length_at, data_at) = (self.bytes.len(), self.bytes.len() + 4);
        self.bytes.resize(data_at + size.min(MAX_DATA), 0);
        let count = match read(&mut self.bytes[data_at..]) {
            Ok(0) => Err(Status::new(Code::Eof, "End of file")),
            other => other,
        };
        match count {
            Ok(count) => {
                self.bytes.truncate(data_at + count);
                self.bytes[length_at..data_at].copy_from_slice(&(count as u32).to_be_bytes());
                self.end(start);
            }
            Err(status) => {
                self.bytes.truncate(start);
                self.status(id, &status);
            }
        }
    }

    fn reply(&mut self, id: u32, reply: &Reply) {
        let kind = match reply {
            Reply::Done => return self.status(id, &Status::new(Code::Ok, "Success")),
            Reply::Handle(_) => kind::HANDLE,
            Reply::Attributes(_) => kind::ATTRS,
            Reply::Names(_) => kind::NAME,
            Reply::Numbers(_) => kind::EXTENDED_REPLY,
        };
        let start = self.begin(kind);
        self.bytes.put_u32(id);
        match reply {
            Reply::Done => {}
            Reply::Handle(number) => self.bytes.put_string(&number.to_be_bytes()),
            Reply::Attributes(attributes) => attributes.put(&mut self.bytes),
            Reply::Names(names) => {
                self.bytes.put_u32(names.len() as u32);
                names.iter().for_each(|name| name.put(&mut self.bytes));
            }
            Reply::Numbers(numbers) => numbers.iter().for_each(|number| self.bytes.put_u64(*number)),
        }
        self.end(start);
    }

    fn status(&mut self, id: u32, status: &Status) {
        let start = self.begin(kind::STATUS);
        self.bytes.put_u32(id);
        self.bytes.put_u32(status.code as u32);
        self.bytes.put_string(status.message.as_bytes());
        self.bytes.put_string(b"");
        self.end(start);
    }

    fn begin(&mut self, kind: u8) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0, 0, 0, 0, kind]);
        start
    }

    fn end(&mut self, start: usize) {
        let length = (self.bytes.len() - start - 4) as u32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}
