//! Device nodes for development tools, in images without udev, and the kernel modules for them.

use crate::sys::{device, open};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

struct Node {
    path: &'static str,
    module: &'static str,
    /// as in udev's rules
    mode: u32,
    minor: u32,
}

/// Major number of miscellaneous devices: Documentation/admin-guide/devices.txt.
const MAJOR: u32 = 10;
const NODES: [Node; 3] = [
    Node { path: "/dev/fuse", module: "fuse", mode: 0o666, minor: 229 },
    Node { path: "/dev/net/tun", module: "tun", mode: 0o666, minor: 200 },
    Node { path: "/dev/loop-control", module: "loop", mode: 0o660, minor: 237 },
];

/// Creates the nodes; ignores failures, because not every kernel has each device.
pub fn make() {
    // if the image has modprobe, opening a node loads its module
    let loads_itself = ["/sbin/modprobe", "/usr/sbin/modprobe"].iter().any(|path| Path::new(path).exists());
    let modules = fs::read_to_string(dependencies_file()).unwrap_or_default();
    for node in &NODES {
        if !loads_itself {
            load(node.module, &modules);
        }
        let path = Path::new(node.path);
        if !path.exists() {
            let _ = path.parent().map(fs::create_dir_all);
            let device = libc::makedev(MAJOR, node.minor);
            let _ = open::make_node(libc::AT_FDCWD, node.path.as_bytes(), libc::S_IFCHR | node.mode, device);
        }
        let _ = fs::set_permissions(path, Permissions::from_mode(node.mode));
    }
}

fn folder() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("/lib/modules/{}", release.trim())
}

fn dependencies_file() -> String {
    format!("{}/modules.dep", folder())
}

fn load(module: &str, modules: &str) {
    for path in files_of(module, modules) {
        if let Ok(file) = File::open(format!("{}/{path}", folder())) {
            let _ = device::load_module(&file);
        }
    }
}

/// The files to load for a module, in order. modules.dep(5): `path: path path`, where the last one has to be loaded first.
fn files_of<'a>(module: &str, modules: &'a str) -> Vec<&'a str> {
    let is_it = |path: &str| {
        let name = path.rsplit('/').next().and_then(|file| file.split_once(".ko")).map(|(name, _)| name.replace('-', "_"));
        name.as_deref() == Some(module)
    };
    let mut lines = modules.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(path, _)| is_it(path));
    found.map_or(Vec::new(), |(path, needed)| needed.split_whitespace().rev().chain([path]).collect())
}

#[cfg(test)]
mod tests {
    use super::files_of;

    #[test]
    fn a_modules_dependencies_are_loaded_before_it() {
        let modules = "kernel/fs/fuse/cuse.ko: kernel/fs/fuse/fuse.ko\nkernel/fs/fuse/fuse.ko:\na/b-c.ko.xz: a/d.ko a/e.ko\n";
        assert_eq!(files_of("fuse", modules), ["kernel/fs/fuse/fuse.ko"]);
        assert_eq!(files_of("b_c", modules), ["a/e.ko", "a/d.ko", "a/b-c.ko.xz"]);
        assert!(files_of("loop", modules).is_empty());
    }
}
