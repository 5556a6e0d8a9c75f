//! TERM: full-screen programs do not work if the guest has no terminfo entry for the host's terminal.

use std::path::Path;

/// Folders of terminfo entries in various distributions: terminfo(5).
const FOLDERS: [&str; 4] = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo"];

/// `wanted` if it has an entry, else the most capable related terminal that has one. If none has, programs use tables of their own,
/// and the name stays.
pub fn known(wanted: &str) -> &str {
    known_by(wanted, |name| FOLDERS.iter().any(|folder| is_in(Path::new(folder), name)))
}

/// The entry is `x/xterm`, or `78/xterm` on case-insensitive file systems.
fn is_in(folder: &Path, name: &str) -> bool {
    let Some(first) = name.chars().next().filter(|_| !name.contains(['/', '\0']) && name != "." && name != "..") else {
        return false;
    };
    folder.join(first.to_string()).join(name).exists() || folder.join(format!("{:x}", first as u32)).join(name).exists()
}

fn known_by(wanted: &str, is_known: impl Fn(&str) -> bool) -> &str {
    let inside = wanted.starts_with("screen") || wanted.starts_with("tmux");
    let relatives: &[&str] = if inside {
        &["screen-256color", "screen", "xterm-256color", "xterm", "vt100"]
    } else {
        &["xterm-256color", "xterm", "vt100"]
    };
    [wanted].iter().chain(relatives).find(|name| is_known(name)).copied().unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_terminal_becomes_its_most_capable_known_relative() {
        let debian = |name: &str| ["xterm-256color", "xterm", "vt100", "screen", "linux", "dumb"].contains(&name);
        let minimal = |name: &str| ["xterm", "vt100"].contains(&name);
        for (wanted, known, bare) in [
            ("xterm-kitty", "xterm-256color", "xterm"),
            ("xterm-ghostty", "xterm-256color", "xterm"),
            ("foot", "xterm-256color", "xterm"),
            ("tmux-256color", "screen", "xterm"),
            ("xterm", "xterm", "xterm"),
            ("", "xterm-256color", "xterm"),
        ] {
            assert_eq!((known_by(wanted, debian), known_by(wanted, minimal)), (known, bare), "{wanted}");
        }
        assert_eq!(known_by("dumb", debian), "dumb");
        assert_eq!(known_by("foot", |_| false), "foot");
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_folder() {
        let folder = std::env::temp_dir();
        for name in ["", ".", "..", "a/../../etc/passwd", "../x", "é", "a\0b"] {
            assert!(!is_in(&folder, name), "{name:?}");
        }
    }
}
