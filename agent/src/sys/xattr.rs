//! Extended attributes: xattr(7). If the path is a symbolic link, it is not followed.

use super::{c_string, check_long};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The kernel's limits in bytes: XATTR_LIST_MAX and XATTR_SIZE_MAX.
const MAX_SIZE: usize = 64 * 1024;

/// Names of a file's attributes; empty if the file system does not support them.
pub fn list(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    let path = c_string(path.as_os_str().as_bytes())?;
    // most files have none: asking for the size first avoids a buffer
    // SAFETY: a C string; no buffer with size 0.
    let wanted = match check_long(unsafe { libc::llistxattr(path.as_ptr(), std::ptr::null_mut(), 0) } as libc::c_long) {
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => 0,
        other => other?,
    };
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let mut names = vec![0u8; MAX_SIZE];
    // SAFETY: a C string, a buffer and its length.
    let size = unsafe { libc::llistxattr(path.as_ptr(), names.as_mut_ptr().cast(), names.len()) };
    names.truncate(check_long(size as libc::c_long)? as usize);
    Ok(names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect())
}

/// None if the file does not have the attribute.
pub fn get(path: &Path, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let (path, name) = (c_string(path.as_os_str().as_bytes())?, c_string(name)?);
    let mut value = vec![0u8; MAX_SIZE];
    // SAFETY: two C strings, a buffer and its length.
    let size = unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    match check_long(size as libc::c_long) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENODATA | libc::EOPNOTSUPP)) => Ok(None),
        other => {
            value.truncate(other? as usize);
            Ok(Some(value))
        }
    }
}

pub fn set(path: &Path, name: &[u8], value: &[u8]) -> io::Result<()> {
    let (path, name) = (c_string(path.as_os_str().as_bytes())?, c_string(name)?);
    // SAFETY: two C strings, a buffer and its length.
    let result = unsafe { libc::lsetxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
    check_long(result.into()).map(drop)
}
