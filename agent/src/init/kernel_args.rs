//! The host's settings on the kernel command line: `banger.NAME=VALUE`.

/// How the host connects to the agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Transport {
    Virtio,
    Vsock,
}

/// Arguments that are missing or invalid have their defaults.
#[derive(Debug, PartialEq)]
pub struct KernelArgs {
    /// squashfs layers of the image
    pub layers: usize,
    pub transport: Transport,
    /// absolute paths of folders that are bind mounts from the data disk instead of part of the overlay
    pub direct_folders: Vec<String>,
    /// run the image's init, if it has one, as PID 1
    pub wants_init: bool,
    /// the disk with serial `direct` is a squashfs with the initial content of the direct folders
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
            transport: Transport::Virtio,
            direct_folders: Vec::new(),
            has_direct_layer: false,
            is_reader: false,
            wants_init: true,
            root: None,
        };
        for (name, value) in line.split_whitespace().filter_map(|word| word.strip_prefix("banger.")?.split_once('=')) {
            match name {
                "layers" => args.layers = value.parse().unwrap_or(1),
                "port" => args.transport = if value == "vsock" { Transport::Vsock } else { Transport::Virtio },
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
        let args = KernelArgs::parse("console=ttyS0 banger.layers=3 quiet banger.port=vsock banger.direct=/a,/b/c,../d,/,/e/../f banger.init=none banger.root=1751,7,8 x.banger.layers=9\n");
        let direct_folders = vec!["/a".to_string(), "/b/c".to_string()];
        let none = KernelArgs::parse("");
        assert_eq!(args, KernelArgs { layers: 3, transport: Transport::Vsock, direct_folders, wants_init: false, root: Some((0o1751, 7, 8)), ..none });
        let reader = KernelArgs::parse("banger.mode=reader banger.directs=1 banger.layers=0");
        assert_eq!((reader.is_reader, reader.has_direct_layer, reader.layers), (true, true, 0));
        assert_eq!(KernelArgs::parse("").layers, 1);
    }
}
