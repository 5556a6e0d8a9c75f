//! The host's CA certificates, which the guest must trust as well: in the folder that update-ca-certificates reads, and in the bundles
//! that openssl, curl, git and others read.

use super::environment::Variables;
use super::files::{remove, replace, replace_if_other};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Bundles of Debian, Alpine and Arch; Fedora; openSUSE; older Red Hat systems; BusyBox and OpenSSL.
const BUNDLES: [&str; 5] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/ssl/ca-bundle.pem",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/cert.pem",
];
/// The host's CA certificates only, for programs that can load additional ones.
const EXTRA: &str = "usr/local/share/ca-certificates/banger.pem";
/// Certificates in a request at most.
const MAX: usize = 64;
/// Variables that make programs with a bundle of their own use the guest's instead.
const BUNDLE_NAMES: [&str; 4] = ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"];

/// Variables that make programs find the host's CA certificates, after `trust`. Each names a file that exists. One that replaces a
/// program's own bundle names a bundle that contains more than the host's certificates.
pub fn variables(root: &Path, certificates: &[String]) -> Variables {
    let mut variables = Variables::new();
    if certificates.is_empty() {
        return variables;
    }
    let length = |path: &str| fs::metadata(root.join(path)).ok().filter(fs::Metadata::is_file).map(|file| file.len());
    let made = certificates.iter().map(|certificate| certificate.len() as u64).sum::<u64>();
    if let Some(bundle) = BUNDLES.iter().find(|bundle| length(bundle).is_some_and(|length| length != made)) {
        for name in BUNDLE_NAMES {
            variables.insert(name.into(), format!("/{bundle}").into_bytes());
        }
    }
    if length(EXTRA).is_some() {
        variables.insert("NODE_EXTRA_CA_CERTS".into(), format!("/{EXTRA}").into_bytes());
    }
    variables
}

/// Makes the guest trust `certificates` and no longer those of `before` or of an earlier boot.
pub fn trust(root: &Path, before: &[String], certificates: &[String]) -> io::Result<()> {
    let written = read_written(root);
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
    let gone: Vec<&String> = before.iter().chain(&written).filter(|certificate| !certificates.contains(certificate)).collect();
    if certificates.is_empty() && gone.is_empty() {
        return Ok(());
    }
    if !certificates.is_empty() && BUNDLES.iter().all(|bundle| !root.join(bundle).exists()) {
        return create_bundle(root, &certificates.concat());
    }
    // some bundles are links to others and stay links
    let bundles = BUNDLES.iter().filter_map(|bundle| fs::canonicalize(root.join(bundle)).ok());
    for bundle in bundles.filter(|bundle| bundle.starts_with(root)) {
        update_bundle(&bundle, &gone, certificates)?;
    }
    Ok(())
}

/// The certificates that an earlier call wrote, perhaps before a reboot.
fn read_written(root: &Path) -> Vec<String> {
    let texts = (0..).map_while(|at| fs::read_to_string(file(root, at)).ok());
    texts.take(MAX).filter(|text| !text.is_empty()).collect()
}

/// Creates a bundle where OpenSSL, GnuTLS, curl and Go look by default. Only for an image that has none, so no program loses one.
fn create_bundle(root: &Path, text: &str) -> io::Result<()> {
    let bundle = root.join(BUNDLES[0]);
    let folder = bundle.parent().unwrap_or(root);
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    if fs::canonicalize(folder)?.starts_with(root) {
        replace(&bundle, text.as_bytes(), 0o644)?;
    }
    Ok(())
}

fn file(root: &Path, at: usize) -> PathBuf {
    root.join(format!("usr/local/share/ca-certificates/banger-{}.crt", at + 1))
}

/// Updates an existing bundle.
fn update_bundle(bundle: &Path, gone: &[&String], certificates: &[String]) -> io::Result<()> {
    let present = match fs::read_to_string(bundle) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let kept = gone.iter().fold(present.clone(), |text, certificate| text.replace(certificate.as_str(), ""));
    let missing: String =
        certificates.iter().filter(|certificate| !kept.contains(certificate.as_str())).map(String::as_str).collect();
    let separator = if kept.is_empty() || kept.ends_with('\n') { "" } else { "\n" };
    if kept.is_empty() && missing.is_empty() {
        // `create_bundle` created it
        return if present.is_empty() { Ok(()) } else { remove(bundle) };
    }
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
    use crate::testing::TempFolder;

    #[test]
    fn certificates_that_are_no_longer_trusted_are_removed_and_others_stay() {
        let root = TempFolder::new("certificates");
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
        // as after a reboot: the agent no longer remembers them
        trust(&root, &[], &[]).unwrap();
        assert_eq!(text(), "-image's own-\n");
        assert!(!file(&root, 0).exists());
    }

    #[test]
    fn variables_name_existing_files_and_links_stay_links() {
        let root = TempFolder::new("bundles");
        fs::create_dir_all(root.join("etc/ssl")).unwrap();
        let host = ["<a>\n".to_string()];
        trust(&root, &[], &host).unwrap();
        let names = |host: &[String]| variables(&root, host).into_iter().map(|(name, path)| String::from_utf8([name, path].join(&b'=')).unwrap()).collect::<Vec<_>>();
        assert_eq!(names(&host), [format!("NODE_EXTRA_CA_CERTS=/{EXTRA}")], "in an image without a bundle, programs keep their own");
        assert_eq!(fs::read_to_string(root.join(BUNDLES[0])).unwrap(), host[0], "and a bundle is created where they look by default");
        let other = ["<bb>\n".to_string()];
        trust(&root, &host, &other).unwrap();
        assert_eq!((fs::read_to_string(root.join(BUNDLES[0])).unwrap(), names(&other).len()), (other[0].clone(), 1));
        trust(&root, &other, &[]).unwrap();
        assert!(!root.join(BUNDLES[0]).exists(), "a bundle that was created is removed with its last certificate");
        fs::write(root.join(BUNDLES[0]), "").unwrap();
        trust(&root, &[], &host).unwrap();
        assert_eq!(names(&host).len(), 1, "an empty bundle, left by a saved image, counts as none");
        fs::remove_file(root.join(BUNDLES[0])).unwrap();
        fs::write(root.join("etc/ssl/real.pem"), "-own-\n").unwrap();
        std::os::unix::fs::symlink("real.pem", root.join("etc/ssl/cert.pem")).unwrap();
        trust(&root, &[], &host).unwrap();
        assert!(names(&host).contains(&"SSL_CERT_FILE=/etc/ssl/cert.pem".to_string()) && names(&host).len() == 5);
        assert_eq!(fs::read_to_string(root.join("etc/ssl/real.pem")).unwrap(), "-own-\n<a>\n");
        trust(&root, &host, &[]).unwrap();
        assert_eq!(fs::read_to_string(root.join("etc/ssl/real.pem")).unwrap(), "-own-\n");
        assert!(fs::symlink_metadata(root.join("etc/ssl/cert.pem")).unwrap().is_symlink() && !root.join(EXTRA).exists());
        assert!(variables(&root, &[]).is_empty());
    }
}
