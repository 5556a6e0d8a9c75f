//! Reading requests field by field. Unknown fields are ignored; a missing or mistyped known one is `bad_request`.

use serde_json::{Map, Value};

pub type Object = Map<String, Value>;

/// Why a verb did not happen, as REPLY and CLOSE carry it.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }

    pub fn bad(message: impl Into<String>) -> Refusal {
        Refusal::new("bad_request", message)
    }

    /// `io`, with what was tried and the errno's name.
    pub fn io(what: &str, error: &std::io::Error) -> Refusal {
        Refusal::new("io", format!("{what}: {}", crate::sys::errno_name(error)))
    }

    pub fn json(&self) -> Value {
        // a frame holds 32 KiB; a path of 4 KiB in a message is the longest honest one
        let message: String = self.message.chars().take(6000).collect();
        serde_json::json!({ "code": self.code, "message": message })
    }
}

pub type Answer<T> = Result<T, Refusal>;

/// A JSON object, or nothing.
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

/// Objects in a list of at most `max`.
pub fn objects<'a>(object: &'a Object, name: &str, max: usize) -> Answer<Option<Vec<&'a Object>>> {
    let wanted = || mistyped(name, &format!("at most {max} objects"));
    let Some(value) = present(object, name) else { return Ok(None) };
    let list = value.as_array().filter(|list| list.len() <= max).ok_or_else(wanted)?;
    list.iter().map(|item| item.as_object().ok_or_else(wanted)).collect::<Answer<Vec<_>>>().map(Some)
}

pub fn nested<'a>(object: &'a Object, name: &str) -> Answer<Option<&'a Object>> {
    match present(object, name) {
        None => Ok(None),
        Some(Value::Object(nested)) => Ok(Some(nested)),
        Some(_) => Err(mistyped(name, "an object")),
    }
}

/// Environment variables: names without `=`, neither with NUL.
pub fn environment(object: &Object, name: &str) -> Answer<Option<Vec<(String, String)>>> {
    let Some(nested) = nested(object, name)? else { return Ok(None) };
    let mut pairs = Vec::with_capacity(nested.len());
    for (key, value) in nested {
        let value = value.as_str().filter(|value| !value.contains('\0'));
        let (Some(value), false) = (value, key.is_empty() || key.contains(['=', '\0'])) else {
            return Err(mistyped(name, "names without `=` and strings without NUL"));
        };
        pairs.push((key.clone(), value.to_string()));
    }
    Ok(Some(pairs))
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
    fn lists_and_numbers_are_taken_at_their_limit_and_not_past_it() {
        let request = parsed(r#"{"texts":["a","b"],"objects":[{},{}],"number":9}"#);
        assert!(texts(&request, "texts", 2).is_ok() && texts(&request, "texts", 1).is_err());
        assert!(objects(&request, "objects", 2).is_ok() && objects(&request, "objects", 1).is_err());
        assert!(number(&request, "number", 9).is_ok() && number(&request, "number", 8).is_err());
        assert!(required_number(&request, "number", 9).is_ok() && required_number(&request, "number", 8).is_err());
    }

    #[test]
    fn a_refusal_carries_6000_characters_of_its_reason() {
        let length = |characters: usize| Refusal::bad("x".repeat(characters)).json()["message"].as_str().unwrap().len();
        assert_eq!((length(6000), length(6001)), (6000, 6000));
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
