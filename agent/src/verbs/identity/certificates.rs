//! Certificate authorities of the host that the guest is to trust: where update-ca-certificates finds them again, and in the
//! bundles that openssl, curl, git and others read now.

use super::environment::Variables;
use super::files::{remove, replace, replace_if_other};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Debian, Alpine, Arch and others; Fedora and its kin; openSUSE; BusyBox's and OpenSSL's own.
const BUNDLES: [&str; 5] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/ssl/ca-bundle.pem",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/cert.pem",
];
/// The host's authorities alone, for programs that take more of them beside their own.
const EXTRA: &str = "usr/local/share/ca-certificates/banger.pem";
/// Programs that have authorities of their own are led to the machine's bundle by these.
const BUNDLE_NAMES: [&str; 4] = ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"];

/// Variables by which programs find the host's authorities; each names a file that is there, after `trust`.
pub fn variables(root: &Path, certificates: &[String]) -> Variables {
    let mut variables = Variables::new();
    if certificates.is_empty() {
        return variables;
    }
    let is_there = |path: &&&str| fs::metadata(root.join(path)).is_ok_and(|file| file.is_file());
    if let Some(bundle) = BUNDLES.iter().find(is_there) {
        for name in BUNDLE_NAMES {
            variables.insert(name.into(), format!("/{bundle}").into_bytes());
        }
    }
    if is_there(&&EXTRA) {
        variables.insert("NODE_EXTRA_CA_CERTS".into(), format!("/{EXTRA}").into_bytes());
    }
    variables
}

/// `before`: those that the machine was told to trust and may trust no longer.
pub fn trust(root: &Path, before: &[String], certificates: &[String]) -> io::Result<()> {
    for (at, certificate) in certificates.iter().enumerate() {
        replace_if_other(&file(root, at), certificate.as_bytes(), 0o644)?;
    }
    if certificates.is_empty() {
        remove(&root.join(EXTRA))?;
    } else {
        replace_if_other(&root.join(EXTRA), certificates.concat().as_bytes(), 0o644)?;
    }
    let mut left = certificates.len();
    while fs::remove_file(file(root, left)).is_ok() {
        left += 1;
    }
    let gone: Vec<&String> = before.iter().filter(|certificate| !certificates.contains(certificate)).collect();
    if certificates.is_empty() && gone.is_empty() {
        return Ok(());
    }
    // some are links to others, which stay links
    let bundles = BUNDLES.iter().filter_map(|bundle| fs::canonicalize(root.join(bundle)).ok());
    for bundle in bundles.filter(|bundle| bundle.starts_with(root)) {
        change(&bundle, &gone, certificates)?;
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

    #[test]
    fn variables_name_files_that_are_there_and_links_stay_links() {
        let root = fs::canonicalize(std::env::temp_dir()).unwrap().join(format!("banger-bundles-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("etc/ssl")).unwrap();
        let host = ["<a>\n".to_string()];
        trust(&root, &[], &host).unwrap();
        let names = |host: &[String]| variables(&root, host).into_iter().map(|(name, path)| String::from_utf8([name, path].join(&b'=')).unwrap()).collect::<Vec<_>>();
        assert_eq!(names(&host), [format!("NODE_EXTRA_CA_CERTS=/{EXTRA}")], "an image without a bundle keeps what its programs have");
        fs::write(root.join("etc/ssl/real.pem"), "-own-\n").unwrap();
        std::os::unix::fs::symlink("real.pem", root.join("etc/ssl/cert.pem")).unwrap();
        trust(&root, &[], &host).unwrap();
        assert!(names(&host).contains(&"SSL_CERT_FILE=/etc/ssl/cert.pem".to_string()) && names(&host).len() == 5);
        assert_eq!(fs::read_to_string(root.join("etc/ssl/real.pem")).unwrap(), "-own-\n<a>\n");
        trust(&root, &host, &[]).unwrap();
        assert_eq!(fs::read_to_string(root.join("etc/ssl/real.pem")).unwrap(), "-own-\n");
        assert!(fs::symlink_metadata(root.join("etc/ssl/cert.pem")).unwrap().is_symlink() && !root.join(EXTRA).exists());
        assert!(variables(&root, &[]).is_empty());
        fs::remove_dir_all(&root).unwrap();
    }
}
