//! One frame: header, payload, tag. Limits are checked before anything is stored.

/// In bytes.
pub const MAX_PAYLOAD: usize = 32768;
/// Bytes of length, type and stream.
pub const HEADER: usize = 9;
/// Bytes of the tag.
pub const TRAILER: usize = 4;
/// Channels of a stream: 0 stdin or the dialled connection, 1 stdout, 2 stderr.
pub const CHANNELS: usize = 3;
/// Initial credit of each channel in each direction, in bytes.
pub const WINDOW: usize = 262_144;

/// The type of a frame; DATA and EOF with their channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Hello,
    Open,
    Reply,
    Event,
    Credit,
    Close,
    Ping,
    Pong,
    Notice,
    Data(u8),
    Eof(u8),
}

#[derive(Debug, PartialEq)]
pub struct Frame {
    pub kind: Kind,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// Why a session must end.
#[derive(Debug, PartialEq)]
pub enum Violation {
    /// the length in the header is above the limit, as it is when a magic comes at a frame boundary
    TooLong,
    /// the byte stream was cut in the middle of a frame
    WrongTag,
    UnknownKind(u8),
    /// a rule of the protocol beyond single frames
    Rule(&'static str),
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Violation::TooLong => f.write_str("a frame over the limit"),
            Violation::WrongTag => f.write_str("a frame with the tag of another session"),
            Violation::UnknownKind(kind) => write!(f, "a frame of unknown type {kind:02x}"),
            Violation::Rule(rule) => f.write_str(rule),
        }
    }
}

impl Kind {
    pub fn byte(self) -> u8 {
        match self {
            Kind::Hello => 1,
            Kind::Open => 2,
            Kind::Reply => 3,
            Kind::Event => 4,
            Kind::Credit => 5,
            Kind::Close => 6,
            Kind::Ping => 7,
            Kind::Pong => 8,
            Kind::Notice => 9,
            Kind::Data(channel) => 0x10 | channel,
            Kind::Eof(channel) => 0x20 | channel,
        }
    }

    pub fn from_byte(byte: u8) -> Option<Kind> {
        let kind = match byte {
            1 => Kind::Hello,
            2 => Kind::Open,
            3 => Kind::Reply,
            4 => Kind::Event,
            5 => Kind::Credit,
            6 => Kind::Close,
            7 => Kind::Ping,
            8 => Kind::Pong,
            9 => Kind::Notice,
            0x10..=0x12 => Kind::Data(byte & 0x0f),
            0x20..=0x22 => Kind::Eof(byte & 0x0f),
            _ => return None,
        };
        Some(kind)
    }
}

/// `payload` must fit: at most `MAX_PAYLOAD`.
pub fn encode(kind: Kind, stream: u32, payload: &[u8], tag: u32) -> Vec<u8> {
    debug_assert!(payload.len() <= MAX_PAYLOAD);
    let mut bytes = Vec::with_capacity(HEADER + payload.len() + TRAILER);
    bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.push(kind.byte());
    bytes.extend_from_slice(&stream.to_le_bytes());
    append(&mut bytes, payload);
    bytes.extend_from_slice(&tag.to_le_bytes());
    bytes
}

/// The frame at the beginning of `bytes` and its length in bytes; `Ok(None)` if it is not complete yet.
pub fn decode(bytes: &[u8], tag: u32) -> Result<Option<(Frame, usize)>, Violation> {
    let Some(length) = word(bytes, 0) else { return Ok(None) };
    let length = length as usize;
    if length > MAX_PAYLOAD {
        return Err(Violation::TooLong);
    }
    let end = HEADER + length;
    let (Some(kind), Some(stream), Some(trailer)) = (bytes.get(4), word(bytes, 5), word(bytes, end)) else {
        return Ok(None);
    };
    if trailer != tag {
        return Err(Violation::WrongTag);
    }
    let kind = Kind::from_byte(*kind).ok_or(Violation::UnknownKind(*kind))?;
    let mut payload = Vec::with_capacity(length);
    append(&mut payload, &bytes[HEADER..end]);
    Ok(Some((Frame { kind, stream, payload }, end + TRAILER)))
}

/// Copies in pieces of a KiB, for which memcpy(3) uses vector registers. For more it uses `rep movsb`, which takes ten times as long on
/// current AMD CPUs where the destination is not aligned to 32 bytes, and under emulation always.
pub fn append<'a>(to: &mut impl Extend<&'a u8>, bytes: &'a [u8]) {
    bytes.chunks(1024).for_each(|piece| to.extend(piece));
}

/// A u32, little-endian, at `at`.
pub fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_byte() {
        for byte in 0..=255u8 {
            if let Some(kind) = Kind::from_byte(byte) {
                assert_eq!(kind.byte(), byte);
            }
        }
        assert_eq!((0..=255u8).filter_map(Kind::from_byte).count(), 15);
    }

    #[test]
    fn a_payload_of_32_kibibytes_is_accepted_and_a_byte_more_is_refused_from_the_header() {
        let largest = encode(Kind::Data(0), 1, &[7; 32_768], 9);
        assert_eq!(decode(&largest, 9).unwrap().map(|(frame, size)| (frame.payload.len(), size)), Some((32_768, 32_781)));
        for length in [32_769u32, 65_536, u32::MAX] {
            assert_eq!(decode(&length.to_le_bytes(), 9), Err(Violation::TooLong));
        }
    }

    #[test]
    fn there_are_three_channels() {
        assert_eq!((Kind::from_byte(0x12), Kind::from_byte(0x13)), (Some(Kind::Data(2)), None));
        assert_eq!((Kind::from_byte(0x22), Kind::from_byte(0x23)), (Some(Kind::Eof(2)), None));
    }

    #[test]
    fn a_frame_is_decoded_when_its_last_byte_has_arrived() {
        let bytes = encode(Kind::Data(1), 7, b"hello", 99);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end], 99), Ok(None));
        }
        let (frame, size) = decode(&bytes, 99).unwrap().unwrap();
        assert_eq!((frame.payload.as_slice(), size), (b"hello".as_slice(), bytes.len()));
    }

    #[test]
    fn random_bytes_never_panic_and_never_consume_more_than_there_is() {
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..20_000 {
            let mut bytes = Vec::new();
            for _ in 0..(seed % 64) {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                bytes.push((seed >> 56) as u8 & if seed & 1 == 0 { 0x03 } else { 0xff });
            }
            seed = seed.wrapping_add(0x1234_5678_9abc_def1);
            if let Ok(Some((_, size))) = decode(&bytes, 0) {
                assert!(size <= bytes.len());
            }
        }
    }
}
