//! The new root: read-only squashfs layers under an overlay whose upper half is on the VM's own disk.

use super::devices::Found;
use super::handover::Init;
use super::words::Words;
use super::{at, copy_self};
use crate::sys::mount::{enter_root, mount, MS_BIND, MS_MOVE, MS_NODEV, MS_NOSUID, MS_RDONLY};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{chown, DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

const ROOT: &str = "/newroot";

pub fn early() -> Result<(), String> {
    for (kind, target) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        let _ = fs::create_dir(target);
        match mount(kind, target, kind, MS_NOSUID, "") {
            Err(error) if error.raw_os_error() != Some(libc::EBUSY) => return Err(format!("{target}: {error}")),
            _ => {}
        }
    }
    Ok(())
}

/// Mounts everything below `/newroot`. The data disk's mount point, and the init that the image has.
pub fn make_root(words: &Words, found: &Found) -> Result<(File, Init), String> {
    let mut lower = Vec::new();
    for (number, device) in found.layers.iter().enumerate() {
        let target = format!("/layers/{number}");
        at(&target, fs::create_dir_all(&target))?;
        at(device, mount(device, &target, "squashfs", MS_RDONLY | MS_NODEV, ""))?;
        lower.insert(0, target);
    }
    at("/data", fs::create_dir_all("/data"))?;
    at("data disk", mount(&found.data, "/data", "ext4", MS_NODEV, "discard"))?;
    at("data disk", prepare_data(&lower[0]))?;
    at(ROOT, fs::create_dir_all(ROOT))?;
    let options = format!("lowerdir={},upperdir=/data/upper,workdir=/data/work", lower.join(":"));
    at("overlay", mount("overlay", ROOT, "overlay", 0, &options))?;
    for path in &words.direct {
        at(path, direct(path))?;
    }
    if let Some(device) = &found.modules {
        at("modules", modules(device))?;
    }
    let data = at("/data", File::open("/data"))?;
    Ok((data, Init::of(Path::new(ROOT), words.use_init)))
}

/// The first boot of a disk: the upper half's root looks like the image's.
fn prepare_data(top: &str) -> io::Result<()> {
    if Path::new("/data/upper").exists() {
        return Ok(());
    }
    let like = fs::metadata(top)?;
    for folder in ["/data/work", "/data/direct"] {
        fs::create_dir_all(folder)?;
    }
    // made under another name first: a power cut must not leave one with the wrong mode
    fs::create_dir_all("/data/upper.new")?;
    chown("/data/upper.new", Some(like.uid()), Some(like.gid()))?;
    fs::set_permissions("/data/upper.new", Permissions::from_mode(like.mode() & 0o7777))?;
    fs::rename("/data/upper.new", "/data/upper")
}

/// A folder of the root that is on the data disk itself: overlay on overlay does not work.
fn direct(path: &str) -> io::Result<()> {
    let own = format!("/data/direct{path}");
    let target = format!("{ROOT}{path}");
    DirBuilder::new().recursive(true).mode(0o755).create(&target)?;
    if !Path::new(&own).exists() {
        let like = fs::metadata(&target)?;
        DirBuilder::new().recursive(true).mode(0o755).create(&own)?;
        chown(&own, Some(like.uid()), Some(like.gid()))?;
        fs::set_permissions(&own, Permissions::from_mode(like.mode() & 0o7777))?;
    }
    mount(&own, &target, "", MS_BIND, "")
}

fn modules(device: &str) -> io::Result<()> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let target = format!("{ROOT}/lib/modules/{}", release.trim());
    fs::create_dir_all(&target)?;
    mount(device, &target, "squashfs", MS_RDONLY | MS_NODEV, "")
}

/// Leaves the initramfs for the new root, taking `/dev`, `/proc` and `/sys` along.
pub fn enter(_: &Found) -> Result<(), String> {
    for name in ["dev", "proc", "sys", "run"] {
        at(name, fs::create_dir_all(format!("{ROOT}/{name}")))?;
    }
    at("/run", mount("tmpfs", &format!("{ROOT}/run"), "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"))?;
    at("/run/banger", fs::create_dir_all(format!("{ROOT}/run/banger")))?;
    at("/run/banger", copy_self(&format!("{ROOT}/run/banger/agent")))?;
    for name in ["dev", "proc", "sys"] {
        at(name, mount(&format!("/{name}"), &format!("{ROOT}/{name}"), "", MS_MOVE, ""))?;
    }
    // the initramfs is memory: what it holds is of no use any more
    for name in ["/init", "/modules.list"] {
        let _ = fs::remove_file(name);
    }
    let _ = fs::remove_dir_all("/modules");
    at("the new root", enter_root(ROOT))?;
    // terminals for commands; systemd finds it mounted and keeps it
    let _ = fs::create_dir_all("/dev/pts");
    let _ = mount("devpts", "/dev/pts", "devpts", MS_NOSUID, "gid=5,mode=620,ptmxmode=666");
    for (name, target) in [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")] {
        let _ = std::os::unix::fs::symlink(target, format!("/dev/{name}"));
    }
    Ok(())
}
