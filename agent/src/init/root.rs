//! The root file system: squashfs layers under an overlay whose upper half is on the data disk.

use super::devices::Disks;
use super::words::Words;
use super::{failed, plain, seed, settings, Booted};
use crate::console::say;
use crate::guest::Data;
use crate::sys::mount::{enter_root, mount, sync, unmount, MS_BIND, MS_MOVE, MS_NODEV, MS_NOSUID, MS_RDONLY};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{chown, MetadataExt, PermissionsExt};
use std::path::Path;

const ROOT: &str = "/newroot";
/// Where the data disk is to be found afterwards. systemd leaves mounts below `/run/initramfs` alone until the very end,
/// and then makes them read-only, so that the file system is left clean.
pub const DATA: &str = "/run/initramfs/banger";

/// Afterwards `/` is the image's.
pub fn assemble(words: &Words, disks: &Disks) -> Booted<Data> {
    let node = |serial: &str| disks.get(serial).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let layers = mount_layers(words.layers, node)?;
    let device = node("data");
    mount_on("/data", &device, "ext4", 0, "discard")?;
    mount_overlay(&layers, words.root)?;
    move_into_root()?;
    enter_root(ROOT).map_err(failed("entering the root"))?;
    // an image that has something odd there boots without; a link to a folder of its own is none
    if !Path::new("/etc").is_dir() {
        let _ = make_folder("/etc");
    }
    mount_modules(&node("modules")).unwrap_or_else(|problem| say(&problem));
    mount_directs(words, &node("direct"))?;
    settings::apply();
    // what hardly any program does without, and images of one program leave out
    if fs::create_dir("/tmp").is_ok() {
        let _ = fs::set_permissions("/tmp", Permissions::from_mode(0o1777));
    }
    plain::mount_all();
    let _ = fs::create_dir("/dev/pts");
    let pts = mount("devpts", "/dev/pts", "devpts", MS_NOSUID, "mode=0620,gid=5,ptmxmode=0666");
    pts.map_err(failed("/dev/pts"))?;
    let folder = File::open(DATA).map_err(failed(DATA))?;
    Ok(Data { folder, device: device.into() })
}

/// Mount points, highest layer first, as overlay wants them.
pub fn mount_layers(count: usize, node: impl Fn(&str) -> String) -> Booted<Vec<String>> {
    let one = |at: usize| {
        let point = format!("/layer{at}");
        mount_on(&point, &node(&format!("layer{at}")), "squashfs", MS_RDONLY, "").map(|()| point)
    };
    (0..count).rev().map(one).collect()
}

pub fn mount_on(point: &str, source: &str, kind: &str, flags: libc::c_ulong, data: &str) -> Booted<()> {
    fs::create_dir_all(point).map_err(failed(point))?;
    mount(source, point, kind, flags, data).map_err(failed(point))
}

/// `redirect_dir`: folders of the image can be renamed. Layers never change below it, so it is safe.
fn mount_overlay(layers: &[String], root: Option<(u32, u32, u32)>) -> Booted<()> {
    let top = fs::metadata(&layers[0]).map_err(failed(&layers[0]))?;
    let (mode, uid, gid) = root.unwrap_or((top.mode() & 0o7777, top.uid(), top.gid()));
    for folder in ["/data/upper", "/data/work"] {
        fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    give("/data/upper", mode, uid, gid).map_err(failed("/data/upper"))?;
    let paths = format!("lowerdir={},upperdir=/data/upper,workdir=/data/work", layers.join(":"));
    let options = format!("{paths},index=off,metacopy=off");
    mount_on(ROOT, "overlay", "overlay", 0, &format!("{options},redirect_dir=on"))
        .or_else(|_| mount_on(ROOT, "overlay", "overlay", 0, &options))
        .or_else(|_| mount_on(ROOT, "overlay", "overlay", 0, &paths))
}

/// The image root's mode and owner: an overlay shows those of its upper half.
fn give(path: &str, mode: u32, uid: u32, gid: u32) -> std::io::Result<()> {
    let now = fs::metadata(path)?;
    if (now.uid(), now.gid()) != (uid, gid) {
        chown(path, Some(uid), Some(gid))?;
    }
    if now.mode() & 0o7777 != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(())
}

fn move_into_root() -> Booted<()> {
    for folder in ["/dev", "/proc", "/sys"] {
        let target = format!("{ROOT}{folder}");
        make_folder(&target).map_err(failed(&target))?;
        mount(folder, &target, "", MS_MOVE, "").map_err(failed(&target))?;
    }
    let run = format!("{ROOT}/run");
    make_folder(&run).map_err(failed(&run))?;
    mount_on("/run.new", "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=20%")?;
    keep_run(Path::new(&run), Path::new("/run.new"));
    mount("/run.new", &run, "", MS_MOVE, "").map_err(failed(&run))?;
    let data = format!("{ROOT}{DATA}");
    fs::create_dir_all(&data).map_err(failed(&data))?;
    mount("/data", &data, "", MS_MOVE, "").map_err(failed(&data))?;
    let private = Permissions::from_mode(0o700);
    fs::set_permissions(format!("{ROOT}/run/initramfs"), private).map_err(failed("/run/initramfs"))
}

/// Keeps what the image has in `/run`, such as the folders for services' sockets, because no init may recreate it. What a systemd
/// or an initramfs left there describes another machine.
fn keep_run(from: &Path, to: &Path) {
    for item in fs::read_dir(from).into_iter().flatten().flatten() {
        let name = item.file_name();
        let target = to.join(&name);
        if name == "systemd" || name == "initramfs" || name == "udev" {
            continue;
        }
        if let Err(error) = seed::copy(&item.path(), &target) {
            say(&format!("/run/{}: {error}", name.to_string_lossy()));
        }
    }
}

/// A real folder, in place of a file or a link too: a link would lead elsewhere.
fn make_folder(path: &str) -> std::io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => fs::remove_file(path)?,
        Err(_) => {}
    }
    fs::create_dir(path)
}

/// Not every kernel has modules.
fn mount_modules(device: &str) -> Booted<()> {
    if device.is_empty() {
        return Ok(());
    }
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").map_err(failed("osrelease"))?;
    let point = format!("/lib/modules/{}", release.trim());
    mount_on(&point, device, "squashfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "")
}

/// What overlay can't be under (another overlay's upper half), and what should be fast. A folder that can't be had is said.
fn mount_directs(words: &Words, device: &str) -> Booted<()> {
    let image = "/run/initramfs/direct";
    let is_seeded = words.direct.iter().all(|folder| Path::new(&format!("{DATA}/direct{folder}")).exists());
    let from = if words.directs && !is_seeded {
        mount_on(image, device, "squashfs", MS_RDONLY | MS_NODEV, "")?;
        image
    } else {
        ""
    };
    for folder in &words.direct {
        mount_direct(from, folder).unwrap_or_else(|error| say(&format!("{folder}: {error}")));
    }
    if !from.is_empty() {
        unmount(image).map_err(failed(image))?;
    }
    Ok(())
}

/// On the first boot it holds what the image has there. `from`: where an image that was saved keeps it.
fn mount_direct(from: &str, folder: &str) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let source = format!("{DATA}/direct{folder}");
    if !Path::new(&source).exists() {
        let saved = format!("{from}{folder}");
        let origin = if !from.is_empty() && Path::new(&saved).is_dir() { &saved } else { folder };
        let new = format!("{DATA}/direct.new");
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(Path::new(&source).parent().unwrap_or(Path::new(DATA)))?;
        if seed::copy(Path::new(origin), Path::new(&new))? {
            sync();
        }
        fs::rename(&new, &source)?;
    }
    mount(&source, folder, "", MS_BIND, "")
}
