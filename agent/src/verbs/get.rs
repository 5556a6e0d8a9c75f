//! `get`: a file or folder as a tar stream.

use super::put::absolute;
use crate::session::Stream;
use crate::tar::pack::{Content, Packer, Sink};
use crate::wire::json::{self, Answer, Object, Refusal};
use serde_json::json;

const BATCH: usize = 64 * 1024;

pub fn run(stream: &Stream, request: &Object) -> Answer<()> {
    let path = absolute(json::required_bytes(request, "path")?)?;
    let content = content(request)?;
    std::fs::symlink_metadata(&path).map_err(|error| Refusal::io(&path.to_string_lossy(), &error))?;
    stream.reply(json!({}));
    let mut batch = Batch { stream, bytes: Vec::with_capacity(BATCH) };
    Packer::new(&mut batch, content).pack(&path)?;
    batch.flush();
    stream.eof(1);
    Ok(())
}

fn content(request: &Object) -> Answer<Content> {
    let merged = json::bytes(request, "merged")?.map(absolute).transpose()?;
    let whole = json::flag(request, "whole")?;
    Ok(match merged {
        Some(merged) => Content::Changes { merged },
        None if whole => Content::Whole,
        None => Content::Plain,
    })
}

/// Collects headers and small files, so that they share frames.
struct Batch<'a> {
    stream: &'a Stream,
    bytes: Vec<u8>,
}

impl Batch<'_> {
    fn flush(&mut self) -> bool {
        let sent = self.stream.send(1, &self.bytes).is_ok();
        self.bytes.clear();
        sent
    }
}

impl Sink for &mut Batch<'_> {
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.bytes.extend_from_slice(bytes);
        self.bytes.len() < BATCH || self.flush()
    }
}
