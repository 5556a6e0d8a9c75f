//! Requests that do not fit in one frame: OPEN has the size, and the other fields come as JSON in the first bytes of channel 0.

use super::{Received, Stream};
use crate::wire::json::{self, Answer, Object, Refusal};

/// In bytes. Linux accepts 2 MiB of arguments and variables; JSON needs up to six bytes for one of theirs.
const MAX: u64 = 16 * 1024 * 1024;

/// The complete request; waits for its body if it has one. The verb is always that of OPEN.
pub fn read_request(stream: &Stream, mut opened: Object) -> Answer<Object> {
    let Some(size) = json::number(&opened, "body", MAX)? else { return Ok(opened) };
    let mut body = Vec::new();
    while (body.len() as u64) < size {
        let Received::Data(bytes) = stream.receive(0) else { return Err(Refusal::bad("the request's body is cut short")) };
        body.extend_from_slice(&bytes);
        stream.consumed(0, bytes.len());
    }
    if body.len() as u64 > size {
        return Err(Refusal::bad("the request's body must end with a frame"));
    }
    let mut request = json::object(&body).ok_or_else(|| Refusal::bad("the request's body must be a JSON object"))?;
    if let Some(verb) = opened.remove("verb") {
        request.insert("verb".into(), verb);
    }
    Ok(request)
}
