//! Sockets and TAP interfaces that a confined program gets as descriptors, so that it need not be allowed to create, bind, connect or
//! attach to any itself.

use crate::sys::{descriptor, tun, unix};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::fs::FileTypeExt;

/// the number after stdin, stdout and stderr
pub const FIRST: RawFd = 3;
/// bytes of `sun_path` (unix(7)), without its closing NUL
const MAX_PATH: usize = 107;

/// What to open for the program.
#[derive(Debug, PartialEq)]
pub enum Inherited {
    /// bound to a path, mode 0600, and listening
    Listening(String),
    /// a stream that is connected to the listener at a path
    Connected(String),
    /// attached to the TAP interface of that name
    Tap(String),
}

/// Opens `wanted` as descriptors `first`, `first + 1`, … in this order, to be inherited by the next program that is exec'ed.
/// Descriptors that had these numbers are closed.
pub fn open_as(first: RawFd, wanted: &[Inherited]) -> Result<(), String> {
    let after = first + wanted.len() as RawFd;
    let mut opened = Vec::new();
    for one in wanted {
        let fd = one.open().and_then(|fd| descriptor::at_least(after, fd));
        opened.push(fd.map_err(|error| format!("{}: {error}", one.name()))?);
    }
    for (number, fd) in (first..).zip(&opened) {
        descriptor::inherit_as(number, fd).map_err(|error| format!("descriptor {number}: {error}"))?;
    }
    Ok(())
}

impl Inherited {
    fn name(&self) -> &str {
        match self {
            Inherited::Listening(name) | Inherited::Connected(name) | Inherited::Tap(name) => name,
        }
    }

    fn open(&self) -> io::Result<std::os::fd::OwnedFd> {
        match self {
            Inherited::Listening(path) => {
                require_short(path)?;
                remove_stale(path)?;
                unix::listen(path, 0o600)
            }
            Inherited::Connected(path) => {
                require_short(path)?;
                unix::connect(path)
            }
            Inherited::Tap(name) => tun::attach_tap(name).map(Into::into),
        }
    }
}

fn require_short(path: &str) -> io::Result<()> {
    if path.len() <= MAX_PATH {
        return Ok(());
    }
    let problem = format!("the path of a unix socket has at most {MAX_PATH} bytes, this one has {}", path.len());
    Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
}

/// Removes a socket that an earlier process left behind. Any other file stays, and `bind` fails.
fn remove_stale(path: &str) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempFolder;
    use std::fs;
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};

    fn file(folder: &TempFolder, name: &str) -> String {
        folder.join(name).to_str().unwrap().to_string()
    }

    #[test]
    fn sockets_get_their_numbers_in_order_and_stay_open_across_exec() {
        let folder = TempFolder::new("descriptors-order");
        let (ours, peers) = (file(&folder, "listening"), file(&folder, "peer"));
        let peer = UnixListener::bind(&peers).unwrap();
        // numbers that no other test uses
        open_as(700, &[Inherited::Listening(ours.clone()), Inherited::Connected(peers)]).unwrap();
        let (listening, connected) = (descriptor::inherited(700).unwrap(), descriptor::inherited(701).unwrap());

        let mut caller = UnixStream::connect(&ours).unwrap();
        let mut accepted = UnixListener::from(listening).accept().unwrap().0;
        caller.write_all(b"called").unwrap();
        drop(caller);
        let mut text = String::new();
        accepted.read_to_string(&mut text).unwrap();
        assert_eq!(text, "called");

        UnixStream::from(connected).write_all(b"x").unwrap();
        assert_eq!(peer.accept().unwrap().0.read(&mut [0; 2]).unwrap(), 1);
    }

    #[test]
    fn a_stale_socket_is_replaced_by_one_that_only_the_user_can_open() {
        let folder = TempFolder::new("descriptors-stale");
        let path = file(&folder, "socket");
        drop(UnixListener::bind(&path).unwrap());
        let _listening = Inherited::Listening(path.clone()).open().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn only_a_socket_is_removed() {
        let folder = TempFolder::new("descriptors-foreign");
        let (plain, link) = (file(&folder, "plain"), file(&folder, "link"));
        fs::write(&plain, "kept").unwrap();
        std::os::unix::fs::symlink(&plain, &link).unwrap();
        for path in [&plain, &link] {
            let refused = Inherited::Listening(path.clone()).open().unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        }
        assert_eq!(fs::read_to_string(&link).unwrap(), "kept");
    }

    #[test]
    fn a_path_can_fill_sun_path_and_no_more() {
        let folder = TempFolder::new("descriptors-long");
        let fill = |bytes: usize| file(&folder, &"x".repeat(bytes - file(&folder, "").len()));
        Inherited::Listening(fill(MAX_PATH)).open().unwrap();
        Inherited::Connected(fill(MAX_PATH)).open().unwrap_err();
        for socket in [Inherited::Listening(fill(MAX_PATH + 1)), Inherited::Connected(fill(MAX_PATH + 1))] {
            let problem = open_as(710, &[socket]).unwrap_err();
            assert!(problem.ends_with("at most 107 bytes, this one has 108"), "{problem}");
        }
    }

    #[test]
    fn a_tap_interface_is_not_made() {
        for (name, problem) in [("bgr-missing0", "No such device"), ("", "No such device"), ("sixteen-letters-", "No such device")] {
            let error = open_as(730, &[Inherited::Tap(name.into())]).unwrap_err();
            assert!(error.starts_with(&format!("{name}: {problem}")), "{error}");
        }
        assert!(descriptor::inherited(730).is_none());
    }

    #[test]
    fn the_error_names_a_missing_peer() {
        let problem = open_as(720, &[Inherited::Connected("/nowhere/peer.sock".into())]).unwrap_err();
        assert!(problem.starts_with("/nowhere/peer.sock: No such file"), "{problem}");
        assert!(descriptor::inherited(720).is_none());
    }
}
