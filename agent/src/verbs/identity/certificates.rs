//! Certificate authorities of the host that the guest is to trust: where update-ca-certificates finds them again, and in the
//! bundles that openssl, curl, git and others read now.

use super::files::replace_if_other;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Debian, Alpine, Arch, openSUSE and others; Fedora and its kin.
const BUNDLES: [&str; 3] =
    ["etc/ssl/certs/ca-certificates.crt", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "etc/ssl/ca-bundle.pem"];

pub fn trust(root: &Path, certificates: &[String]) -> io::Result<()> {
    if certificates.is_empty() {
        return Ok(());
    }
    for (at, certificate) in certificates.iter().enumerate() {
        let path = root.join(format!("usr/local/share/ca-certificates/banger-{}.crt", at + 1));
        replace_if_other(&path, certificate.as_bytes(), 0o644)?;
    }
    for bundle in BUNDLES {
        append_missing(&root.join(bundle), certificates)?;
    }
    Ok(())
}

fn append_missing(bundle: &Path, certificates: &[String]) -> io::Result<()> {
    let present = match fs::read_to_string(bundle) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let missing: String =
        certificates.iter().filter(|certificate| !present.contains(certificate.as_str())).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let separator = if present.is_empty() || present.ends_with('\n') { "" } else { "\n" };
    OpenOptions::new().append(true).open(bundle)?.write_all(format!("{separator}{missing}").as_bytes())
}
