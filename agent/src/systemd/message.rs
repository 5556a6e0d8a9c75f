//! The part of D-Bus that calls to systemd's manager need: dbus.freedesktop.org/doc/dbus-specification.html.

/// The body of a message, and its signature.
#[derive(Default)]
pub struct Body {
    signature: String,
    bytes: Vec<u8>,
}

impl Body {
    pub fn text(mut self, text: &str) -> Body {
        self.signature.push('s');
        put_text(&mut self.bytes, text);
        self
    }

    pub fn texts<'a>(mut self, texts: impl IntoIterator<Item = &'a str>) -> Body {
        self.signature.push_str("as");
        pad(&mut self.bytes, 4);
        let at = self.bytes.len();
        self.bytes.extend([0; 4]);
        for text in texts {
            put_text(&mut self.bytes, text);
        }
        let length = (self.bytes.len() - at - 4) as u32;
        self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        self
    }
}

/// Interface of the manager's methods.
pub const MANAGER: &str = "org.freedesktop.systemd1.Manager";
/// Interface of an object's properties.
pub const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// A method call to systemd's manager, little-endian. All have the same serial number, because there is one call at a time.
pub fn call(interface: &str, member: &str, body: &Body) -> Vec<u8> {
    const METHOD_CALL: u8 = 1;
    let mut fields = Vec::new();
    put_field(&mut fields, 1, 'o', "/org/freedesktop/systemd1");
    put_field(&mut fields, 2, 's', interface);
    put_field(&mut fields, 3, 's', member);
    put_field(&mut fields, 6, 's', "org.freedesktop.systemd1");
    if !body.signature.is_empty() {
        put_field(&mut fields, 8, 'g', &body.signature);
    }
    let mut message = vec![b'l', METHOD_CALL, 0, 1];
    for number in [body.bytes.len() as u32, 1, fields.len() as u32] {
        message.extend(number.to_le_bytes());
    }
    message.extend(fields);
    pad(&mut message, 8);
    message.extend(&body.bytes);
    message
}

/// Adds a field of the header. Fields begin at multiples of 8, also counted from the start of the message.
fn put_field(bytes: &mut Vec<u8>, code: u8, kind: char, value: &str) {
    pad(bytes, 8);
    bytes.extend([code, 1, kind as u8, 0]);
    if kind == 'g' {
        bytes.push(value.len() as u8);
        bytes.extend(value.as_bytes());
        bytes.push(0);
    } else {
        put_text(bytes, value);
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    pad(bytes, 4);
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.push(0);
}

fn pad(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

/// Length of the fixed part of a message's header, in bytes.
pub const HEADER: usize = 16;

/// The type of a received message.
#[derive(Debug, PartialEq)]
pub enum Kind {
    Return,
    Error,
    /// signals and everything else
    Other,
}

/// The member in a message's header fields; "" if there is none or the fields are damaged.
pub fn member_of(fields: &[u8]) -> &str {
    const MEMBER: u8 = 3;
    let mut at = 0;
    while let Some(field) = fields.get(at..).filter(|rest| rest.len() > 4) {
        let value = match field[2] {
            b's' | b'o' => text_at(field, 4).map(|text| (text, 8 + text.len() + 1)),
            b'g' => Some(("", 4 + 1 + usize::from(field[4]) + 1)),
            b'u' => Some(("", 8)),
            _ => None,
        };
        let Some((text, length)) = value else { return "" };
        if field[0] == MEMBER {
            return text;
        }
        at += length.next_multiple_of(8);
    }
    ""
}

/// The string, or object path, that begins at a multiple of 4.
pub fn text_at(bytes: &[u8], at: usize) -> Option<&str> {
    let length = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
    let text = bytes.get(at + 4..)?.get(..length)?;
    std::str::from_utf8(text).ok()
}

/// The string in a variant.
pub fn text_in_variant(body: &[u8]) -> Option<&str> {
    body.strip_prefix(b"\x01s\0").and_then(|_| text_at(body, 4))
}

/// The kind of a message, and the lengths of its fields (padded) and its body after the first 16 bytes. None if it is not a message
/// or too long for an answer.
pub fn measure(header: &[u8; HEADER]) -> Option<(Kind, [usize; 2])> {
    const MAX: usize = 64 * 1024;
    let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize;
    let (body, fields) = (number(4), number(12));
    if header[0] != b'l' || body > MAX || fields > MAX {
        return None;
    }
    let kind = match header[1] {
        2 => Kind::Return,
        3 => Kind::Error,
        _ => Kind::Other,
    };
    Some((kind, [fields.next_multiple_of(8), body]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_the_layout_of_the_specification() {
        let message = call(MANAGER, "Reload", &Body::default());
        let header: [u8; HEADER] = message[..HEADER].try_into().unwrap();
        assert_eq!(header[..4], [b'l', 1, 0, 1]);
        assert_eq!(measure(&header), Some((Kind::Other, [message.len() - HEADER, 0])));
        assert_eq!(message.len() % 8, 0);
        let path = [&[1, 1, b'o', 0, 25, 0, 0, 0][..], b"/org/freedesktop/systemd1\0"].concat();
        assert!(message[HEADER..].starts_with(&path));
    }

    #[test]
    fn the_member_is_found_among_other_fields() {
        let message = call(PROPERTIES, "Get", &Body::default().text("a").text("b"));
        let length = u32::from_le_bytes(message[12..HEADER].try_into().unwrap()) as usize;
        let fields = &message[HEADER..HEADER + length];
        assert_eq!(member_of(fields), "Get");
        for cut in 0..length {
            member_of(&fields[..cut]);
        }
        assert_eq!(member_of(b"\x03\x01s\0\xff\xff\xff\xffx"), "");
    }

    #[test]
    fn strings_are_read_only_within_their_message() {
        assert_eq!(text_at(b"\x02\0\0\0ab\0", 0), Some("ab"));
        assert_eq!((text_at(b"\x03\0\0\0ab", 0), text_at(b"\x02\0\0", 0), text_at(b"", 4)), (None, None, None));
        assert_eq!(text_in_variant(b"\x01s\0\0\x02\0\0\0up\0"), Some("up"));
        assert_eq!(text_in_variant(b"\x01u\0\0\x02\0\0\0"), None);
    }

    #[test]
    fn arrays_begin_with_their_length_in_bytes() {
        let body = Body::default().texts([]).texts(["A=1", "B"]).text("x");
        assert_eq!(body.signature, "asass");
        let wanted = [
            &[0, 0, 0, 0][..],
            &[14, 0, 0, 0],
            &[3, 0, 0, 0, b'A', b'=', b'1', 0],
            &[1, 0, 0, 0, b'B', 0],
            &[0, 0],
            &[1, 0, 0, 0, b'x', 0],
        ];
        assert_eq!(body.bytes, wanted.concat());
    }

    #[test]
    fn lengths_above_the_limit_are_refused() {
        let header = |kind: u8, body: u32, fields: u32| {
            let mut header = [0; HEADER];
            header[..2].copy_from_slice(&[b'l', kind]);
            header[4..8].copy_from_slice(&body.to_le_bytes());
            header[12..].copy_from_slice(&fields.to_le_bytes());
            header
        };
        assert_eq!(measure(&header(2, 5, 9)), Some((Kind::Return, [16, 5])));
        assert_eq!((measure(&header(3, u32::MAX, 0)), measure(&header(3, 0, u32::MAX))), (None, None));
        assert_eq!(measure(&[0; HEADER]), None);
    }
}
