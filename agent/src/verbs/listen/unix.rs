//! Unix sockets: in a folder that one user alone may enter, or at a path, made and removed with that user's rights.

use crate::guest::{Guest, Place};
use crate::sys::spawn::Ids;
use crate::sys::{fs_ids, process, random, unix};
use crate::verbs::identity::private_folder;
use crate::wire::json::{Answer, Refusal};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{chown, DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Where a socket is; its file is removed with this.
pub struct Bound {
    pub path: String,
    remains: Remains,
}

enum Remains {
    /// a folder of its own
    Folder(PathBuf),
    /// a file, with its inode, where this user made it
    File { ids: Ids, inode: u64 },
}

/// Where a socket is wanted.
#[derive(Debug, PartialEq)]
pub enum At {
    /// in a folder of this name of its own
    OwnFolder(String),
    Path(String),
}

/// A name that the host has chosen, or a new one: 16 hexadecimal digits.
pub fn folder_name(wanted: Option<&str>) -> Answer<String> {
    match wanted {
        Some(name) if name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(name.to_string()),
        Some(_) => Err(Refusal::bad("name must be 16 hexadecimal digits")),
        None => {
            let mut name = [0; 8];
            random::fill(&mut name).map_err(|error| Refusal::io("a name", &error))?;
            Ok(format!("{:016x}", u64::from_ne_bytes(name)))
        }
    }
}

pub fn bind(at: &At, ids: &Ids, guest: &Guest) -> Answer<(UnixListener, Bound)> {
    let (what, bound) = match at {
        At::OwnFolder(name) => {
            let parent = parent(guest).ok_or_else(|| Refusal::new("unsupported", "there is no folder for sockets"))?;
            ("the socket's folder", in_own_folder(&parent, name, ids))
        }
        At::Path(path) => (path.as_str(), at_path(path, ids)),
    };
    bound.map_err(|error| {
        let is_taken = matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AlreadyExists);
        Refusal::new(if is_taken { "busy" } else { "io" }, format!("{what}: {}", crate::sys::errno_name(&error)))
    })
}

fn parent(guest: &Guest) -> Option<PathBuf> {
    match &guest.place {
        Place::Vm | Place::Reader => Some("/run/banger".into()),
        Place::Host { root } => root.as_ref().map(|root| root.join("run/banger")),
    }
}

/// Until the end all of it is root's, so nobody can come between.
fn in_own_folder(parent: &Path, name: &str, ids: &Ids) -> io::Result<(UnixListener, Bound)> {
    private_folder(parent, 0o711)?;
    let folder = parent.join(format!("listen-{name}"));
    DirBuilder::new().mode(0o700).create(&folder)?;
    let made = (|| {
        let path = folder.join("socket");
        let text = path.to_str().ok_or(io::ErrorKind::InvalidInput)?.to_string();
        let socket = listening(&text)?;
        if process::uid() == 0 {
            chown(&path, Some(ids.uid), Some(ids.gid))?;
            chown(&folder, Some(ids.uid), Some(ids.gid))?;
        }
        Ok((socket, text))
    })();
    match made {
        Ok((socket, path)) => Ok((socket, Bound { path, remains: Remains::Folder(folder) })),
        Err(error) => {
            let _ = fs::remove_dir_all(&folder);
            Err(error)
        }
    }
}

fn at_path(path: &str, ids: &Ids) -> io::Result<(UnixListener, Bound)> {
    let (socket, inode) = fs_ids::as_user(ids, || {
        let socket = listening(path)?;
        Ok((socket, fs::symlink_metadata(path)?.ino()))
    })?;
    Ok((socket, Bound { path: path.to_string(), remains: Remains::File { ids: ids.clone(), inode } }))
}

fn listening(path: &str) -> io::Result<UnixListener> {
    let socket = UnixListener::from(unix::listen(path, 0o600)?);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl Drop for Bound {
    /// What another program has put at the path since is left.
    fn drop(&mut self) {
        let _ = match &self.remains {
            Remains::Folder(folder) => fs::remove_dir_all(folder),
            Remains::File { ids, inode } => fs_ids::as_user(ids, || match fs::symlink_metadata(&self.path)?.ino() == *inode {
                true => fs::remove_file(&self.path),
                false => Ok(()),
            }),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::Phase;
    use crate::testing::TempFolder;
    use std::os::unix::net::UnixStream;

    fn me() -> Ids {
        Ids { uid: process::uid(), gid: fs::metadata("/proc/self").unwrap().gid(), groups: Vec::new() }
    }

    fn own() -> At {
        At::OwnFolder(folder_name(Some("0123456789abcdef")).unwrap())
    }

    fn guest(root: &Path) -> Guest {
        Guest::new(Place::Host { root: Some(root.to_path_buf()) }, "none", Phase::Up)
    }

    #[test]
    fn a_folder_of_its_own_is_private_and_goes_with_the_socket() {
        let temp = TempFolder::new("listen-own");
        let (socket, bound) = bind(&own(), &me(), &guest(&temp)).unwrap();
        assert_eq!(bind(&own(), &me(), &guest(&temp)).err().unwrap().code, "busy");
        let folder = Path::new(&bound.path).parent().unwrap().to_path_buf();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o7777, 0o700);
        assert!(UnixStream::connect(&bound.path).is_ok() && socket.accept().is_ok());
        drop(bound);
        assert!(!folder.exists() && fs::read_dir(temp.join("run/banger")).unwrap().next().is_none());
    }

    #[test]
    fn root_gives_it_to_the_user() {
        if process::uid() != 0 {
            return;
        }
        let temp = TempFolder::new("listen-user");
        let nobody = Ids { uid: 65_534, gid: 65_534, groups: Vec::new() };
        let (_socket, bound) = bind(&own(), &nobody, &guest(&temp)).unwrap();
        for path in [Path::new(&bound.path), Path::new(&bound.path).parent().unwrap()] {
            assert_eq!(fs::metadata(path).unwrap().uid(), 65_534);
        }
    }

    #[test]
    fn a_path_is_bound_and_removed_unless_it_is_another_file_by_then() {
        let temp = TempFolder::new("listen-path");
        let path = temp.join("s").to_str().unwrap().to_string();
        let at = At::Path(path.clone());
        let bind = || bind(&at, &me(), &guest(&temp));
        let (_socket, bound) = bind().unwrap();
        assert_eq!(bind().err().unwrap().code, "busy");
        drop(bound);
        assert!(!Path::new(&path).exists());
        let (_socket, bound) = bind().unwrap();
        fs::rename(&path, temp.join("moved")).unwrap();
        fs::write(&path, "another's").unwrap();
        drop(bound);
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
    }

    #[test]
    fn a_path_that_is_too_long_or_not_the_users_is_refused() {
        let temp = TempFolder::new("listen-bad");
        let long = At::Path(format!("/{}", "x".repeat(200)));
        assert!(bind(&long, &me(), &guest(&temp)).is_err());
        if process::uid() == 0 {
            let nobody = Ids { uid: 65_534, gid: 65_534, groups: Vec::new() };
            let inside = At::Path(temp.join("s").to_str().unwrap().to_string());
            assert!(bind(&inside, &nobody, &guest(&temp)).err().unwrap().message.contains("EACCES"));
        }
    }

    #[test]
    fn a_folders_name_is_no_path() {
        for bad in ["", "0123456789abcde", "0123456789abcdef0", "../../../../etc/", "0123456789abcde/"] {
            assert!(folder_name(Some(bad)).is_err(), "{bad}");
        }
        assert_eq!(folder_name(None).unwrap().len(), 16);
    }
}
