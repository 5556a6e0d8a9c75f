//! A VM that reads a disk for the host: it boots no image, runs nothing from the disk and writes nothing.

use super::disks::Disks;
use super::root::{mount_layers, mount_on};
use super::kernel_args::KernelArgs;
use super::BootResult;
use crate::sys::mount::{MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY};

const QUIET: libc::c_ulong = MS_RDONLY | MS_NODEV | MS_NOEXEC | MS_NOSUID;

/// Mounts the data disk at `/data`. If there are layers, mounts the VM's complete tree at `/merged`.
pub fn assemble(args: &KernelArgs, disks: &Disks) -> BootResult<()> {
    // read-only, but after a crash the kernel still replays the journal
    mount_on("/data", disks.node("data"), "ext4", QUIET, "")?;
    if args.layers == 0 {
        return Ok(());
    }
    let layers = mount_layers(args.layers, disks)?;
    let below = format!("lowerdir=/data/upper:{}", layers.join(":"));
    mount_on("/merged", "overlay", "overlay", QUIET, &format!("{below},redirect_dir=follow"))
        .or_else(|_| mount_on("/merged", "overlay", "overlay", QUIET, &below))
}
