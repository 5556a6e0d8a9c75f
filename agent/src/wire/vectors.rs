//! The golden vectors that the host's tests read as well: `protocol/vectors.json`.

use super::frame::{decode, encode, Frame, Kind, HEADER, TRAILER};
use super::input::{Input, MAGIC, NONCE};
use super::json::Object;
use serde_json::Value;

pub fn all() -> Value {
    serde_json::from_str(include_str!("../../../protocol/vectors.json")).unwrap()
}

/// The OPEN in the vector of this name.
pub fn open(name: &str) -> Object {
    of_verb(name)["open"].as_object().unwrap().clone()
}

/// The REPLY in the vector of this name.
pub fn reply(name: &str) -> Value {
    of_verb(name)["reply"].clone()
}

/// The EVENT in the vector of this name.
pub fn event(name: &str) -> Value {
    of_verb(name)["event"].clone()
}

fn of_verb(name: &str) -> Value {
    let all = all();
    all["verbs"].as_array().unwrap().iter().find(|vector| vector["name"] == name).unwrap().clone()
}

fn hex(vector: &Value, field: &str) -> Vec<u8> {
    let text = vector[field].as_str().unwrap();
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn number(vector: &Value, field: &str) -> u32 {
    u32::try_from(vector[field].as_u64().unwrap()).unwrap()
}

#[test]
fn frames_are_the_same_bytes_on_both_sides() {
    for vector in all()["frames"].as_array().unwrap() {
        let (tag, stream) = (number(vector, "tag"), number(vector, "stream"));
        let kind = Kind::from_byte(number(vector, "type") as u8).unwrap();
        let (payload, encoded) = (hex(vector, "payloadHex"), hex(vector, "encodedHex"));
        assert_eq!(encode(kind, stream, &payload, tag), encoded, "{}", vector["name"]);
        let frame = Frame { kind, stream, payload };
        assert_eq!(decode(&encoded, tag), Ok(Some((frame, encoded.len()))), "{}", vector["name"]);
    }
}

#[test]
fn both_sides_refuse_the_same_frames() {
    for vector in all()["rejected"].as_array().unwrap() {
        let mut bytes = hex(vector, "encodedHex");
        bytes.resize(bytes.len().max(HEADER + TRAILER), 0);
        assert!(decode(&bytes, number(vector, "tag")).is_err(), "{}", vector["name"]);
    }
}

#[test]
fn the_preamble_is_the_same_on_both_sides() {
    let (all, mut input) = (all(), Input::default());
    let (nonce, encoded) = (hex(&all["preamble"], "nonceHex"), hex(&all["preamble"], "encodedHex"));
    assert_eq!([MAGIC.as_slice(), &nonce].concat(), encoded);
    input.fill(&mut encoded.as_slice()).unwrap();
    let found: [u8; NONCE] = input.find_preamble().unwrap();
    assert_eq!(found.as_slice(), nonce);
    assert_eq!(u32::from_le_bytes([found[0], found[1], found[2], found[3]]), number(&all["preamble"], "tag"));
}
