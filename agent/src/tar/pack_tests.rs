//! Limits of packing.

use super::*;

struct Nowhere;
impl Sink for Nowhere {
    fn put(&mut self, _bytes: &[u8]) -> bool {
        true
    }
}

fn folder(label: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("banger-pack-{}-{label}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn each_file_with_several_hard_links_counts_once_towards_the_limit() {
    let base = folder("linked");
    for name in ["a", "b"] {
        fs::write(base.join(name), b"").unwrap();
        fs::hard_link(base.join(name), base.join(format!("{name}2"))).unwrap();
        fs::hard_link(base.join(name), base.join(format!("{name}3"))).unwrap();
    }
    let packed = |max_linked| Packer { max_linked, ..Packer::new(Nowhere, Content::Whole) }.pack(&base);
    assert_eq!(Packer::new(Nowhere, Content::Whole).max_linked, 2_000_000);
    assert!(packed(2).is_ok());
    assert_eq!(packed(1).unwrap_err().code, "limit");
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn a_path_can_have_4096_bytes_and_not_one_more() {
    let base = folder("long");
    let mut at = std::os::fd::OwnedFd::from(File::open(&base).unwrap());
    for name in std::iter::repeat_n(vec![b'd'; 255], 15).chain([b"e".to_vec()]) {
        open::make_folder(at.as_raw_fd(), &name, 0o755).unwrap();
        at = open::folder_at(at.as_raw_fd(), &name).unwrap();
    }
    let here = Path::new("/proc/self/fd").join(at.as_raw_fd().to_string());
    // 15 * 256 + 2 bytes lead there
    fs::write(here.join("f".repeat(254)), b"").unwrap();
    assert!(Packer::new(Nowhere, Content::Whole).pack(&base).is_ok());
    fs::write(here.join("f".repeat(255)), b"").unwrap();
    let refusal = Packer::new(Nowhere, Content::Whole).pack(&base).unwrap_err();
    assert_eq!((refusal.code, refusal.message.contains("too long")), ("limit", true));
    fs::remove_dir_all(base).unwrap();
}
