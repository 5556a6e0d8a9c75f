//! A client for tests: requests as bytes, and replies taken apart.

use super::attributes::Attributes;
use super::wire::{kind, Fields, Put};
use std::path::Path;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

/// Requests one after the other, with ids from 1 on.
pub struct Requests {
    pub bytes: Vec<u8>,
    last: u32,
}

/// A reply without its length.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub kind: u8,
    pub id: u32,
    pub rest: Vec<u8>,
}

impl Requests {
    pub fn new() -> Requests {
        let mut requests = Requests { bytes: Vec::new(), last: 0 };
        requests.packet(&[kind::INIT, 0, 0, 0, 3]);
        requests
    }

    fn packet(&mut self, packet: &[u8]) {
        self.bytes.put_string(packet);
    }

    pub fn add(mut self, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) -> Requests {
        self.last += 1;
        let mut packet = vec![kind];
        packet.put_u32(self.last);
        fill(&mut packet);
        self.packet(&packet);
        self
    }

    pub fn path(self, kind: u8, path: &Path) -> Requests {
        self.add(kind, |packet| packet.put_string(path.as_os_str().as_bytes()))
    }

    pub fn two_paths(self, kind: u8, first: &Path, second: &Path) -> Requests {
        self.add(kind, |packet| [first, second].iter().for_each(|path| packet.put_string(path.as_os_str().as_bytes())))
    }

    pub fn open(self, path: &Path, flags: u32, attributes: &Attributes) -> Requests {
        self.add(kind::OPEN, |packet| {
            packet.put_string(path.as_os_str().as_bytes());
            packet.put_u32(flags);
            attributes.put(packet);
        })
    }

    pub fn on_handle(self, kind: u8, handle: u32) -> Requests {
        self.add(kind, |packet| packet.put_string(&handle.to_be_bytes()))
    }

    pub fn read(self, handle: u32, offset: u64, size: u32) -> Requests {
        self.add(kind::READ, |packet| {
            packet.put_string(&handle.to_be_bytes());
            packet.put_u64(offset);
            packet.put_u32(size);
        })
    }

    pub fn write(self, handle: u32, offset: u64, data: &[u8]) -> Requests {
        self.add(kind::WRITE, |packet| {
            packet.put_string(&handle.to_be_bytes());
            packet.put_u64(offset);
            packet.put_string(data);
        })
    }

    pub fn extended(self, name: &str, fill: impl FnOnce(&mut Vec<u8>)) -> Requests {
        self.add(kind::EXTENDED, |packet| {
            packet.put_string(name.as_bytes());
            fill(packet);
        })
    }

    /// The replies, after that to INIT.
    pub fn answers(self) -> Vec<Answer> {
        let (answers, status) = self.run();
        assert_eq!(status, ExitCode::SUCCESS);
        answers
    }

    pub fn run(self) -> (Vec<Answer>, ExitCode) {
        let mut output = Vec::new();
        let status = super::serve(self.bytes.as_slice(), &mut output);
        let (mut fields, mut answers) = (Fields(&output), Vec::new());
        while let Ok(packet) = fields.string() {
            let mut packet = Fields(packet);
            let (kind, id) = (packet.byte().unwrap(), packet.u32().unwrap());
            answers.push(Answer { kind, id, rest: packet.0.to_vec() });
        }
        assert!(fields.0.is_empty());
        let rest = answers.split_off(answers.len().min(1));
        assert!(answers.iter().all(|version| version.kind == kind::VERSION && version.id == 3));
        (rest, status)
    }
}

impl Answer {
    /// The code of a STATUS.
    pub fn code(&self) -> u32 {
        assert_eq!(self.kind, kind::STATUS, "{self:?}");
        Fields(&self.rest).u32().unwrap()
    }

    pub fn attributes(&self) -> Attributes {
        assert_eq!(self.kind, kind::ATTRS, "{self:?}");
        Attributes::parse(&mut Fields(&self.rest)).unwrap()
    }

    pub fn data(&self) -> &[u8] {
        assert_eq!(self.kind, kind::DATA, "{self:?}");
        Fields(&self.rest).string().unwrap()
    }

    /// Name, line and attributes of each file.
    pub fn names(&self) -> Vec<(Vec<u8>, String, Attributes)> {
        assert_eq!(self.kind, kind::NAME, "{self:?}");
        let mut fields = Fields(&self.rest);
        let count = fields.u32().unwrap();
        let mut one = || {
            let name = fields.string().unwrap().to_vec();
            let line = String::from_utf8_lossy(fields.string().unwrap()).into_owned();
            (name, line, Attributes::parse(&mut fields).unwrap())
        };
        (0..count).map(|_| one()).collect()
    }

    pub fn numbers(&self) -> Vec<u64> {
        assert_eq!(self.kind, kind::EXTENDED_REPLY, "{self:?}");
        let mut fields = Fields(&self.rest);
        std::iter::from_fn(|| fields.u64().ok()).collect()
    }
}
