//! The files in the guest that say who it is. The image made the tree, so nothing that stands in the way is trusted:
//! a link in place of a file is replaced, not written through.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{chown, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub struct GuestFiles<'a> {
    root: &'a Path,
}

impl GuestFiles<'_> {
    pub fn new(root: &Path) -> GuestFiles<'_> {
        GuestFiles { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Replaces the file by a new one.
    fn write(&self, name: &str, mode: u32, text: &str) -> io::Result<()> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(Permissions::from_mode(mode))
    }

    pub fn hostname(&self, name: &str) -> io::Result<()> {
        self.write("etc/hostname", 0o644, &format!("{name}\n"))?;
        let old = fs::read_to_string(self.path("etc/hosts")).unwrap_or_default();
        self.write("etc/hosts", 0o644, &hosts_with(&old, name))
    }

    pub fn machine_id(&self, id: &str) -> io::Result<()> {
        self.write("etc/machine-id", 0o444, &format!("{id}\n"))?;
        // D-Bus keeps its own where it is no link to the above
        let dbus = self.path("var/lib/dbus/machine-id");
        if fs::symlink_metadata(&dbus).is_ok_and(|metadata| metadata.is_file()) {
            self.write("var/lib/dbus/machine-id", 0o444, &format!("{id}\n"))?;
        }
        Ok(())
    }

    /// Owners and modes as sshd's StrictModes wants them.
    pub fn authorized_keys(&self, keys: &[&str]) -> io::Result<()> {
        for folder in ["root", "root/.ssh"] {
            let path = self.path(folder);
            if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_dir()) {
                fs::remove_file(&path)?;
            }
            fs::create_dir_all(&path)?;
            give_to_root(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        }
        let lines: String = keys.iter().map(|key| format!("{}\n", key.trim())).collect();
        self.write("root/.ssh/authorized_keys", 0o600, &lines)
    }

    /// Only where the image has sshd's folder.
    pub fn host_key(&self, kind: &str, private: &str, public: &str) -> io::Result<()> {
        if !self.path("etc/ssh").is_dir() {
            return Ok(());
        }
        self.write(&format!("etc/ssh/ssh_host_{kind}_key"), 0o600, private)?;
        self.write(&format!("etc/ssh/ssh_host_{kind}_key.pub"), 0o644, &format!("{}\n", public.trim()))
    }

    pub fn resolver(&self, dns: &[String], search: &[String]) -> io::Result<()> {
        let mut text: String = dns.iter().map(|server| format!("nameserver {server}\n")).collect();
        if !search.is_empty() {
            text += &format!("search {}\n", search.join(" "));
        }
        self.write("etc/resolv.conf", 0o644, &text)
    }

    /// For login shells, for systemd's services, and for whoever reads /etc/environment.
    pub fn environment(&self, pairs: &[(&str, &str)]) -> io::Result<()> {
        let shell: String = pairs.iter().map(|(name, value)| format!("export {name}={}\n", shell_quoted(value))).collect();
        self.write("etc/profile.d/banger-env.sh", 0o644, &shell)?;
        let words: Vec<String> = pairs.iter().map(|(name, value)| systemd_quoted(&format!("{name}={value}"))).collect();
        let manager = format!("[Manager]\nDefaultEnvironment={}\n", words.join(" "));
        self.write("etc/systemd/system.conf.d/banger.conf", 0o644, &manager)
    }

    /// Certificates of the host's own authorities: kept apart for update-ca-certificates, and in force at once.
    pub fn certificates(&self, certificates: &[&str]) -> io::Result<()> {
        if certificates.is_empty() {
            return Ok(());
        }
        for (number, certificate) in certificates.iter().enumerate() {
            let name = format!("usr/local/share/ca-certificates/banger-{}.crt", number + 1);
            self.write(&name, 0o644, &format!("{}\n", certificate.trim()))?;
        }
        let bundle = "etc/ssl/certs/ca-certificates.crt";
        if let Ok(old) = fs::read_to_string(self.path(bundle)) {
            let new: String = certificates.iter().filter(|one| !old.contains(one.trim())).map(|one| format!("{}\n", one.trim())).collect();
            self.write(bundle, 0o644, &format!("{}\n{new}", old.trim_end()))?;
        }
        Ok(())
    }
}

fn give_to_root(path: &Path) -> io::Result<()> {
    if crate::sys::process::uid() == 0 { chown(path, Some(0), Some(0)) } else { Ok(()) }
}

/// The name's line is replaced, what else there is stays.
fn hosts_with(old: &str, name: &str) -> String {
    let old = if old.trim().is_empty() { "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n" } else { old };
    let kept: String = old.lines().filter(|line| !line.starts_with("127.0.1.1")).map(|line| format!("{line}\n")).collect();
    format!("{kept}127.0.1.1 {name}\n")
}

fn shell_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// systemd.syntax(7): quotes and backslashes escaped, `%` doubled.
fn systemd_quoted(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_name_replaces_the_old_one() {
        let hosts = hosts_with("127.0.0.1 localhost\n127.0.1.1 old\n10.0.0.1 x\n", "new");
        assert_eq!(hosts, "127.0.0.1 localhost\n10.0.0.1 x\n127.0.1.1 new\n");
        assert!(hosts_with("", "n").starts_with("127.0.0.1 localhost\n"));
    }

    #[test]
    fn values_are_quoted() {
        assert_eq!(shell_quoted("it's"), r"'it'\''s'");
        assert_eq!(systemd_quoted(r#"a="x"%\"#), r#""a=\"x\"%%\\""#);
    }

    #[test]
    fn links_are_replaced_and_not_followed() {
        let root = std::env::temp_dir().join(format!("banger-guest-files-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(root.join("outside"), "safe").unwrap();
        std::os::unix::fs::symlink("../outside", root.join("etc/resolv.conf")).unwrap();
        GuestFiles::new(&root).resolver(&["192.0.2.3".into()], &[]).unwrap();
        assert_eq!(fs::read_to_string(root.join("outside")).unwrap(), "safe");
        assert_eq!(fs::read_to_string(root.join("etc/resolv.conf")).unwrap(), "nameserver 192.0.2.3\n");
        GuestFiles::new(&root).authorized_keys(&["ssh-ed25519 A"]).unwrap();
        let mode = |name: &str| fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("root"), mode("root/.ssh"), mode("root/.ssh/authorized_keys")), (0o700, 0o700, 0o600));
        fs::remove_dir_all(root).unwrap();
    }
}
