//! Bytes from the kernel's random generator.

use super::check_long;
use std::io;

/// getrandom(2), which guarantees complete reads only up to 256 bytes.
pub fn fill(bytes: &mut [u8]) -> io::Result<()> {
    for chunk in bytes.chunks_mut(256) {
        // SAFETY: a buffer and its length.
        let count = check_long(unsafe { libc::getrandom(chunk.as_mut_ptr().cast(), chunk.len(), 0) } as libc::c_long)?;
        if count as usize != chunk.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
