//! Attributes of files: draft-ietf-secsh-filexfer-02, section 5.

use super::wire::{Fields, Malformed, Put};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

const SIZE: u32 = 1;
const OWNER: u32 = 2;
const MODE: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 1 << 31;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes {
    pub size: Option<u64>,
    /// uid and gid
    pub owner: Option<(u32, u32)>,
    /// with the file's type in what the server sends
    pub mode: Option<u32>,
    /// access and modification, in seconds since 1970
    pub times: Option<(u32, u32)>,
}

impl Attributes {
    pub fn parse(fields: &mut Fields) -> Result<Attributes, Malformed> {
        let flags = fields.u32()?;
        let has = |flag: u32| flags & flag != 0;
        let mut attributes = Attributes::default();
        if has(SIZE) {
            attributes.size = Some(fields.u64()?);
        }
        if has(OWNER) {
            attributes.owner = Some((fields.u32()?, fields.u32()?));
        }
        if has(MODE) {
            attributes.mode = Some(fields.u32()?);
        }
        if has(TIMES) {
            attributes.times = Some((fields.u32()?, fields.u32()?));
        }
        if has(EXTENDED) {
            // each has at least 8 bytes of the packet, so the packet's size limits them
            for _ in 0..fields.u32()? {
                fields.string()?;
                fields.string()?;
            }
        }
        Ok(attributes)
    }

    pub fn of(metadata: &Metadata) -> Attributes {
        let seconds = |time: i64| time.clamp(0, i64::from(u32::MAX)) as u32;
        Attributes {
            size: Some(metadata.size()),
            owner: Some((metadata.uid(), metadata.gid())),
            mode: Some(metadata.mode()),
            times: Some((seconds(metadata.atime()), seconds(metadata.mtime()))),
        }
    }

    /// Permissions and set-id bits that a client asks for.
    pub fn permissions(&self) -> Option<u32> {
        self.mode.map(|mode| mode & 0o7777)
    }

    pub fn put(&self, to: &mut Vec<u8>) {
        let flag = |is_there: bool, flag: u32| if is_there { flag } else { 0 };
        let flags = flag(self.size.is_some(), SIZE) | flag(self.owner.is_some(), OWNER);
        to.put_u32(flags | flag(self.mode.is_some(), MODE) | flag(self.times.is_some(), TIMES));
        if let Some(size) = self.size {
            to.put_u64(size);
        }
        if let Some((uid, gid)) = self.owner {
            to.put_u32(uid);
            to.put_u32(gid);
        }
        if let Some(mode) = self.mode {
            to.put_u32(mode);
        }
        if let Some((accessed, modified)) = self.times {
            to.put_u32(accessed);
            to.put_u32(modified);
        }
    }
}
