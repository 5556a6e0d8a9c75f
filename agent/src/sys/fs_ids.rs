//! A thread with another user's rights to files: setfsuid(2), of which the C library has no form for one thread.

use super::spawn::Ids;
use super::{check_long, process};
use std::io;
use std::thread;

/// Runs `act` on a thread of its own that makes, finds and removes files as this user does. Without root's rights it is done as it is.
pub fn as_user<T: Send>(ids: &Ids, act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    if process::uid() != 0 {
        return act();
    }
    let work = || enter(ids).and_then(|()| act());
    let ended = thread::scope(|scope| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).map(|thread| thread.join()))?;
    ended.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}

const STACK: usize = 128 * 1024;

/// The kernel takes away the capabilities for files with the user (capabilities(7)).
fn enter(ids: &Ids) -> io::Result<()> {
    let none = u32::MAX;
    // SAFETY: plain numbers, and a list with its length. The system calls themselves change this thread alone.
    unsafe {
        check_long(libc::syscall(libc::SYS_setgroups, ids.groups.len(), ids.groups.as_ptr()))?;
        libc::syscall(libc::SYS_setfsgid, ids.gid);
        libc::syscall(libc::SYS_setfsuid, ids.uid);
        // they report no failure: an impossible id changes nothing, and the present one is returned
        let present = (libc::syscall(libc::SYS_setfsuid, none) as u32, libc::syscall(libc::SYS_setfsgid, none) as u32);
        if present == (ids.uid, ids.gid) { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EPERM)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempFolder;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn root_makes_a_file_as_another_user_and_is_root_afterwards() {
        if process::uid() != 0 {
            return;
        }
        let temp = TempFolder::new("fs-ids");
        let nobody = Ids { uid: 65_534, gid: 65_534, groups: vec![65_534] };
        let path = temp.join("file");
        assert_eq!(as_user(&nobody, || fs::write(&path, "x")).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        fs::set_permissions(&*temp, fs::Permissions::from_mode(0o777)).unwrap();
        as_user(&nobody, || fs::write(&path, "x")).unwrap();
        let made = fs::metadata(&path).unwrap();
        assert_eq!((made.uid(), made.gid()), (65_534, 65_534));
        fs::write(temp.join("roots"), "x").unwrap();
        assert_eq!(fs::metadata(temp.join("roots")).unwrap().uid(), 0);
    }
}
