//! What a client gets.

use super::attributes::Attributes;
use super::client::Requests;
use super::handles;
use super::wire::{kind, Put, MAX_DATA, MAX_PACKET};
use crate::testing::TempFolder;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, MetadataExt};
use std::path::{Path, PathBuf};

const READ: u32 = 1;
const WRITE: u32 = 2;
const APPEND: u32 = 4;
const NEW: u32 = WRITE | 0x08 | 0x10;
const EXCLUSIVE: u32 = 0x20;

const OK: u32 = 0;
const EOF: u32 = 1;
const NO_SUCH_FILE: u32 = 2;
const FAILURE: u32 = 4;
const BAD_MESSAGE: u32 = 5;
const UNSUPPORTED: u32 = 8;

fn plain() -> Attributes {
    Attributes::default()
}

/// The codes of replies that are all STATUS.
fn codes(requests: Requests) -> Vec<u32> {
    requests.answers().iter().map(super::client::Answer::code).collect()
}

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_file_is_written_and_read_at_any_offset() {
    let folder = TempFolder::new("sftp-file");
    let path = folder.join("f");
    let answers = Requests::new()
        .open(&path, NEW | READ, &Attributes { mode: Some(0o640), ..plain() })
        .write(0, 0, b"hello")
        .write(0, 10, b"there")
        .read(0, 3, 9)
        .read(0, 14, 100)
        .read(0, 15, 1)
        .on_handle(kind::FSTAT, 0)
        .on_handle(kind::CLOSE, 0)
        .on_handle(kind::CLOSE, 0)
        .answers();
    assert_eq!((answers[0].kind, answers[0].rest.as_slice()), (kind::HANDLE, [0, 0, 0, 4, 0, 0, 0, 0].as_slice()));
    assert_eq!((answers[1].code(), answers[2].code()), (OK, OK));
    assert_eq!((answers[3].data(), answers[4].data()), (b"lo\0\0\0\0\0th".as_slice(), b"e".as_slice()));
    assert_eq!(answers[5].code(), EOF);
    let found = answers[6].attributes();
    assert_eq!((found.size, found.mode), (Some(15), Some(0o100640)));
    assert_eq!((answers[7].code(), answers[8].code()), (OK, FAILURE));
    assert_eq!(answers.iter().map(|answer| answer.id).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    assert_eq!(fs::read(path).unwrap(), b"hello\0\0\0\0\0there");
}

#[test]
fn a_read_gives_at_most_the_limit_and_a_write_of_it_fits_in_a_packet() {
    let folder = TempFolder::new("sftp-limit");
    let data: Vec<u8> = (0..MAX_DATA).map(|at| (at / 3) as u8).collect();
    let requests = Requests::new().open(&folder.join("f"), NEW | READ, &plain());
    let answers = requests.write(0, 0, &data).write(0, MAX_DATA as u64, b"more").read(0, 0, u32::MAX).answers();
    assert!(answers[3].data() == data);
    let limits = Requests::new().extended("limits@openssh.com", |_| {}).answers()[0].numbers();
    assert_eq!(limits, [MAX_PACKET as u64, MAX_DATA as u64, MAX_DATA as u64, handles::MAX as u64]);
}

#[test]
fn opening_makes_empties_appends_or_refuses() {
    let folder = TempFolder::new("sftp-open");
    let path = folder.join("f");
    fs::write(&path, "old").unwrap();
    let open = |flags| Requests::new().open(&path, flags, &plain());
    assert_eq!(open(NEW | EXCLUSIVE).answers()[0].code(), FAILURE);
    assert_eq!(open(0).answers()[0].code(), BAD_MESSAGE);
    assert_eq!(open(WRITE | APPEND).write(0, 0, b"+").write(0, 0, b"!").answers().len(), 3);
    assert_eq!(fs::read(&path).unwrap(), b"old+!");
    open(NEW).answers();
    assert_eq!(fs::read(&path).unwrap(), b"");
    assert_eq!(codes(Requests::new().open(&folder.join("none/f"), NEW, &plain())), [NO_SUCH_FILE]);
}

#[test]
fn folders_are_made_listed_and_removed() {
    let folder = TempFolder::new("sftp-folder");
    let made = folder.join("d");
    let make = Requests::new().add(kind::MKDIR, |packet| {
        packet.put_string(made.as_os_str().as_bytes());
        Attributes { mode: Some(0o2750), ..plain() }.put(packet);
    });
    assert_eq!(codes(make), [OK]);
    assert_eq!(mode_of(&made) & 0o777, 0o750);
    for number in 0..150 {
        fs::write(made.join(format!("file {number}")), "x").unwrap();
    }
    let list = Requests::new().path(kind::OPENDIR, &made);
    let answers = (0..3).fold(list, |list, _| list.on_handle(kind::READDIR, 0)).on_handle(kind::CLOSE, 0).answers();
    let (first, second) = (answers[1].names(), answers[2].names());
    assert_eq!((first.len(), second.len(), answers[3].code(), answers[4].code()), (100, 52, EOF, OK));
    assert_eq!((first[0].0.as_slice(), first[1].0.as_slice()), (b".".as_slice(), b"..".as_slice()));
    let (name, line, attributes) = &second[51];
    assert!(name.starts_with(b"file ") && line.starts_with("-rw-r--r--   1 ") && line.ends_with(std::str::from_utf8(name).unwrap()), "{line}");
    assert_eq!((attributes.size, attributes.mode), (Some(1), Some(0o100644)));
    assert_eq!(codes(Requests::new().path(kind::RMDIR, &made)), [FAILURE]);
    fs::remove_dir_all(&made).unwrap();
    fs::create_dir(&made).unwrap();
    assert_eq!(codes(Requests::new().path(kind::RMDIR, &made).path(kind::RMDIR, &made)), [OK, NO_SUCH_FILE]);
}

#[test]
fn links_are_made_as_openssh_makes_them() {
    let folder = TempFolder::new("sftp-links");
    let (file, link, hard) = (folder.join("f"), folder.join("l"), folder.join("h"));
    fs::write(&file, "text").unwrap();
    let two = |packet: &mut Vec<u8>| [&file, &hard].iter().for_each(|path| packet.put_string(path.as_os_str().as_bytes()));
    let requests = Requests::new().two_paths(kind::SYMLINK, Path::new("f"), &link).path(kind::READLINK, &link);
    let answers = requests.path(kind::STAT, &link).path(kind::LSTAT, &link).extended("hardlink@openssh.com", two).answers();
    assert_eq!((answers[0].code(), answers[4].code()), (OK, OK));
    assert_eq!(answers[1].names()[0].0, b"f");
    let kind_of = |at: usize| answers[at].attributes().mode.unwrap() & libc::S_IFMT;
    assert_eq!((kind_of(2), kind_of(3)), (libc::S_IFREG, libc::S_IFLNK));
    assert_eq!(fs::metadata(&hard).unwrap().nlink(), 2);
}

#[test]
fn a_plain_rename_keeps_what_is_there_and_a_posix_one_replaces_it() {
    let folder = TempFolder::new("sftp-rename");
    let (one, two, three) = (folder.join("1"), folder.join("2"), folder.join("3"));
    fs::write(&one, "one").unwrap();
    fs::write(&two, "two").unwrap();
    let requests = Requests::new().two_paths(kind::RENAME, &one, &two).two_paths(kind::RENAME, &two, &three);
    assert_eq!(codes(requests), [FAILURE, OK]);
    let paths = |packet: &mut Vec<u8>| [&one, &three].iter().for_each(|path| packet.put_string(path.as_os_str().as_bytes()));
    assert_eq!(codes(Requests::new().extended("posix-rename@openssh.com", paths)), [OK]);
    assert_eq!(fs::read(&three).unwrap(), b"one");
    assert_eq!(codes(Requests::new().path(kind::REMOVE, &three).path(kind::REMOVE, &three)), [OK, NO_SUCH_FILE]);
}

#[test]
fn attributes_are_changed_by_path_and_by_handle() {
    let folder = TempFolder::new("sftp-change");
    let (path, link) = (folder.join("f"), folder.join("l"));
    fs::write(&path, "0123456789").unwrap();
    symlink("f", &link).unwrap();
    let to = Attributes { size: Some(4), mode: Some(0o100751), times: Some((1000, 2000)), ..plain() };
    let set = |path: &Path, to: &Attributes| {
        let (path, to) = (path.as_os_str().as_bytes().to_vec(), to.clone());
        move |packet: &mut Vec<u8>| {
            packet.put_string(&path);
            to.put(packet);
        }
    };
    assert_eq!(codes(Requests::new().add(kind::SETSTAT, set(&link, &to))), [OK]);
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.len(), found.mode() & 0o7777, found.atime(), found.mtime()), (4, 0o751, 1000, 2000));
    let by_handle = Requests::new().open(&path, WRITE, &plain()).add(kind::FSETSTAT, |packet| {
        packet.put_string(&0u32.to_be_bytes());
        Attributes { size: Some(20), mode: Some(0o600), times: Some((5, 6)), ..plain() }.put(packet);
    });
    assert_eq!(by_handle.answers()[1].code(), OK);
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.len(), found.mode() & 0o7777, found.mtime()), (20, 0o600, 6));
    let itself = Attributes { times: Some((7, 8)), ..plain() };
    assert_eq!(codes(Requests::new().extended("lsetstat@openssh.com", set(&link, &itself))), [OK]);
    assert_eq!((fs::symlink_metadata(&link).unwrap().mtime(), fs::metadata(&path).unwrap().mtime()), (8, 6));
    assert_eq!(codes(Requests::new().extended("lsetstat@openssh.com", set(&link, &to))), [BAD_MESSAGE]);
}

#[test]
fn one_change_that_fails_does_not_keep_the_others_back() {
    let folder = TempFolder::new("sftp-partly");
    fs::create_dir(folder.join("d")).unwrap();
    let request = Requests::new().add(kind::SETSTAT, |packet| {
        packet.put_string(folder.join("d").as_os_str().as_bytes());
        Attributes { size: Some(1), mode: Some(0o700), ..plain() }.put(packet);
    });
    assert_eq!(codes(request), [FAILURE]);
    assert_eq!(mode_of(&folder.join("d")), 0o700);
}

#[test]
fn a_path_is_resolved_even_if_its_last_part_is_missing() {
    let folder = TempFolder::new("sftp-resolve");
    fs::create_dir(folder.join("d")).unwrap();
    symlink("d", folder.join("l")).unwrap();
    symlink("d/new", folder.join("dangling")).unwrap();
    symlink("round", folder.join("round")).unwrap();
    let resolved = |path: PathBuf| Requests::new().path(kind::REALPATH, &path).answers()[0].names()[0].0.clone();
    let inside = |name: &str| folder.join(name).as_os_str().as_bytes().to_vec();
    assert_eq!(resolved(folder.join("l/../l/.")), inside("d"));
    assert_eq!(resolved(folder.join("l/new")), inside("d/new"));
    assert_eq!(resolved(folder.join("dangling")), inside("d/new"));
    assert_eq!(resolved("".into()), std::env::current_dir().unwrap().as_os_str().as_bytes());
    assert_eq!(resolved("/".into()), b"/");
    for missing in ["none/f", "l/none/f", "round"] {
        assert_eq!(codes(Requests::new().path(kind::REALPATH, &folder.join(missing))), [NO_SUCH_FILE], "{missing}");
    }
}

#[test]
fn a_tilde_is_a_home() {
    let expand = |path: &'static [u8]| Requests::new().extended("expand-path@openssh.com", |packet| packet.put_string(path)).answers();
    assert_eq!(expand(b"~root")[0].names()[0].0, fs::canonicalize("/root").unwrap().as_os_str().as_bytes());
    assert_eq!(expand(b"~no-such-user/x")[0].code(), NO_SUCH_FILE);
    assert_eq!(expand(b"/usr/../etc")[0].names()[0].0, b"/etc");
    let home = fs::canonicalize(std::env::var_os("HOME").unwrap()).unwrap();
    assert_eq!(expand(b"~")[0].names()[0].0, home.as_os_str().as_bytes());
    assert_eq!(expand(b"~//x-new")[0].names()[0].0, home.join("x-new").as_os_str().as_bytes());
}

#[test]
fn the_space_of_a_file_system_is_reported() {
    let folder = TempFolder::new("sftp-space");
    let path = |packet: &mut Vec<u8>| packet.put_string(folder.as_os_str().as_bytes());
    let answers = Requests::new()
        .open(&folder.join("f"), NEW, &plain())
        .extended("statvfs@openssh.com", path)
        .extended("fstatvfs@openssh.com", |packet| packet.put_string(&0u32.to_be_bytes()))
        .extended("fsync@openssh.com", |packet| packet.put_string(&0u32.to_be_bytes()))
        .answers();
    let (by_path, by_handle) = (answers[1].numbers(), answers[2].numbers());
    assert_eq!((by_path.len(), by_path[2], by_path[10], answers[3].code()), (11, by_handle[2], 255, OK));
    assert!(by_path[4] > 0);
}

#[test]
fn what_it_does_not_know_is_unsupported() {
    let requests = Requests::new().extended("no-such@openssh.com", |_| {}).add(99, |_| {}).add(kind::INIT, |_| {});
    assert_eq!(codes(requests), [UNSUPPORTED; 3]);
}
