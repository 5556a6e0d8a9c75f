//! The boot id that processes see. The kernel generates its own when it is first read, and never changes it. So if it was read before
//! a VM is copied, all copies have the same.

use super::files::{remove, replace};
use crate::sys::mount::{mount, unmount_lazily, MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REMOUNT};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const KERNELS_FILE: &str = "/proc/sys/kernel/random/boot_id";
const OUR_FILE: &str = "/run/banger/boot_id";

/// A drop-in for all services of a template (systemd.unit(5)). With any of these settings, which logind, networkd and timesyncd use, a
/// service gets its own /proc, in which the kernel's file is visible again.
const SETTINGS: &str = "[Service]\nProtectProc=default\nProcSubset=all\nProtectControlGroups=no\n";
const SETTINGS_FILE: &str = "/run/systemd/system/service.d/50-banger-boot-id.conf";

/// Which file is visible at the kernel's path.
#[derive(Default)]
pub enum BootId {
    /// the kernel's
    #[default]
    Kernel,
    /// our file; the kernel's has not been read yet, and this handle can read it
    Unread(File),
    /// our file, with the kernel's boot id: it can be unmounted
    Equal,
    /// our file, with another boot id than the kernel's
    Different,
}

impl BootId {
    /// In a template: covers the kernel's file before any program of the image runs.
    pub fn cover(&mut self, is_systemd: bool) -> io::Result<()> {
        if matches!(self, BootId::Kernel) {
            if is_systemd {
                replace(Path::new(SETTINGS_FILE), SETTINGS.as_bytes(), 0o644)?;
            }
            let kernels = File::open(KERNELS_FILE)?;
            write_ours(&fresh()?)?;
            cover_kernels()?;
            *self = BootId::Unread(kernels);
        }
        Ok(())
    }

    /// Changes the boot id.
    pub fn renew(&mut self) -> io::Result<()> {
        match self {
            BootId::Unread(kernels) => {
                write_ours(&read(kernels)?)?;
                *self = BootId::Equal;
            }
            BootId::Kernel => {
                write_ours(&fresh()?)?;
                cover_kernels()?;
                *self = BootId::Different;
            }
            BootId::Equal | BootId::Different => {
                write_ours(&fresh()?)?;
                *self = BootId::Different;
            }
        }
        Ok(())
    }

    /// Unmounts our file if it has the kernel's boot id: with a mount in /proc, no user namespace can mount its own /proc.
    pub fn uncover_if_equal(&mut self) -> io::Result<()> {
        if matches!(self, BootId::Equal) {
            unmount_lazily(KERNELS_FILE)?;
            *self = BootId::Kernel;
            fs::remove_file(OUR_FILE)?;
            // takes effect for services that start after the next daemon-reload
            remove(Path::new(SETTINGS_FILE))?;
        }
        Ok(())
    }
}

fn fresh() -> io::Result<Vec<u8>> {
    fs::read("/proc/sys/kernel/random/uuid")
}

fn read(kernels: &File) -> io::Result<Vec<u8>> {
    let mut text = [0; 64];
    let length = kernels.read_at(&mut text, 0)?;
    Ok(text[..length].to_vec())
}

/// Overwrites our file in place, so that a mount of it shows the new content.
fn write_ours(id: &[u8]) -> io::Result<()> {
    replace(Path::new(OUR_FILE), id, 0o444)
}

fn cover_kernels() -> io::Result<()> {
    mount(OUR_FILE, KERNELS_FILE, "", MS_BIND, "")?;
    let flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    mount("", KERNELS_FILE, "", flags, "")
}
