//! A machine that reads a disk for the host: no image's root, nothing of it runs, nothing is written.

use super::devices::Disks;
use super::root::{mount_layers, mount_on};
use super::kernel_args::KernelArgs;
use super::BootResult;
use crate::sys::mount::{MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY};

const QUIET: libc::c_ulong = MS_RDONLY | MS_NODEV | MS_NOEXEC | MS_NOSUID;

/// The data disk is at `/data` then. With layers the whole tree of its machine is at `/merged`.
pub fn assemble(args: &KernelArgs, disks: &Disks) -> BootResult<()> {
    let node = |serial: &str| disks.get(serial).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    // read-only for us; the kernel still puts in order what a crash left in the journal
    mount_on("/data", &node("data"), "ext4", QUIET, "")?;
    if args.layers == 0 {
        return Ok(());
    }
    let layers = mount_layers(args.layers, node)?;
    let below = format!("lowerdir=/data/upper:{}", layers.join(":"));
    mount_on("/merged", "overlay", "overlay", QUIET, &format!("{below},redirect_dir=follow"))
        .or_else(|_| mount_on("/merged", "overlay", "overlay", QUIET, &below))
}
