//! The root file system: an overlay of squashfs layers whose upper directory is on the data disk.

use super::disks::Disks;
use super::kernel_args::KernelArgs;
use super::{failed, plain, seed, sysctls, BootResult};
use crate::console::log;
use crate::guest::Data;
use crate::sys::mount::{enter_root, mount, sync, unmount, MS_BIND, MS_MOVE, MS_NODEV, MS_NOSUID, MS_RDONLY};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{chown, MetadataExt, PermissionsExt};
use std::path::Path;

const ROOT: &str = "/newroot";
/// Mount point of the data disk below the new root. At shutdown systemd leaves mounts below `/run/initramfs` alone until the
/// end and then remounts them read-only, so the file system is left clean.
pub const DATA: &str = "/run/initramfs/banger";

/// Mounts the image's file systems and makes them the root.
pub fn assemble(args: &KernelArgs, disks: &Disks) -> BootResult<Data> {
    let layers = mount_layers(args.layers, disks)?;
    let device = disks.node("data");
    mount_on("/data", device, "ext4", 0, "discard")?;
    mount_overlay(&layers, args.root)?;
    move_into_root()?;
    enter_root(ROOT).map_err(failed("entering the root"))?;
    // an image where this fails boots without /etc; a link to a folder of the image is fine
    if !Path::new("/etc").is_dir() {
        let _ = make_folder("/etc");
    }
    mount_modules(disks.node("modules")).unwrap_or_else(|problem| log(&problem));
    mount_direct_folders(args, disks.node("direct"))?;
    sysctls::apply();
    // most programs need it, and images with a single program often lack it
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

/// Mounts the layers; returns their mount points, top layer first, in the order of overlay's `lowerdir`.
pub fn mount_layers(count: usize, disks: &Disks) -> BootResult<Vec<String>> {
    let one = |at: usize| {
        let point = format!("/layer{at}");
        mount_on(&point, disks.node(&format!("layer{at}")), "squashfs", MS_RDONLY, "").map(|()| point)
    };
    (0..count).rev().map(one).collect()
}

/// Creates the mount point and mounts `source` on it.
pub fn mount_on(point: &str, source: &str, kind: &str, flags: libc::c_ulong, data: &str) -> BootResult<()> {
    fs::create_dir_all(point).map_err(failed(point))?;
    mount(source, point, kind, flags, data).map_err(failed(point))
}

/// `redirect_dir` allows renaming folders of the image. It is safe because the layers never change.
fn mount_overlay(layers: &[String], root: Option<(u32, u32, u32)>) -> BootResult<()> {
    let top = fs::metadata(&layers[0]).map_err(failed(&layers[0]))?;
    let (mode, uid, gid) = root.unwrap_or((top.mode() & 0o7777, top.uid(), top.gid()));
    for folder in ["/data/upper", "/data/work"] {
        fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    set_root_owner("/data/upper", mode, uid, gid).map_err(failed("/data/upper"))?;
    let paths = format!("lowerdir={},upperdir=/data/upper,workdir=/data/work", layers.join(":"));
    let options = format!("{paths},index=off,metacopy=off");
    mount_on(ROOT, "overlay", "overlay", 0, &format!("{options},redirect_dir=on"))
        .or_else(|_| mount_on(ROOT, "overlay", "overlay", 0, &options))
        .or_else(|_| mount_on(ROOT, "overlay", "overlay", 0, &paths))
}

/// Sets the mode and owner of the root folder: an overlay shows those of its upper directory.
fn set_root_owner(path: &str, mode: u32, uid: u32, gid: u32) -> std::io::Result<()> {
    let now = fs::metadata(path)?;
    if (now.uid(), now.gid()) != (uid, gid) {
        chown(path, Some(uid), Some(gid))?;
    }
    if now.mode() & 0o7777 != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(())
}

fn move_into_root() -> BootResult<()> {
    for folder in ["/dev", "/proc", "/sys"] {
        let target = format!("{ROOT}{folder}");
        make_folder(&target).map_err(failed(&target))?;
        mount(folder, &target, "", MS_MOVE, "").map_err(failed(&target))?;
    }
    let run = format!("{ROOT}/run");
    make_folder(&run).map_err(failed(&run))?;
    mount_on("/run.new", "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=20%")?;
    copy_run(Path::new(&run), Path::new("/run.new"));
    mount("/run.new", &run, "", MS_MOVE, "").map_err(failed(&run))?;
    let data = format!("{ROOT}{DATA}");
    fs::create_dir_all(&data).map_err(failed(&data))?;
    mount("/data", &data, "", MS_MOVE, "").map_err(failed(&data))?;
    let private = Permissions::from_mode(0o700);
    fs::set_permissions(format!("{ROOT}/run/initramfs"), private).map_err(failed("/run/initramfs"))
}

/// Copies the image's `/run`, such as folders for sockets of services, because the init might not recreate it. What systemd, udev
/// or an initramfs left there describes another machine and is skipped.
fn copy_run(from: &Path, to: &Path) {
    for item in fs::read_dir(from).into_iter().flatten().flatten() {
        let name = item.file_name();
        let target = to.join(&name);
        if name == "systemd" || name == "initramfs" || name == "udev" {
            continue;
        }
        if let Err(error) = seed::copy(&item.path(), &target) {
            log(&format!("/run/{}: {error}", name.to_string_lossy()));
        }
    }
}

/// Creates a folder. A file or a symbolic link in its place is removed, because a link could point anywhere.
fn make_folder(path: &str) -> std::io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => fs::remove_file(path)?,
        Err(_) => {}
    }
    fs::create_dir(path)
}

/// Does nothing for a kernel without modules.
fn mount_modules(device: &str) -> BootResult<()> {
    if device.is_empty() {
        return Ok(());
    }
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").map_err(failed("osrelease"))?;
    let point = format!("/lib/modules/{}", release.trim());
    mount_on(&point, device, "squashfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "")
}

/// Bind-mounts folders from the data disk: for file systems that can't be on an overlay, such as the upper directory of another
/// overlay, and for speed. A folder that can't be mounted is reported on the console.
fn mount_direct_folders(args: &KernelArgs, device: &str) -> BootResult<()> {
    let image = "/run/initramfs/direct";
    let is_seeded = args.direct_folders.iter().all(|folder| Path::new(&format!("{DATA}/direct{folder}")).exists());
    let from = if args.has_direct_layer && !is_seeded {
        mount_on(image, device, "squashfs", MS_RDONLY | MS_NODEV, "")?;
        image
    } else {
        ""
    };
    for folder in &args.direct_folders {
        mount_direct(from, folder).unwrap_or_else(|error| log(&format!("{folder}: {error}")));
    }
    if !from.is_empty() {
        unmount(image).map_err(failed(image))?;
    }
    Ok(())
}

/// On the first boot the folder gets the image's content: from `from`, the mount point of a saved image's direct folders, or else
/// from the overlay.
fn mount_direct(from: &str, folder: &str) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let source = format!("{DATA}/direct{folder}");
    if !Path::new(&source).exists() {
        let saved = format!("{from}{folder}");
        let initial = if !from.is_empty() && Path::new(&saved).is_dir() { &saved } else { folder };
        let new = format!("{DATA}/direct.new");
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(Path::new(&source).parent().unwrap_or(Path::new(DATA)))?;
        if seed::copy(Path::new(initial), Path::new(&new))? {
            sync();
        }
        fs::rename(&new, &source)?;
    }
    mount(&source, folder, "", MS_BIND, "")
}
