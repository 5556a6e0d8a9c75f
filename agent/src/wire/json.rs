//! Reading requests field by field. Unknown fields are ignored; a missing or mistyped known one is `bad_request`.
//! Names, arguments and variables are bytes: in a string, U+0000 followed by two hexadecimal digits is a byte that is not UTF-8.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub type Object = Map<String, Value>;

/// Why a verb failed, as in REPLY and CLOSE.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }

    /// A refusal with the code `bad_request`.
    pub fn bad(message: impl Into<String>) -> Refusal {
        Refusal::new("bad_request", message)
    }

    /// The code `io`, with what was tried and the name of the errno.
    pub fn io(what: &str, error: &std::io::Error) -> Refusal {
        Refusal::new("io", format!("{what}: {}", crate::sys::errno_name(error)))
    }

    pub fn json(&self) -> Value {
        // must fit in a frame of 32 KiB; the longest legitimate message has a path of 4 KiB
        let message: String = self.message.chars().take(6000).collect();
        serde_json::json!({ "code": self.code, "message": message })
    }
}

/// The result of a verb, or of a part of it.
pub type Answer<T> = Result<T, Refusal>;

/// None if the bytes are not a JSON object.
pub fn object(bytes: &[u8]) -> Option<Object> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

fn present<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

fn mistyped(name: &str, wanted: &str) -> Refusal {
    Refusal::bad(format!("{name} must be {wanted}"))
}

/// A string; None if the field is missing or null.
pub fn text<'a>(object: &'a Object, name: &str) -> Answer<Option<&'a str>> {
    match present(object, name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.contains('\0') => Ok(Some(text)),
        Some(_) => Err(mistyped(name, "a string without NUL")),
    }
}

pub fn required_text<'a>(object: &'a Object, name: &str) -> Answer<&'a str> {
    text(object, name)?.ok_or_else(|| mistyped(name, "a string without NUL"))
}

/// The bytes that a string stands for; None if it has a NUL, or an escape for a byte below 0x80.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != 0 {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else { return None };
        bytes.push((digit(*high)? << 4 | digit(*low)?) as u8);
        if bytes.last().is_some_and(u8::is_ascii) {
            return None;
        }
        rest = after;
    }
    Some(bytes)
}

/// A string that stands for bytes; None if the field is missing or null.
pub fn bytes(object: &Object, name: &str) -> Answer<Option<Vec<u8>>> {
    let Some(value) = present(object, name) else { return Ok(None) };
    value.as_str().and_then(unescaped).map(Some).ok_or_else(|| mistyped(name, "a string without NUL"))
}

pub fn required_bytes(object: &Object, name: &str) -> Answer<Vec<u8>> {
    bytes(object, name)?.ok_or_else(|| mistyped(name, "a string without NUL"))
}

/// A list of strings; only the size of a request limits its length.
pub fn byte_strings(object: &Object, name: &str) -> Answer<Option<Vec<Vec<u8>>>> {
    let wanted = || mistyped(name, "strings without NUL");
    let Some(value) = present(object, name) else { return Ok(None) };
    let list = value.as_array().ok_or_else(wanted)?;
    list.iter().map(|item| item.as_str().and_then(unescaped).ok_or_else(wanted)).collect::<Answer<Vec<_>>>().map(Some)
}

/// False if the field is missing or null.
pub fn flag(object: &Object, name: &str) -> Answer<bool> {
    match present(object, name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(mistyped(name, "true or false")),
    }
}

/// A whole number from 0 to `max`.
pub fn number(object: &Object, name: &str, max: u64) -> Answer<Option<u64>> {
    let wanted = || mistyped(name, &format!("a whole number up to {max}"));
    match present(object, name) {
        None => Ok(None),
        Some(value) => value.as_u64().filter(|number| *number <= max).map(Some).ok_or_else(wanted),
    }
}

pub fn required_number(object: &Object, name: &str, max: u64) -> Answer<u64> {
    number(object, name, max)?.ok_or_else(|| mistyped(name, &format!("a whole number up to {max}")))
}

/// At most `max` strings without NUL.
pub fn texts<'a>(object: &'a Object, name: &str, max: usize) -> Answer<Option<Vec<&'a str>>> {
    let wanted = || mistyped(name, &format!("at most {max} strings without NUL"));
    let Some(value) = present(object, name) else { return Ok(None) };
    let list = value.as_array().filter(|list| list.len() <= max).ok_or_else(wanted)?;
    let text = |item: &'a Value| item.as_str().filter(|text| !text.contains('\0')).ok_or_else(wanted);
    list.iter().map(text).collect::<Answer<Vec<_>>>().map(Some)
}

/// A list of at most `max` objects.
pub fn objects<'a>(object: &'a Object, name: &str, max: usize) -> Answer<Option<Vec<&'a Object>>> {
    let wanted = || mistyped(name, &format!("at most {max} objects"));
    let Some(value) = present(object, name) else { return Ok(None) };
    let list = value.as_array().filter(|list| list.len() <= max).ok_or_else(wanted)?;
    list.iter().map(|item| item.as_object().ok_or_else(wanted)).collect::<Answer<Vec<_>>>().map(Some)
}

/// A nested object; None if the field is missing or null.
pub fn nested<'a>(object: &'a Object, name: &str) -> Answer<Option<&'a Object>> {
    match present(object, name) {
        None => Ok(None),
        Some(Value::Object(nested)) => Ok(Some(nested)),
        Some(_) => Err(mistyped(name, "an object")),
    }
}

/// Environment variables: names without `=`, neither with NUL.
pub fn environment(object: &Object, name: &str) -> Answer<Option<BTreeMap<Vec<u8>, Vec<u8>>>> {
    let Some(nested) = nested(object, name)? else { return Ok(None) };
    let mut variables = BTreeMap::new();
    for (key, value) in nested {
        let (Some(key), Some(value)) = (unescaped(key), value.as_str().and_then(unescaped)) else {
            return Err(mistyped(name, "names and strings without NUL"));
        };
        if key.is_empty() || key.contains(&b'=') {
            return Err(mistyped(name, "names without `=`"));
        }
        variables.insert(key, value);
    }
    Ok(Some(variables))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Object {
        object(json.as_bytes()).unwrap()
    }

    #[test]
    fn only_objects_are_requests() {
        assert!(object(b"[]").is_none() && object(b"\"a\"").is_none() && object(b"{").is_none() && object(b"\xff").is_none());
        assert!(object("[".repeat(40_000).as_bytes()).is_none());
    }

    #[test]
    fn lists_and_numbers_are_accepted_up_to_their_limit() {
        let request = parsed(r#"{"texts":["a","b"],"objects":[{},{}],"number":9}"#);
        assert!(texts(&request, "texts", 2).is_ok() && texts(&request, "texts", 1).is_err());
        assert!(objects(&request, "objects", 2).is_ok() && objects(&request, "objects", 1).is_err());
        assert!(number(&request, "number", 9).is_ok() && number(&request, "number", 8).is_err());
        assert!(required_number(&request, "number", 9).is_ok() && required_number(&request, "number", 8).is_err());
    }

    #[test]
    fn a_refusal_has_at_most_6000_characters_of_its_message() {
        let length = |characters: usize| Refusal::bad("x".repeat(characters)).json()["message"].as_str().unwrap().len();
        assert_eq!((length(6000), length(6001)), (6000, 6000));
    }

    #[test]
    fn strings_can_stand_for_bytes_that_are_not_utf8() {
        let request = parsed(r#"{"a":"x\u0000ffy","b":["\u0000c3\u0000a9","\u00e9"],"c":{"N\u0000fe":"\u000080"}}"#);
        assert_eq!(bytes(&request, "a"), Ok(Some(b"x\xffy".to_vec())));
        assert_eq!(byte_strings(&request, "b"), Ok(Some(vec![vec![0xc3, 0xa9], "é".as_bytes().to_vec()])));
        assert_eq!(environment(&request, "c"), Ok(Some(BTreeMap::from([(b"N\xfe".to_vec(), vec![0x80])]))));
        for bad in [r"\u0000", r"a\u0000f", r"\u00007f", r"\u000000", r"\u00003d", r"\u0000+f", r"\u0000é"] {
            let request = parsed(&format!(r#"{{"a":"{bad}","b":["{bad}"],"c":{{"{bad}":""}}}}"#));
            assert!(bytes(&request, "a").is_err() && byte_strings(&request, "b").is_err() && environment(&request, "c").is_err(), "{bad}");
        }
    }

    #[test]
    fn mistyped_fields_are_bad_requests_and_absent_ones_are_not() {
        let request = parsed(r#"{"a":1,"b":"x","c":["x",1],"d":{"K=":"v"},"e":"\u0000","f":null}"#);
        assert_eq!(text(&request, "a").unwrap_err().code, "bad_request");
        assert_eq!(text(&request, "b"), Ok(Some("x")));
        assert!(texts(&request, "c", 9).is_err() && texts(&request, "zz", 9) == Ok(None));
        assert!(environment(&request, "d").is_err() && text(&request, "e").is_err());
        assert_eq!(text(&request, "f"), Ok(None));
        assert!(number(&request, "a", 0).is_err() && number(&request, "a", 1) == Ok(Some(1)));
    }
}
