//! The host's settings on the kernel command line: `banger.NAME=VALUE`.

/// How the host connects to the agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Transport {
    Virtio,
    Vsock,
}

/// A disk as the host describes it: `NAME:DEVICE:BYTES`.
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    /// what it is for: `data`, `layer0`
    pub name: String,
    /// the kernel's name: `vda`
    pub device: String,
    pub bytes: u64,
}

impl Disk {
    /// Path of the device node.
    pub fn node(&self) -> String {
        format!("/dev/{}", self.device)
    }

    /// None for a text that describes no disk.
    fn parse(text: &str) -> Option<Disk> {
        let mut parts = text.split(':');
        let (name, device, bytes) = (parts.next()?, parts.next()?, parts.next()?);
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_valid = parts.next().is_none() && is_plain(name) && is_plain(device);
        is_valid.then_some(Disk { name: name.to_string(), device: device.to_string(), bytes: bytes.parse().ok()? })
    }
}

/// Arguments that are missing or invalid have their defaults.
#[derive(Debug, PartialEq)]
pub struct KernelArgs {
    /// squashfs layers of the image: the disks `layer0` (lowest), `layer1`, …
    pub layers: usize,
    /// all disks of the VM
    pub disks: Vec<Disk>,
    pub transport: Transport,
    /// the guest's network is a TAP of the agent's: the VMM has no network device that it could give
    pub has_tap: bool,
    /// absolute paths of folders that are bind mounts from the data disk instead of part of the overlay
    pub direct_folders: Vec<String>,
    /// run the image's init, if it has one, as PID 1
    pub wants_init: bool,
    /// the disk `direct` is a squashfs with the initial content of the direct folders
    pub has_direct_layer: bool,
    /// do not boot an image: serve the data disk's files, read-only
    pub is_reader: bool,
    /// mode, uid and gid of the root folder; None: those of the top layer
    pub root: Option<(u32, u32, u32)>,
}

impl KernelArgs {
    pub fn read() -> KernelArgs {
        KernelArgs::parse(&std::fs::read_to_string("/proc/cmdline").unwrap_or_default())
    }

    /// When an argument appears more than once, the last one wins.
    pub fn parse(line: &str) -> KernelArgs {
        let mut args = KernelArgs {
            layers: 1,
            disks: Vec::new(),
            transport: Transport::Virtio,
            has_tap: false,
            direct_folders: Vec::new(),
            has_direct_layer: false,
            is_reader: false,
            wants_init: true,
            root: None,
        };
        for (name, value) in line.split_whitespace().filter_map(|word| word.strip_prefix("banger.")?.split_once('=')) {
            match name {
                "layers" => args.layers = value.parse().unwrap_or(1),
                "disks" => args.disks = value.split(',').filter_map(Disk::parse).collect(),
                "port" => args.transport = if value == "vsock" { Transport::Vsock } else { Transport::Virtio },
                "net" => args.has_tap = value == "tap",
                "direct" => args.direct_folders = value.split(',').filter(|path| is_safe(path)).map(String::from).collect(),
                "directs" => args.has_direct_layer = value == "1",
                "mode" => args.is_reader = value == "reader",
                "root" => args.root = root(value),
                "init" => args.wants_init = value != "none",
                _ => {}
            }
        }
        args
    }
}

/// `mode,uid,gid`, the mode octal.
fn root(value: &str) -> Option<(u32, u32, u32)> {
    let mut parts = value.split(',');
    let mode = u32::from_str_radix(parts.next()?, 8).ok()?;
    Some((mode & 0o7777, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn is_safe(path: &str) -> bool {
    path.len() > 1 && path.starts_with('/') && !path.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_arguments_are_ignored() {
        let args = KernelArgs::parse("console=ttyS0 banger.layers=3 quiet banger.port=vsock banger.net=tap banger.direct=/a,/b/c,../d,/,/e/../f banger.init=none banger.root=1751,7,8 x.banger.layers=9\n");
        let direct_folders = vec!["/a".to_string(), "/b/c".to_string()];
        let none = KernelArgs::parse("");
        assert_eq!(args, KernelArgs { layers: 3, transport: Transport::Vsock, has_tap: true, direct_folders, wants_init: false, root: Some((0o1751, 7, 8)), ..none });
        let reader = KernelArgs::parse("banger.mode=reader banger.directs=1 banger.layers=0");
        assert_eq!((reader.is_reader, reader.has_direct_layer, reader.layers), (true, true, 0));
        assert_eq!(KernelArgs::parse("").layers, 1);
    }

    #[test]
    fn only_well_formed_disks_are_listed() {
        let disk = |name: &str, device: &str, bytes| Disk { name: name.to_string(), device: device.to_string(), bytes };
        let args = KernelArgs::parse("banger.disks=layer0:vda:4096,data:vdb:8589934592");
        assert_eq!(args.disks, [disk("layer0", "vda", 4096), disk("data", "vdb", 8_589_934_592)]);
        assert_eq!(args.disks[1].node(), "/dev/vdb");
        let bad = "a:vda,b:vdb:,c:vdc:-1,d:../sda:1,:vde:1,e::1,f:vdf:1:1,g:vdg:99999999999999999999,data";
        assert_eq!(KernelArgs::parse(&format!("banger.disks={bad}")).disks, []);
    }
}
