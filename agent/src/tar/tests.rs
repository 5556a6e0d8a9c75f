//! Unpacking hostile archives: nothing must leave the folder. Packing is checked with GNU tar.

use super::read::Archive;
use super::unpack::{Done, Owner, Unpacker};
use crate::wire::json::Refusal;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;

pub struct Tar(Vec<u8>);

impl Tar {
    pub fn new() -> Tar {
        Tar(Vec::new())
    }
    /// Of mode 0644, owned by root, and modified ten seconds after 1970 began.
    pub fn add(self, kind: u8, name: &str, target: &str, data: &[u8]) -> Tar {
        self.owned(kind, name, target, data, [0o644, 0, 0])
    }
    pub fn owned(mut self, kind: u8, name: &str, target: &str, data: &[u8], [mode, uid, gid]: [u32; 3]) -> Tar {
        let mut block = [0u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        for (at, value) in [(100, mode), (108, uid), (116, gid)] {
            block[at..at + 7].copy_from_slice(format!("{value:07o}").as_bytes());
        }
        block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        block[136..147].copy_from_slice(b"00000000012");
        block[148..156].copy_from_slice(b"        ");
        block[156] = kind;
        block[157..157 + target.len()].copy_from_slice(target.as_bytes());
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.0.extend_from_slice(&block);
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }
    /// With the blocks that end it.
    pub fn bytes(&self) -> Vec<u8> {
        [self.0.as_slice(), &[0; 1024]].concat()
    }
    pub fn unpack_into(&self, path: &std::path::Path) -> Result<Done, Refusal> {
        unpack(&self.bytes(), path)
    }
}

fn unpack(bytes: &[u8], path: &std::path::Path) -> Result<Done, Refusal> {
    Unpacker::new(OwnedFd::from(File::open(path).unwrap()), Owner::default()).unpack(bytes)
}

pub fn folder(label: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("banger-unpack-{}-{label}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(path.join("in")).unwrap();
    path
}

#[test]
fn files_folders_and_links_are_unpacked() {
    let base = folder("plain");
    let tar = Tar::new()
        .add(b'5', "a", "", b"")
        .add(b'0', "a/file", "", b"hello")
        .add(b'2', "a/link", "file", b"")
        .add(b'1', "a/hard", "a/file", b"")
        .add(b'0', "deep/er/file", "", b"x");
    assert_eq!(tar.unpack_into(&base.join("in")).unwrap(), Done { entries: 5, bytes: 6 });
    assert_eq!(std::fs::read(base.join("in/a/hard")).unwrap(), b"hello");
    assert_eq!(std::fs::read_link(base.join("in/a/link")).unwrap().to_str(), Some("file"));
    let file = std::fs::metadata(base.join("in/a/file")).unwrap();
    assert_eq!(file.permissions().mode() & 0o7777, 0o644);
    assert_eq!(file.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 10);
    std::fs::remove_dir_all(base).unwrap();
}

#[test]
fn an_entry_replaces_a_link_instead_of_following_it() {
    let base = folder("replace");
    std::fs::write(base.join("outside"), b"safe").unwrap();
    let tar = Tar::new().add(b'2', "x", "../outside", b"").add(b'0', "x", "", b"mine");
    tar.unpack_into(&base.join("in")).unwrap();
    assert_eq!(std::fs::read(base.join("outside")).unwrap(), b"safe");
    assert_eq!(std::fs::read(base.join("in/x")).unwrap(), b"mine");
    std::fs::remove_dir_all(base).unwrap();
}

#[test]
fn nothing_leaves_the_folder() {
    let hostile = [
        Tar::new().add(b'0', "../evil", "", b"x"),
        Tar::new().add(b'0', "/tmp/banger-evil", "", b"x"),
        Tar::new().add(b'0', "a/../../evil", "", b"x"),
        Tar::new().add(b'2', "up", "..", b"").add(b'0', "up/evil", "", b"x"),
        Tar::new().add(b'2', "up", "..", b"").add(b'5', "up/evil", "", b""),
        Tar::new().add(b'2', "up", "..", b"").add(b'5', "up", "", b"").add(b'0', "up/evil", "", b"x"),
        Tar::new().add(b'1', "evil", "../outside", b""),
        Tar::new().add(b'2', "up", "..", b"").add(b'1', "evil2", "up/outside", b""),
        Tar::new().add(b'3', "device", "", b""),
        Tar::new().add(b'6', "fifo", "", b""),
    ];
    for (number, tar) in hostile.iter().enumerate() {
        let base = folder(&format!("hostile{number}"));
        std::fs::write(base.join("outside"), b"safe").unwrap();
        assert!(tar.unpack_into(&base.join("in")).is_err(), "case {number}");
        assert!(!base.join("evil").exists(), "case {number}");
        assert!(!std::path::Path::new("/tmp/banger-evil").exists(), "case {number}");
        assert_eq!(std::fs::read(base.join("outside")).unwrap(), b"safe", "case {number}");
        std::fs::remove_dir_all(base).unwrap();
    }
}

#[test]
fn a_wrong_size_is_an_error() {
    let base = folder("short");
    let mut tar = Tar::new().add(b'0', "file", "", &[1; 600]).0;
    tar.truncate(700);
    assert!(unpack(&tar, &base.join("in")).is_err());
    std::fs::remove_dir_all(base).unwrap();
}

#[test]
fn only_a_file_has_content() {
    for kind in [b'1', b'2', b'5'] {
        let refusal = |data: &[u8]| Archive::new(Tar::new().add(kind, "x", "y", data).bytes().as_slice()).next_entry().err();
        assert!(refusal(b"").is_none(), "{}", kind as char);
        assert!(refusal(b"z").unwrap().message.contains("not a file"), "{}", kind as char);
    }
    // with a slash behind its name it is a folder
    assert!(Archive::new(Tar::new().add(b'0', "x/", "", b"z").bytes().as_slice()).next_entry().is_err());
}

#[test]
fn a_size_and_its_padding_stay_below_2_to_the_62() {
    let entry = |size: u64| {
        let mut records = Vec::new();
        super::pax::write(&mut records, "size", size.to_string().as_bytes());
        let tar = Tar::new().add(b'x', "extended", "", &records).add(b'0', "file", "", b"");
        Archive::new(tar.bytes().as_slice()).next_entry().map(|entry| entry.unwrap().size)
    };
    assert_eq!(entry((1 << 62) - 512).unwrap(), (1 << 62) - 512);
    for size in [(1 << 62) - 511, 1 << 62, 1 << 63, u64::MAX] {
        assert!(entry(size).unwrap_err().message.contains("too large"), "{size}");
    }
}

#[test]
fn random_archives_never_panic() {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..1536)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect();
        let _ = Archive::new(&bytes[..]).next_entry();
    }
}

/// Unpacks a stream with GNU tar in `base/out`.
fn unpacked_by_tar(bytes: &[u8], base: &std::path::Path) -> std::path::PathBuf {
    let out = base.join("out");
    std::fs::create_dir_all(&out).unwrap();
    std::fs::write(base.join("packed.tar"), bytes).unwrap();
    let run = |flags: &[&str]| {
        let status = std::process::Command::new("tar").args(flags).arg("-C").arg(&out).arg("-xf").arg(base.join("packed.tar")).status();
        assert!(status.unwrap().success());
    };
    run(&["--xattrs", "--xattrs-include=*"]);
    out
}

struct Bytes<'a>(&'a mut Vec<u8>);

impl super::pack::Sink for Bytes<'_> {
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.0.extend_from_slice(bytes);
        true
    }
}

fn packed(content: super::pack::Content, folder: &std::path::Path) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    super::pack::Packer::new(Bytes(&mut bytes), content).pack(folder)?;
    Ok(bytes)
}

#[test]
fn whole_keeps_fifos_attributes_links_and_holes() {
    use super::pack::Content;
    use crate::sys::{open, xattr};
    use std::io::{Seek, SeekFrom, Write};
    use std::os::unix::fs::MetadataExt;
    let base = folder("whole");
    let from = base.join("in");
    std::fs::create_dir(from.join("deep")).unwrap();
    std::fs::write(from.join("deep/file"), b"hello").unwrap();
    std::fs::hard_link(from.join("deep/file"), from.join("hard")).unwrap();
    open::make_node(libc::AT_FDCWD, from.join("fifo").to_str().unwrap().as_bytes(), libc::S_IFIFO | 0o600, 0).unwrap();
    let attributes = xattr::set(&from.join("deep/file"), b"user.odd", b"a\0b\nc=d").is_ok();
    let mut sparse = File::create(from.join("sparse")).unwrap();
    sparse.seek(SeekFrom::Start(40 << 20)).unwrap();
    sparse.write_all(b"middle").unwrap();
    sparse.set_len(5 << 30).unwrap();
    drop(sparse);
    File::create(from.join("empty")).unwrap().set_len(1 << 30).unwrap();
    let bytes = packed(Content::Whole, &from).unwrap();
    assert!(bytes.len() < 1 << 20, "holes are not sent: {}", bytes.len());
    let out = unpacked_by_tar(&bytes, &base);
    assert_eq!(std::fs::metadata(out.join("deep/file")).unwrap().ino(), std::fs::metadata(out.join("hard")).unwrap().ino());
    assert!(!std::fs::symlink_metadata(out.join("fifo")).unwrap().is_file());
    assert_eq!(std::fs::metadata(out.join("sparse")).unwrap().len(), 5 << 30);
    assert_eq!(std::fs::metadata(out.join("empty")).unwrap().len(), 1 << 30);
    let mut middle = [0; 6];
    std::os::unix::fs::FileExt::read_exact_at(&File::open(out.join("sparse")).unwrap(), &mut middle, 40 << 20).unwrap();
    assert_eq!(&middle, b"middle");
    if attributes {
        let value = xattr::get(&out.join("deep/file"), b"user.odd").unwrap();
        assert_eq!(value.as_deref(), Some(b"a\0b\nc=d".as_slice()));
    }
    std::fs::remove_dir_all(base).unwrap();
}

#[test]
fn folders_can_be_as_deep_as_path_max_allows() {
    use super::pack::Content;
    let base = folder("deep");
    let mut at = std::os::fd::OwnedFd::from(File::open(base.join("in")).unwrap());
    let step = |at: &OwnedFd| {
        use std::os::fd::AsRawFd;
        crate::sys::open::make_folder(at.as_raw_fd(), b"d", 0o755).unwrap();
        crate::sys::open::folder_at(at.as_raw_fd(), b"d").unwrap()
    };
    for _ in 0..900 {
        at = step(&at);
    }
    assert!(packed(Content::Whole, &base.join("in")).is_ok());
    for _ in 0..2000 {
        at = step(&at);
    }
    let refusal = packed(Content::Whole, &base.join("in")).unwrap_err();
    assert!(refusal.message.contains("too long"), "{}", refusal.message);
    std::fs::remove_dir_all(base).unwrap();
}

#[test]
fn names_that_begin_with_wh_have_no_meaning_and_whiteouts_stay_devices() {
    use super::pack::Content;
    use crate::sys::open;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let base = folder("mark");
    std::fs::write(base.join("in/.wh.x"), b"mine").unwrap();
    std::fs::create_dir(base.join("in/.wh..wh.d")).unwrap();
    std::fs::write(base.join("in/.wh..wh.d/.wh..wh..opq"), b"mine too").unwrap();
    open::make_node(libc::AT_FDCWD, base.join("in/gone").to_str().unwrap().as_bytes(), libc::S_IFCHR, 0).unwrap();
    std::fs::hard_link(base.join("in/gone"), base.join("in/gone-too")).unwrap();
    let bytes = packed(Content::Changes { merged: base.join("in") }, &base.join("in")).unwrap();
    let out = unpacked_by_tar(&bytes, &base);
    assert_eq!(std::fs::read(out.join(".wh.x")).unwrap(), b"mine");
    assert_eq!(std::fs::read(out.join(".wh..wh.d/.wh..wh..opq")).unwrap(), b"mine too");
    let names = std::fs::read_dir(&out).unwrap().count();
    assert_eq!(names, 4);
    for name in ["gone", "gone-too"] {
        let metadata = std::fs::symlink_metadata(out.join(name)).unwrap();
        assert!(metadata.file_type().is_char_device() && metadata.rdev() == 0 && metadata.nlink() == 1);
    }
    std::fs::remove_dir_all(base).unwrap();
}

/// `in/new` was `old` in the image; its files are only in `merged`. None if this user cannot set attributes of overlayfs.
fn renamed_folder(base: &std::path::Path) -> Option<()> {
    let (upper, merged) = (base.join("in/new"), base.join("merged/new"));
    std::fs::create_dir_all(&upper).unwrap();
    std::fs::create_dir_all(&merged).unwrap();
    crate::sys::xattr::set(&upper, b"trusted.overlay.redirect", b"old").ok()
}

#[test]
fn a_renamed_folder_is_opaque_and_wh_names_in_it_have_no_meaning() {
    use super::pack::Content;
    let base = folder("mark-renamed");
    if renamed_folder(&base).is_some() {
        std::fs::write(base.join("merged/new/.wh.x"), b"mine").unwrap();
        let bytes = packed(Content::Changes { merged: base.join("merged") }, &base.join("in")).unwrap();
        let out = unpacked_by_tar(&bytes, &base);
        assert_eq!(std::fs::read(out.join("new/.wh.x")).unwrap(), b"mine");
        let mark = |name: &[u8]| crate::sys::xattr::get(&out.join("new"), name).unwrap();
        assert_eq!(mark(b"trusted.overlay.opaque").as_deref(), Some(b"y".as_slice()));
        assert_eq!(mark(b"trusted.overlay.redirect"), None);
    }
    std::fs::remove_dir_all(base).unwrap();
}

#[test]
fn hard_links_between_a_renamed_folder_and_others_stay() {
    use super::pack::Content;
    use std::os::unix::fs::MetadataExt;
    let base = folder("link-renamed");
    if renamed_folder(&base).is_some() {
        // an overlay shows files with other inode numbers; here, other files take its place
        std::fs::write(base.join("in/first"), b"one").unwrap();
        std::fs::hard_link(base.join("in/first"), base.join("in/new/second")).unwrap();
        std::fs::hard_link(base.join("in/first"), base.join("in/third")).unwrap();
        std::fs::write(base.join("merged/new/second"), b"one").unwrap();
        std::fs::hard_link(base.join("merged/new/second"), base.join("merged/third")).unwrap();
        std::fs::write(base.join("merged/new/image"), b"two").unwrap();
        std::fs::hard_link(base.join("merged/new/image"), base.join("merged/new/image-too")).unwrap();
        let bytes = packed(Content::Changes { merged: base.join("merged") }, &base.join("in")).unwrap();
        let out = unpacked_by_tar(&bytes, &base);
        let number = |path: &str| std::fs::metadata(out.join(path)).unwrap().ino();
        assert_eq!([number("new/second"), number("third")], [number("first"); 2]);
        assert_eq!(number("new/image"), number("new/image-too"));
    }
    std::fs::remove_dir_all(base).unwrap();
}

/// PAX headers, long names and long links.
#[test]
fn an_extended_header_has_at_most_a_mebibyte() {
    for kind in [b'x', b'g', b'L', b'K'] {
        let base = folder("extended");
        let with = |bytes: usize| {
            let content = if kind == b'x' { pax_of(bytes) } else { [vec![b'a'], vec![0; bytes - 1]].concat() };
            Tar::new().add(kind, "extended", "", &content).add(b'0', "file", "", b"x").unpack_into(&base.join("in"))
        };
        assert!(with(1024 * 1024).is_ok(), "{}", kind as char);
        assert!(with(1024 * 1024 + 1).is_err(), "{}", kind as char);
        std::fs::remove_dir_all(base).unwrap();
    }
}

/// One record of this many bytes, with a key that is ignored.
fn pax_of(bytes: usize) -> Vec<u8> {
    let head = format!("{bytes} comment=");
    format!("{head}{}\n", "c".repeat(bytes - head.len() - 1)).into_bytes()
}
