//! Ethernet frames in a stream of bytes, as QEMU and passt exchange them: each after its length (u32 BE).

use std::io;

/// Bytes of the largest frame that passt accepts: 65535 of IP and 18 of link-layer headers.
pub const MAX_FRAME: usize = 65535 + 18;
/// Bytes of the length.
pub const LENGTH: usize = 4;

/// Bytes of the first frame in `data` with its length; None if it is incomplete. Fails for a frame that is too long.
pub fn first(data: &[u8]) -> io::Result<Option<usize>> {
    let Some(length) = data.first_chunk::<LENGTH>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame that is too long"));
    }
    Ok(Some(LENGTH + length).filter(|end| *end <= data.len()))
}

/// Bytes of all complete frames at the start of `data`.
pub fn complete(data: &[u8]) -> io::Result<usize> {
    let mut at = 0;
    while let Some(length) = first(&data[at..])? {
        at += length;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(length: usize) -> Vec<u8> {
        [&(length as u32).to_be_bytes()[..], &vec![7; length]].concat()
    }

    #[test]
    fn only_complete_frames_count() {
        let all = [framed(0), framed(60), framed(1)].concat();
        for cut in 0..=all.len() {
            let expected = [0, 4, 68, 73].into_iter().filter(|end| *end <= cut).max().unwrap();
            assert_eq!(complete(&all[..cut]).unwrap(), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_an_error_as_soon_as_its_length_is_known() {
        assert_eq!(first(&framed(MAX_FRAME)).unwrap(), Some(LENGTH + MAX_FRAME));
        assert!(first(&(MAX_FRAME as u32 + 1).to_be_bytes()).is_err());
        assert!(complete(&[framed(1), vec![0xff; 4]].concat()).is_err());
        assert_eq!(first(&[0xff; 3]).unwrap(), None);
    }
}
