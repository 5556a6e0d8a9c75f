//! What the host says on the kernel's command line.

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Port {
    Virtio,
    Vsock,
}

#[derive(Debug, PartialEq)]
pub struct Words {
    /// squashfs layers of the image
    pub layers: usize,
    pub port: Port,
    /// absolute folders that live on the data disk itself
    pub direct: Vec<String>,
    /// an init of the image gets PID 1
    pub wants_init: bool,
    /// the image says what the direct folders hold at first: a squashfs of serial `direct`
    pub directs: bool,
    /// no machine to boot: the data disk is only read
    pub is_reader: bool,
    /// mode and owner of the root folder; None: as the highest layer has it
    pub root: Option<(u32, u32, u32)>,
}

impl Words {
    pub fn read() -> Words {
        Words::parse(&std::fs::read_to_string("/proc/cmdline").unwrap_or_default())
    }

    /// Of a word that is there twice the last one counts.
    pub fn parse(line: &str) -> Words {
        let mut words = Words {
            layers: 1,
            port: Port::Virtio,
            direct: Vec::new(),
            directs: false,
            is_reader: false,
            wants_init: true,
            root: None,
        };
        for (name, value) in line.split_whitespace().filter_map(|word| word.strip_prefix("banger.")?.split_once('=')) {
            match name {
                "layers" => words.layers = value.parse().unwrap_or(1),
                "port" => words.port = if value == "vsock" { Port::Vsock } else { Port::Virtio },
                "direct" => words.direct = value.split(',').filter(|path| is_safe(path)).map(String::from).collect(),
                "directs" => words.directs = value == "1",
                "mode" => words.is_reader = value == "reader",
                "root" => words.root = root(value),
                "init" => words.wants_init = value != "none",
                _ => {}
            }
        }
        words
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
    fn words_of_others_are_passed_over() {
        let words = Words::parse("console=ttyS0 banger.layers=3 quiet banger.port=vsock banger.direct=/a,/b/c,../d,/,/e/../f banger.init=none banger.root=1751,7,8 x.banger.layers=9\n");
        let direct = vec!["/a".to_string(), "/b/c".to_string()];
        let none = Words::parse("");
        assert_eq!(words, Words { layers: 3, port: Port::Vsock, direct, wants_init: false, root: Some((0o1751, 7, 8)), ..none });
        let reader = Words::parse("banger.mode=reader banger.directs=1 banger.layers=0");
        assert_eq!((reader.is_reader, reader.directs, reader.layers), (true, true, 0));
        assert_eq!(Words::parse("").layers, 1);
    }
}
