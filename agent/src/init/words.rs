//! The host's words on the kernel command line.

#[derive(Debug, PartialEq)]
pub struct Words {
    pub layers: usize,
    /// folders of the root that live on the data disk itself
    pub direct: Vec<String>,
    /// the image's init may be used
    pub use_init: bool,
    pub vsock: bool,
}

impl Words {
    pub fn parse(cmdline: &str) -> Words {
        let value = |name: &str| cmdline.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let is_plain = |path: &&str| path.starts_with('/') && path.len() > 1 && !path.split('/').any(|part| part == "..");
        Words {
            layers: value("banger.layers").and_then(|text| text.parse().ok()).unwrap_or(1).clamp(1, 16),
            direct: value("banger.direct").unwrap_or_default().split(',').filter(is_plain).map(String::from).collect(),
            use_init: value("banger.init") != Some("none"),
            vsock: value("banger.port") == Some("vsock"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_and_bounded() {
        let words = Words::parse("quiet banger.layers=3 banger.direct=/var/lib/docker,/../x,relative banger.init=none\n");
        let direct = vec!["/var/lib/docker".to_string()];
        assert_eq!(words, Words { layers: 3, direct, use_init: false, vsock: false });
        assert_eq!(Words::parse("banger.layers=99999 banger.port=vsock").layers, 16);
        assert_eq!(Words::parse("").layers, 1);
    }
}
