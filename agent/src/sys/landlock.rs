//! Landlock (landlock(7)): a process gives up access to everything that it did not allow itself before.

use super::{c_string, check, check_long};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const VERSION: u32 = 1;
const PATH_BENEATH: u32 = 1;

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const REMOVE_DIR: u64 = 1 << 4;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_DIR: u64 = 1 << 7;
const MAKE_REG: u64 = 1 << 8;
const MAKE_FIFO: u64 = 1 << 10;
const MAKE_BLOCK: u64 = 1 << 11;
const MAKE_SYM: u64 = 1 << 12;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;
const RESOLVE_UNIX: u64 = 1 << 16;

const ABSTRACT_UNIX_SOCKET: u64 = 1;
const SIGNAL: u64 = 1 << 1;

/// What a path may be used for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Right {
    /// creating files, folders and sockets in a folder, or reading and writing a file. No symbolic links and FIFOs: other programs read
    /// the folder
    ReadWrite,
    /// the same without creating and removing files and folders
    Existing,
    /// one file that the program overwrites, truncation included
    Output,
    /// reading, listing, executing
    ReadOnly,
    /// reading, writing and ioctl on a device
    Device,
    /// connecting to the unix sockets in a folder
    Connect,
}

#[repr(C)]
struct RulesetAttr {
    fs: u64,
    net: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct PathBeneath {
    access: u64,
    parent: i32,
}

/// Version of the kernel's interface; 0 if it has no Landlock.
pub fn abi() -> i32 {
    // SAFETY: null and size 0 with VERSION ask for the version only.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0usize, VERSION).max(0) as i32 }
}

/// All rights on files that this version can restrict.
pub fn handled_fs(abi: i32) -> u64 {
    match abi {
        i32::MIN..=1 => 0x1fff,
        2 => 0x3fff,
        3 | 4 => 0x7fff,
        5..=8 => 0xffff,
        // connecting to unix sockets by path, since Linux 7.1
        _ => 0x1ffff,
    }
}

/// All rights on the network that this version can restrict: binding and connecting with TCP since Linux 6.7, with UDP since 7.2.
fn handled_net(abi: i32) -> u64 {
    match abi {
        i32::MIN..=3 => 0,
        4..=9 => 0b11,
        _ => 0b1111,
    }
}

/// Abstract unix sockets of other processes, and signals to them, since Linux 6.12.
fn scopes(abi: i32) -> u64 {
    if abi >= 6 { ABSTRACT_UNIX_SOCKET | SIGNAL } else { 0 }
}

/// Bytes of `RulesetAttr` that this version knows: a kernel refuses a longer one with E2BIG, unless the rest is zero.
fn attr_size(abi: i32) -> usize {
    match abi {
        i32::MIN..=3 => 8,
        4 | 5 => 16,
        _ => 24,
    }
}

/// The Landlock rights for `right` on a file or folder, limited to those that the kernel handles.
pub fn access_of(right: Right, is_folder: bool, handled: u64) -> u64 {
    let file = match right {
        // no truncation: if a template's memory file were truncated, every VM that maps it would crash
        Right::ReadWrite | Right::Existing => READ_FILE | WRITE_FILE,
        Right::Output => READ_FILE | WRITE_FILE | TRUNCATE,
        Right::ReadOnly => READ_FILE | EXECUTE,
        Right::Device => READ_FILE | WRITE_FILE | IOCTL_DEV,
        Right::Connect => RESOLVE_UNIX,
    };
    let folder = match right {
        Right::ReadWrite => {
            handled & !(EXECUTE | IOCTL_DEV | RESOLVE_UNIX | MAKE_CHAR | MAKE_BLOCK | MAKE_FIFO | MAKE_SYM | REFER)
        }
        Right::Existing => {
            access_of(Right::ReadWrite, true, handled) & !(MAKE_REG | MAKE_DIR | REMOVE_FILE | REMOVE_DIR)
        }
        Right::Output => 0,
        Right::ReadOnly | Right::Device => file | READ_DIR,
        Right::Connect => file,
    };
    (if is_folder { folder } else { file }) & handled
}

/// Whether a cage prevents connections to unix sockets by path.
pub fn restricts_connections(abi: i32) -> bool {
    handled_fs(abi) & RESOLVE_UNIX != 0
}

/// Whether a cage prevents signals to processes outside it.
pub fn restricts_signals(abi: i32) -> bool {
    scopes(abi) & SIGNAL != 0
}

/// A ruleset that is not yet enforced.
pub struct Cage {
    ruleset: OwnedFd,
    handled: u64,
}

impl Cage {
    /// Restricts files, sockets and signals. `network`: TCP and UDP stay allowed.
    pub fn new(abi: i32, network: bool) -> io::Result<Cage> {
        Cage::of(abi, handled_fs(abi), if network { 0 } else { handled_net(abi) })
    }

    /// Restricts only abstract sockets and signals: the process can still mount. None before version 6.
    pub fn scopes_only(abi: i32) -> io::Result<Option<Cage>> {
        if scopes(abi) == 0 {
            return Ok(None);
        }
        Cage::of(abi, 0, 0).map(Some)
    }

    fn of(abi: i32, handled: u64, net: u64) -> io::Result<Cage> {
        let attr = RulesetAttr { fs: handled, net, scoped: scopes(abi) };
        // SAFETY: a struct of at least that size; the descriptor is ours.
        unsafe {
            let fd = check_long(libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attr, attr_size(abi), 0u32))?;
            Ok(Cage { ruleset: OwnedFd::from_raw_fd(fd as i32), handled })
        }
    }

    /// A path that does not exist is skipped.
    pub fn allow(&self, path: &str, right: Right) -> io::Result<()> {
        let name = c_string(path)?;
        // SAFETY: a valid path; the descriptor is ours.
        let parent = match check(unsafe { libc::open(name.as_ptr(), libc::O_PATH | libc::O_CLOEXEC) }) {
            Ok(fd) => unsafe { OwnedFd::from_raw_fd(fd) },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let is_folder = std::fs::metadata(path)?.is_dir();
        let rule = PathBeneath { access: access_of(right, is_folder, self.handled), parent: parent.as_raw_fd() };
        let ruleset = self.ruleset.as_raw_fd();
        // SAFETY: a packed landlock_path_beneath_attr.
        check_long(unsafe { libc::syscall(libc::SYS_landlock_add_rule, ruleset, PATH_BENEATH, &raw const rule, 0u32) }).map(drop)
    }

    /// Restricts this thread and everything that it execs, for good. Needs no_new_privs.
    pub fn enforce(self) -> io::Result<()> {
        // SAFETY: our ruleset.
        check_long(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.ruleset.as_raw_fd(), 0u32) }).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::privileges::set_no_new_privileges;
    use crate::testing::TempFolder;
    use std::fs;
    use std::io::ErrorKind::PermissionDenied;
    use std::net::TcpListener;

    #[test]
    fn rights_never_exceed_what_the_kernel_handles() {
        for abi in 1..12 {
            let handled = handled_fs(abi);
            for right in [Right::ReadWrite, Right::Existing, Right::Output, Right::ReadOnly, Right::Device, Right::Connect] {
                for is_folder in [true, false] {
                    assert_eq!(access_of(right, is_folder, handled) & !handled, 0);
                }
            }
        }
    }

    /// LANDLOCK_CREATE_RULESET_VERSION is 1; the next flag asks for a list of corrections (Linux 6.15), which can be the same number.
    #[test]
    fn the_version_is_the_kernels_answer_to_the_first_flag() {
        assert_eq!(VERSION, 1);
        // SAFETY: as in `abi`.
        let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0usize, 1u32) };
        assert_eq!(i64::from(abi()), answer.max(0));
    }

    /// uapi/linux/landlock.h of the kernels that introduced each version.
    #[test]
    fn each_version_restricts_all_that_it_can() {
        let tcp = 0b11;
        let udp = 0b1100;
        let both = ABSTRACT_UNIX_SOCKET | SIGNAL;
        let table = [
            // version, highest right on files, network, scopes, bytes of the struct
            (0, MAKE_SYM, 0, 0, 8),
            (1, MAKE_SYM, 0, 0, 8),
            (2, REFER, 0, 0, 8),
            (3, TRUNCATE, 0, 0, 8),
            (4, TRUNCATE, tcp, 0, 16),
            (5, IOCTL_DEV, tcp, 0, 16),
            (6, IOCTL_DEV, tcp, both, 24),
            (7, IOCTL_DEV, tcp, both, 24),
            (8, IOCTL_DEV, tcp, both, 24),
            (9, RESOLVE_UNIX, tcp, both, 24),
            (10, RESOLVE_UNIX, tcp | udp, both, 24),
            (11, RESOLVE_UNIX, tcp | udp, both, 24),
        ];
        for (abi, highest, net, scoped, size) in table {
            assert_eq!(handled_fs(abi), 2 * highest - 1, "files, version {abi}");
            assert_eq!(handled_net(abi), net, "network, version {abi}");
            assert_eq!(scopes(abi), scoped, "scopes, version {abi}");
            assert_eq!(restricts_signals(abi), scoped != 0, "signals, version {abi}");
            assert_eq!(attr_size(abi), size, "struct, version {abi}");
        }
        assert_eq!(size_of::<RulesetAttr>(), 24);
        assert_eq!(size_of::<PathBeneath>(), 12);
    }

    #[test]
    fn a_read_only_path_cannot_be_written() {
        assert_eq!(access_of(Right::ReadOnly, true, handled_fs(7)) & (WRITE_FILE | TRUNCATE), 0);
        assert_eq!(access_of(Right::ReadWrite, false, handled_fs(7)) & TRUNCATE, 0);
        assert_ne!(access_of(Right::ReadWrite, true, handled_fs(7)) & TRUNCATE, 0);
    }

    /// The bits of uapi/linux/landlock.h, written out.
    #[test]
    fn each_right_is_exactly_what_it_says() {
        let all = handled_fs(11);
        let table = [
            // right, on a file, on a folder
            (Right::ReadWrite, 0x6, 0x43be),
            (Right::Existing, 0x6, 0x420e),
            (Right::Output, 0x4006, 0),
            (Right::ReadOnly, 0x5, 0xd),
            (Right::Device, 0x8006, 0x800e),
            (Right::Connect, 0x1_0000, 0x1_0000),
        ];
        for (right, file, folder) in table {
            assert_eq!(access_of(right, false, all), file, "{right:?}, a file");
            assert_eq!(access_of(right, true, all), folder, "{right:?}, a folder");
        }
        assert_eq!(scopes(6), 0b11);
        assert!(!restricts_connections(8) && restricts_connections(9));
        assert!(!restricts_signals(5) && restricts_signals(6));
    }

    /// In a thread, which gives up its rights for good and then ends.
    fn in_a_cage(cage: impl FnOnce() -> Cage + Send + 'static, body: impl FnOnce() + Send + 'static) {
        let thread = std::thread::spawn(move || {
            set_no_new_privileges().unwrap();
            cage().enforce().unwrap();
            body();
        });
        thread.join().unwrap();
    }

    #[test]
    fn the_kernel_enforces_a_cage() {
        let abi = abi();
        if abi == 0 {
            return eprintln!("skipped: this kernel has no Landlock");
        }
        let temp = TempFolder::new("landlock");
        let [shown, used, secret] = ["shown", "used", "secret"].map(|name| temp.join(name));
        for folder in [&shown, &used, &secret] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("file"), "x").unwrap();
        }
        let (readable, writable) = (shown.display().to_string(), used.display().to_string());
        let cage = move || {
            let cage = Cage::new(abi, false).unwrap();
            cage.allow(&readable, Right::ReadOnly).unwrap();
            cage.allow(&writable, Right::ReadWrite).unwrap();
            cage.allow("/no/such/file", Right::ReadWrite).unwrap();
            cage
        };
        in_a_cage(cage, move || {
            let refused = |result: io::Result<()>| assert_eq!(result.map_err(|error| error.kind()), Err(PermissionDenied));
            fs::read(shown.join("file")).unwrap();
            refused(fs::write(shown.join("file"), "y"));
            refused(fs::read(secret.join("file")).map(drop));
            fs::write(used.join("new"), "y").unwrap();
            fs::remove_file(used.join("new")).unwrap();
            refused(std::os::unix::fs::symlink("/", used.join("link")));
            if abi >= 4 {
                refused(TcpListener::bind("127.0.0.1:0").map(drop));
            }
        });
        in_a_cage(move || Cage::new(abi, true).unwrap(), || drop(TcpListener::bind("127.0.0.1:0").unwrap()));
    }

    #[test]
    fn a_kernel_without_scopes_has_no_cage_of_them_alone() {
        assert!(Cage::scopes_only(5).unwrap().is_none());
        if abi() >= 6 {
            assert!(Cage::scopes_only(6).unwrap().is_some());
        }
    }

    #[test]
    fn an_output_is_a_file_and_can_be_truncated() {
        assert_eq!(access_of(Right::Output, false, handled_fs(7)), READ_FILE | WRITE_FILE | TRUNCATE);
        assert_eq!(access_of(Right::Output, false, handled_fs(2)), READ_FILE | WRITE_FILE);
        assert_eq!(access_of(Right::Output, true, handled_fs(7)), 0);
    }

    #[test]
    fn only_read_write_allows_creating_and_removing_files() {
        for right in [Right::Existing, Right::ReadOnly, Right::Device, Right::Connect] {
            assert_eq!(access_of(right, true, handled_fs(7)) & (MAKE_REG | MAKE_DIR | REMOVE_FILE | REMOVE_DIR), 0);
        }
    }
}
