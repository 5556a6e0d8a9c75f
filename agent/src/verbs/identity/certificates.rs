//! Certificate authorities of the host that the guest is to trust: where update-ca-certificates finds them again, and in the
//! bundles that openssl, curl, git and others read now.

use super::files::{replace, replace_if_other};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Debian, Alpine, Arch, openSUSE and others; Fedora and its kin.
const BUNDLES: [&str; 3] =
    ["etc/ssl/certs/ca-certificates.crt", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "etc/ssl/ca-bundle.pem"];

/// `before`: those that the machine was told to trust and may trust no longer.
pub fn trust(root: &Path, before: &[String], certificates: &[String]) -> io::Result<()> {
    for (at, certificate) in certificates.iter().enumerate() {
        replace_if_other(&file(root, at), certificate.as_bytes(), 0o644)?;
    }
    let mut left = certificates.len();
    while fs::remove_file(file(root, left)).is_ok() {
        left += 1;
    }
    let gone: Vec<&String> = before.iter().filter(|certificate| !certificates.contains(certificate)).collect();
    if certificates.is_empty() && gone.is_empty() {
        return Ok(());
    }
    for bundle in BUNDLES {
        change(&root.join(bundle), &gone, certificates)?;
    }
    Ok(())
}

fn file(root: &Path, at: usize) -> PathBuf {
    root.join(format!("usr/local/share/ca-certificates/banger-{}.crt", at + 1))
}

/// A bundle that is there.
fn change(bundle: &Path, gone: &[&String], certificates: &[String]) -> io::Result<()> {
    let present = match fs::read_to_string(bundle) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let kept = gone.iter().fold(present.clone(), |text, certificate| text.replace(certificate.as_str(), ""));
    let missing: String =
        certificates.iter().filter(|certificate| !kept.contains(certificate.as_str())).map(String::as_str).collect();
    let separator = if kept.is_empty() || kept.ends_with('\n') { "" } else { "\n" };
    if kept.len() < present.len() {
        let mode = fs::metadata(bundle)?.permissions().mode() & 0o7777;
        return replace(bundle, format!("{kept}{separator}{missing}").as_bytes(), mode);
    }
    if missing.is_empty() {
        return Ok(());
    }
    OpenOptions::new().append(true).open(bundle)?.write_all(format!("{separator}{missing}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_trusted_no_longer_is_gone_and_the_rest_stays() {
        let root = std::env::temp_dir().join(format!("banger-certificates-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let bundle = root.join(BUNDLES[0]);
        fs::create_dir_all(bundle.parent().unwrap()).unwrap();
        fs::write(&bundle, "-image's own-").unwrap();
        let text = || fs::read_to_string(&bundle).unwrap();
        let list = |names: &[&str]| names.iter().map(|name| format!("<{name}>\n")).collect::<Vec<_>>();
        trust(&root, &[], &list(&["a", "b"])).unwrap();
        assert_eq!(text(), "-image's own-\n<a>\n<b>\n");
        trust(&root, &list(&["a", "b"]), &list(&["c"])).unwrap();
        assert_eq!(text(), "-image's own-\n<c>\n");
        assert!(file(&root, 0).exists() && !file(&root, 1).exists());
        trust(&root, &list(&["c"]), &[]).unwrap();
        assert_eq!(text(), "-image's own-\n");
        assert!(!file(&root, 0).exists());
        fs::remove_dir_all(&root).unwrap();
    }
}
