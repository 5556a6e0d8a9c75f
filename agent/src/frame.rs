//! Frames as bytes: `protocol/agent.md`, "Frames" and "Session".

use std::io::{self, Read};

pub const MAX_PAYLOAD: usize = 32768;
pub const HEADER: usize = 9;
pub const TRAILER: usize = 4;
pub const MAGIC: &[u8; 16] = b"banger-agent/1\r\n";

pub const HELLO: u8 = 0x01;
pub const OPEN: u8 = 0x02;
pub const REPLY: u8 = 0x03;
pub const EVENT: u8 = 0x04;
pub const CREDIT: u8 = 0x05;
pub const CLOSE: u8 = 0x06;
pub const PING: u8 = 0x07;
pub const PONG: u8 = 0x08;
pub const NOTICE: u8 = 0x09;
pub const DATA: u8 = 0x10;
pub const EOF: u8 = 0x20;

#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub kind: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub fn encode(kind: u8, stream: u32, payload: &[u8], tag: u32) -> Vec<u8> {
    debug_assert!(payload.len() <= MAX_PAYLOAD);
    let mut bytes = Vec::with_capacity(HEADER + payload.len() + TRAILER);
    bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(&stream.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&tag.to_le_bytes());
    bytes
}

/// What came instead of a frame.
#[derive(Debug)]
pub enum Broken {
    /// the line dropped
    Lost,
    /// a rule was broken, or a line was cut in the middle of a frame
    Protocol(&'static str),
    /// a new preamble at a frame's boundary; its nonce
    Anew([u8; 16]),
}

fn lost(_: io::Error) -> Broken {
    Broken::Lost
}

/// Reads one frame whose tag must be `tag`.
pub fn read_frame(line: &mut impl Read, tag: u32) -> Result<Frame, Broken> {
    let mut header = [0u8; HEADER];
    line.read_exact(&mut header).map_err(lost)?;
    if header[..4] == MAGIC[..4] {
        return Err(read_preamble_rest(line, &header));
    }
    let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    if length > MAX_PAYLOAD {
        return Err(Broken::Protocol("a frame over the limit"));
    }
    let mut body = vec![0u8; length + TRAILER];
    line.read_exact(&mut body).map_err(lost)?;
    let trailer = body.split_off(length);
    if trailer != tag.to_le_bytes() {
        return Err(Broken::Protocol("the tag of another session"));
    }
    let kind = header[4];
    if !is_kind(kind) {
        return Err(Broken::Protocol("an unknown frame type"));
    }
    let stream = u32::from_le_bytes([header[5], header[6], header[7], header[8]]);
    Ok(Frame { kind, stream, payload: body })
}

fn is_kind(kind: u8) -> bool {
    matches!(kind, HELLO..=NOTICE | 0x10..=0x12 | 0x20..=0x22)
}

fn read_preamble_rest(line: &mut impl Read, begun: &[u8; HEADER]) -> Broken {
    let mut rest = [0u8; 16 - HEADER];
    let mut nonce = [0u8; 16];
    if line.read_exact(&mut rest).is_err() {
        return Broken::Lost;
    }
    if begun[..] != MAGIC[..HEADER] || rest[..] != MAGIC[HEADER..] {
        return Broken::Protocol("a frame over the limit");
    }
    match line.read_exact(&mut nonce) {
        Ok(()) => Broken::Anew(nonce),
        Err(_) => Broken::Lost,
    }
}

/// Throws bytes away until the magic, then reads the nonce. An error means that the line dropped.
pub fn find_preamble(line: &mut impl Read) -> io::Result<[u8; 16]> {
    let mut matched = 0;
    let mut byte = [0u8; 1];
    while matched < MAGIC.len() {
        line.read_exact(&mut byte)?;
        matched = if byte[0] == MAGIC[matched] {
            matched + 1
        } else {
            // no proper prefix of the magic is also a suffix of one, so only a new beginning is possible
            usize::from(byte[0] == MAGIC[0])
        };
    }
    let mut nonce = [0u8; 16];
    line.read_exact(&mut nonce)?;
    Ok(nonce)
}

pub fn tag_of(nonce: &[u8; 16]) -> u32 {
    u32::from_le_bytes([nonce[0], nonce[1], nonce[2], nonce[3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn vectors() -> Value {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/vectors.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn frames_match_the_golden_vectors() {
        for vector in vectors()["frames"].as_array().unwrap() {
            let name = vector["name"].as_str().unwrap();
            let number = |key: &str| vector[key].as_u64().unwrap() as u32;
            let payload = hex(vector["payloadHex"].as_str().unwrap());
            let bytes = hex(vector["encodedHex"].as_str().unwrap());
            assert_eq!(encode(number("type") as u8, number("stream"), &payload, number("tag")), bytes, "{name}");
            let frame = read_frame(&mut &bytes[..], number("tag")).unwrap_or_else(|why| panic!("{name}: {why:?}"));
            assert_eq!(frame, Frame { kind: number("type") as u8, stream: number("stream"), payload }, "{name}");
        }
    }

    #[test]
    fn rejected_vectors_are_rejected() {
        for vector in vectors()["rejected"].as_array().unwrap() {
            let bytes = hex(vector["encodedHex"].as_str().unwrap());
            let tag = vector["tag"].as_u64().unwrap() as u32;
            let result = read_frame(&mut &bytes[..], tag);
            assert!(matches!(result, Err(Broken::Protocol(_))), "{}: {result:?}", vector["name"]);
        }
    }

    #[test]
    fn the_preamble_matches_its_vector() {
        let vector = &vectors()["preamble"];
        let bytes = hex(vector["encodedHex"].as_str().unwrap());
        let nonce = find_preamble(&mut &bytes[..]).unwrap();
        assert_eq!(nonce.to_vec(), hex(vector["nonceHex"].as_str().unwrap()));
        assert_eq!(u64::from(tag_of(&nonce)), vector["tag"].as_u64().unwrap());
    }

    #[test]
    fn a_preamble_is_found_after_anything() {
        let mut bytes = vec![0u8; 1000];
        bytes.extend_from_slice(b"banger-agbanger-agent/1\r");
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[7; 16]);
        assert_eq!(find_preamble(&mut &bytes[..]).unwrap(), [7; 16]);
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut state = 88172645463325252u64;
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..64)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    (state % 5) as u8
                })
                .collect();
            let _ = read_frame(&mut &bytes[..], 0);
        }
    }
}
