//! The number of this boot, as processes see it. The kernel makes its own when it is first asked for, and keeps it; so copies
//! of a machine where somebody has asked would all have the same.

use super::files::{remove, replace};
use crate::sys::mount::{mount, unmount_lazily, MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REMOUNT};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const KERNELS: &str = "/proc/sys/kernel/random/boot_id";
const OURS: &str = "/run/banger/boot_id";

/// A service with one of these settings (logind, networkd and timesyncd have some) gets its own /proc, where our file does not cover
/// the kernel's. This drop-in turns them off for every service of a machine that is to be copied: systemd.unit(5).
const SETTINGS: &str = "[Service]\nProtectProc=default\nProcSubset=all\nProtectControlGroups=no\n";
const SETTINGS_FILE: &str = "/run/systemd/system/service.d/50-banger-boot-id.conf";

/// What is at the kernel's path.
#[derive(Default)]
pub enum BootId {
    /// the kernel's own
    #[default]
    Own,
    /// a file of ours, and nobody has asked the kernel yet: a handle to ask it by
    Hidden(File),
    /// a file of ours that says what the kernel says, which can go
    Veiled,
    /// a file of ours in place of what the kernel says
    Masked,
}

impl BootId {
    /// Before anything of the image runs, in a machine that is to be copied.
    pub fn hide(&mut self, is_systemd: bool) -> io::Result<()> {
        if matches!(self, BootId::Own) {
            if is_systemd {
                replace(Path::new(SETTINGS_FILE), SETTINGS.as_bytes(), 0o644)?;
            }
            let kernels = File::open(KERNELS)?;
            show(&fresh()?)?;
            cover()?;
            *self = BootId::Hidden(kernels);
        }
        Ok(())
    }

    /// Another one from now on.
    pub fn renew(&mut self) -> io::Result<()> {
        match self {
            BootId::Hidden(kernels) => {
                show(&read(kernels)?)?;
                *self = BootId::Veiled;
            }
            BootId::Own => {
                show(&fresh()?)?;
                cover()?;
                *self = BootId::Masked;
            }
            BootId::Veiled | BootId::Masked => {
                show(&fresh()?)?;
                *self = BootId::Masked;
            }
        }
        Ok(())
    }

    /// A mount in /proc that is no longer needed goes: with one, no user namespace may mount a /proc of its own.
    pub fn unveil(&mut self) -> io::Result<()> {
        if matches!(self, BootId::Veiled) {
            unmount_lazily(KERNELS)?;
            *self = BootId::Own;
            fs::remove_file(OURS)?;
            // for services that start after the next daemon-reload
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

/// The file stays the same one, and with it the mount.
fn show(id: &[u8]) -> io::Result<()> {
    replace(Path::new(OURS), id, 0o444)
}

fn cover() -> io::Result<()> {
    mount(OURS, KERNELS, "", MS_BIND, "")?;
    let flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    mount("", KERNELS, "", flags, "")
}
