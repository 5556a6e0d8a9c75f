//! Finds the disks that the host lists in `banger.disks`, and refuses to boot from one that is not what it says.

use super::devices::wait_until;
use super::kernel_args::{Disk, KernelArgs};
use super::BootResult;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};

/// The unit in which a VMM gives a guest a disk: a file that ends within one is rounded up by QEMU, and down by Firecracker.
const SECTOR: u64 = 512;

/// Paths of device nodes by the disks' names.
#[derive(Debug)]
pub struct Disks(BTreeMap<String, String>);

impl Disks {
    /// Waits for all that are listed.
    pub fn find(args: &KernelArgs) -> BootResult<Disks> {
        require_listed(args)?;
        let absent = || args.disks.iter().find(|disk| size_of(disk).is_err());
        wait_until(|| absent().is_none()).map_err(|problem| match absent() {
            Some(disk) => format!("disk {} did not appear as {}: {problem}", disk.name, disk.node()),
            None => problem,
        })?;
        for disk in &args.disks {
            check_size(disk, size_of(disk).map_err(|error| format!("{}: {error}", disk.node()))?)?;
        }
        Ok(Disks(args.disks.iter().map(|disk| (disk.name.clone(), disk.node())).collect()))
    }

    /// Empty for a disk that the host did not list.
    pub fn node(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// The disks that the other kernel arguments ask for; further ones may be listed.
fn require_listed(args: &KernelArgs) -> BootResult<()> {
    let layers = (0..args.layers).map(|at| format!("layer{at}"));
    let direct = args.has_direct_layer.then(|| "direct".to_string());
    let mut required = layers.chain(direct).chain(["data".to_string()]);
    match required.find(|name| args.disks.iter().all(|disk| disk.name != *name)) {
        Some(name) => Err(format!("banger.disks lists no disk {name}")),
        None => Ok(()),
    }
}

/// Fails until the device is ready: its node is there a moment before it can be opened.
fn size_of(disk: &Disk) -> io::Result<u64> {
    File::open(disk.node())?.seek(SeekFrom::End(0))
}

/// Notices disks in another order than the host expected. mount(2) does so too where the file systems are of different types.
fn check_size(disk: &Disk, bytes: u64) -> BootResult<()> {
    if bytes.abs_diff(disk.bytes) < SECTOR {
        return Ok(());
    }
    Err(format!("{} has {bytes} bytes, so it is not disk {} ({} bytes)", disk.node(), disk.name, disk.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(line: &str) -> Option<String> {
        require_listed(&KernelArgs::parse(line)).err()
    }

    #[test]
    fn every_disk_that_is_needed_must_be_listed() {
        let two = "banger.disks=layer0:vda:4096,layer1:vdb:4096,data:vdc:4096";
        assert_eq!(missing(&format!("banger.layers=2 {two}")), None);
        assert_eq!(missing(&format!("banger.layers=1 {two}")), None);
        assert_eq!(missing(&format!("banger.layers=3 {two}")).unwrap(), "banger.disks lists no disk layer2");
        assert_eq!(missing(&format!("banger.layers=2 banger.directs=1 {two}")).unwrap(), "banger.disks lists no disk direct");
        assert_eq!(missing("banger.layers=0").unwrap(), "banger.disks lists no disk data");
        assert_eq!(missing("banger.mode=reader banger.layers=0 banger.disks=data:vda:1"), None);
    }

    #[test]
    fn a_disk_of_another_size_is_another_disk() {
        let disk = Disk { name: "data".to_string(), device: "vdb".to_string(), bytes: 8192 };
        assert_eq!(check_size(&disk, 8192), Ok(()));
        assert_eq!(check_size(&disk, 4096).unwrap_err(), "/dev/vdb has 4096 bytes, so it is not disk data (8192 bytes)");
        assert!(check_size(&disk, 8192 + 512).is_err());
        let ragged = Disk { bytes: 1000, ..disk };
        assert_eq!((check_size(&ragged, 512), check_size(&ragged, 1024)), (Ok(()), Ok(())));
        assert!(check_size(&ragged, 1536).is_err());
    }

    #[test]
    fn a_device_that_is_not_there_has_no_size() {
        assert!(size_of(&Disk { name: "data".to_string(), device: "no-such-device".to_string(), bytes: 0 }).is_err());
    }
}
