//! Names at their limits, and whose the files are.

use super::*;
use crate::tar::tests::{folder, Tar};
use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;

/// The code of the refusal.
fn refusal(tar: &Tar, label: &str) -> String {
    let base = folder(label);
    let refused = tar.unpack_into(&base.join("in")).unwrap_err();
    fs::remove_dir_all(base).unwrap();
    refused.code.to_string()
}

#[test]
fn a_path_has_at_most_4096_bytes() {
    assert!(safe_path(&[b'a'; 4096]).is_ok());
    assert!(safe_path(&[b'a'; 4097]).is_err());
}

#[test]
fn a_path_is_relative_and_goes_only_down() {
    for path in ["", "/", "/a", "..", "../a", "a/..", "a/../b", "./..", "a\0b"] {
        assert!(safe_path(path.as_bytes()).is_err(), "{path:?}");
    }
    for (path, normal) in [(".", ""), ("./", ""), ("./a//b/.", "a/b"), ("a/", "a"), ("..a/b..", "..a/b..")] {
        assert_eq!(safe_path(path.as_bytes()).unwrap(), normal.as_bytes(), "{path:?}");
    }
}

#[test]
fn only_a_folder_is_the_target_folder_itself() {
    for (kind, target) in [(b'0', ""), (b'2', "x"), (b'1', "x")] {
        assert_eq!(refusal(&Tar::new().add(kind, ".", target, b""), "itself"), "unsafe_path", "{}", kind as char);
    }
    assert_eq!(refusal(&Tar::new().add(b'1', "x", ".", b""), "link-to-itself"), "unsafe_path");
}

#[test]
fn a_link_has_a_target() {
    assert_eq!(refusal(&Tar::new().add(b'2', "x", "", b""), "no-target"), "unsafe_path");
}

#[test]
fn a_file_that_is_a_hard_link_to_itself_stays() {
    let base = folder("own-link");
    let tar = Tar::new().add(b'0', "x", "", b"kept").add(b'1', "x", "./x", b"");
    assert_eq!(tar.unpack_into(&base.join("in")).unwrap(), Done { entries: 2, bytes: 4 });
    assert_eq!(fs::read(base.join("in/x")).unwrap(), b"kept");
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn a_folder_has_its_mode_and_time_when_all_is_in_it() {
    let base = folder("last");
    let tar = Tar::new()
        .owned(b'5', ".", "", b"", [0o711, 0, 0])
        .owned(b'5', "a", "", b"", [0o500, 0, 0])
        .owned(b'5', "a/b", "", b"", [0o2750, 0, 0])
        .add(b'0', "a/b/file", "", b"x")
        .add(b'0', "a/file", "", b"x");
    tar.unpack_into(&base.join("in")).unwrap();
    for (path, mode) in [("in", 0o711), ("in/a", 0o500), ("in/a/b", 0o2750)] {
        let found = fs::metadata(base.join(path)).unwrap();
        assert_eq!((found.mode() & 0o7777, found.mtime()), (mode, 10), "{path}");
    }
    fs::set_permissions(base.join("in/a"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn a_file_has_all_bits_of_its_mode() {
    let base = folder("modes");
    for mode in [0o600, 0o666, 0o777, 0o4755, 0o2755, 0o6711, 0o1644] {
        Tar::new().owned(b'0', "file", "", b"x", [mode, 0, 0]).unpack_into(&base.join("in")).unwrap();
        assert_eq!(fs::metadata(base.join("in/file")).unwrap().mode() & 0o7777, mode, "{mode:o}");
    }
    fs::remove_dir_all(base).unwrap();
}

fn owner_of(path: &Path) -> (u32, u32) {
    let found = fs::symlink_metadata(path).unwrap();
    (found.uid(), found.gid())
}

fn unpack_for(owner: Owner, is_root: bool, tar: &Tar, path: &Path) {
    let root = OwnedFd::from(File::open(path).unwrap());
    Unpacker { is_root, ..Unpacker::new(root, owner) }.unpack(tar.bytes().as_slice()).unwrap();
}

fn is_root() -> bool {
    if process::uid() != 0 {
        eprintln!("skipped: only root gives files away");
    }
    process::uid() == 0
}

const OWNERS: [(u32, u32); 6] = [(0, 0), (5, 6), (5, 0), (0, 6), (1, 0), (0, 1)];

/// A file, a folder and a link of each owner.
fn tar_of_owners() -> Tar {
    OWNERS.iter().fold(Tar::new(), |tar, (uid, gid)| {
        let name = |kind: &str| format!("{kind}-{uid}-{gid}");
        tar.owned(b'0', &name("file"), "", b"x", [0o4644, *uid, *gid])
            .owned(b'5', &name("folder"), "", b"", [0o755, *uid, *gid])
            .owned(b'2', &name("link"), "x", b"", [0o777, *uid, *gid])
    })
}

#[test]
fn root_gives_each_entry_its_owner() {
    if !is_root() {
        return;
    }
    let base = folder("owners");
    tar_of_owners().owned(b'5', ".", "", b"", [0o755, 7, 8]).unpack_into(&base.join("in")).unwrap();
    for (uid, gid) in OWNERS {
        for kind in ["file", "folder", "link"] {
            let path = base.join(format!("in/{kind}-{uid}-{gid}"));
            assert_eq!(owner_of(&path), (uid, gid), "{}", path.display());
        }
        let file = fs::metadata(base.join(format!("in/file-{uid}-{gid}"))).unwrap();
        assert_eq!(file.mode() & 0o7777, 0o4644, "a change of owner clears the bit, so it comes first");
    }
    assert_eq!(owner_of(&base.join("in")), (7, 8));
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn anyone_else_owns_all_that_they_unpack() {
    let base = folder("ours");
    let ours = owner_of(&base.join("in"));
    unpack_for(Owner::default(), false, &tar_of_owners().owned(b'0', "deep/file", "", b"", [0o644, 5, 6]), &base.join("in"));
    for (uid, gid) in OWNERS {
        for kind in ["file", "folder", "link"] {
            assert_eq!(owner_of(&base.join(format!("in/{kind}-{uid}-{gid}"))), ours);
        }
    }
    assert_eq!(owner_of(&base.join("in/deep")), ours);
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn an_owner_who_was_asked_for_gets_all_that_is_new() {
    if !is_root() {
        return;
    }
    let base = folder("given");
    fs::create_dir(base.join("in/old")).unwrap();
    std::os::unix::fs::chown(base.join("in/old"), Some(3), Some(4)).unwrap();
    let tar = Tar::new().owned(b'0', "old/new/file", "", b"x", [0o644, 5, 6]).owned(b'2', "link", "x", b"", [0o777, 5, 6]);
    unpack_for(Owner { uid: Some(11), gid: None }, true, &tar, &base.join("in"));
    assert_eq!(owner_of(&base.join("in/old")), (3, 4));
    assert_eq!(owner_of(&base.join("in/old/new")), (11, 0));
    assert_eq!(owner_of(&base.join("in/old/new/file")), (11, 6));
    assert_eq!(owner_of(&base.join("in/link")), (11, 6));
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn a_folder_that_gives_its_group_does_not_change_an_owner() {
    if !is_root() {
        return;
    }
    let base = folder("group");
    let tar = Tar::new().add(b'0', "file", "", b"x").add(b'5', "folder", "", b"");
    std::os::unix::fs::chown(base.join("in"), None, Some(4)).unwrap();
    fs::set_permissions(base.join("in"), fs::Permissions::from_mode(0o2755)).unwrap();
    tar.unpack_into(&base.join("in")).unwrap();
    for name in ["file", "folder"] {
        assert_eq!(owner_of(&base.join("in").join(name)), (0, 0), "{name}");
    }
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn a_file_takes_the_place_of_anything_but_a_folder() {
    let base = folder("places");
    fs::write(base.join("outside"), b"safe").unwrap();
    fs::hard_link(base.join("outside"), base.join("in/hard")).unwrap();
    symlink(base.join("outside"), base.join("in/link")).unwrap();
    fs::create_dir(base.join("in/folder")).unwrap();
    let large = vec![b'm'; SMALL as usize + 1];
    for content in [b"mine".as_slice(), &large] {
        let _ = fs::remove_file(base.join("in/link"));
        symlink(base.join("outside"), base.join("in/link")).unwrap();
        for name in ["hard", "link"] {
            Tar::new().add(b'0', name, "", content).unpack_into(&base.join("in")).unwrap();
            assert!(fs::read(base.join("in").join(name)).unwrap() == content, "{name}");
        }
        assert!(Tar::new().add(b'0', "folder", "", content).unpack_into(&base.join("in")).is_err());
        assert_eq!(fs::read_dir(base.join("in")).unwrap().count(), 3, "no file with another name is left");
    }
    assert!(Tar::new().add(b'5', "link/", "", b"").unpack_into(&base.join("in")).is_err());
    assert_eq!(fs::read(base.join("outside")).unwrap(), b"safe");
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn a_file_that_is_cut_off_leaves_the_old_one() {
    let base = folder("cut");
    for size in [10, SMALL as usize, SMALL as usize + 1, 300_000] {
        fs::write(base.join("in/file"), b"old").unwrap();
        let bytes = Tar::new().add(b'0', "before", "", b"x").add(b'0', "file", "", &vec![1; size]).bytes();
        let cut = &bytes[..bytes.len() - 1024 - size.next_multiple_of(512) + size - 1];
        let root = OwnedFd::from(File::open(base.join("in")).unwrap());
        assert!(Unpacker::new(root, Owner::default()).unpack(cut).is_err(), "{size}");
        assert_eq!(fs::read(base.join("in/file")).unwrap(), b"old", "{size}");
        assert_eq!(fs::read_dir(base.join("in")).unwrap().count(), 2, "{size}");
    }
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn large_files_have_all_that_small_ones_have() {
    let base = folder("large");
    let content = vec![7; SMALL as usize + 1];
    let tar = Tar::new().owned(b'0', "a/large", "", &content, [0o4751, 0, 0]).add(b'1', "linked", "a/large", b"");
    assert_eq!(tar.unpack_into(&base.join("in")).unwrap(), Done { entries: 2, bytes: content.len() as u64 });
    let found = fs::metadata(base.join("in/linked")).unwrap();
    assert_eq!((found.mode() & 0o7777, found.mtime(), found.nlink(), found.len()), (0o4751, 10, 2, content.len() as u64));
    fs::remove_dir_all(base).unwrap();
}
