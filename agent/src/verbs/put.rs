//! `put`: a tar stream into a folder.

use super::unpack::{unpack, Owner, UnpackError};
use super::{bad, io_refused, number, text, Refused};
use crate::stream::{Input, Stream};
use crate::world::World;
use serde_json::{json, Value};
use std::fs::{DirBuilder, File};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

pub fn put(_: &Arc<World>, stream: &Arc<Stream>, request: &Value) -> Result<(), Refused> {
    let path = text(request, "path")?.filter(|path| path.starts_with('/')).ok_or_else(|| bad("path is not absolute"))?;
    let owner = match (number(request, "uid", u64::from(u32::MAX))?, number(request, "gid", u64::from(u32::MAX))?) {
        (None, None) => None,
        (uid, gid) => Some(Owner { uid: uid.unwrap_or(0) as u32, gid: gid.unwrap_or(0) as u32 }),
    };
    let folder = open_target(path, request)?;
    stream.accept(json!({}));
    let mut input = Input(stream);
    match unpack(&mut input, &folder, owner) {
        Ok(done) => {
            // what follows the end of the archive is padding
            let _ = std::io::copy(&mut input.take(1 << 20), &mut std::io::sink());
            stream.event(&json!({ "event": "done", "entries": done.entries, "bytes": done.bytes }));
            stream.close();
        }
        Err(UnpackError { code, message }) => stream.close_error(code, &message),
    }
    Ok(())
}

fn open_target(path: &str, request: &Value) -> Result<File, Refused> {
    let failed = |error: std::io::Error| io_refused(path, &error);
    if request["create"].as_bool().unwrap_or(false) {
        DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(failed)?;
    }
    let is_empty = || std::fs::read_dir(path).map(|mut names| names.next().is_none());
    if request["clear"].as_bool().unwrap_or(false) && Path::new(path).exists() && !is_empty().map_err(failed)? {
        return Err(("busy", format!("{path} is not empty")));
    }
    let folder = File::open(path).map_err(failed)?;
    if !folder.metadata().map_err(failed)?.is_dir() {
        return Err(("io", format!("{path} is no folder")));
    }
    Ok(folder)
}
