//! Finds the image's init.

use super::kernel_args::KernelArgs;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The program that becomes PID 1.
#[derive(Debug, PartialEq)]
pub struct Init {
    /// as in HELLO: `systemd`, `none`, or a program's name
    pub name: String,
    /// None: the agent stays PID 1
    pub path: Option<PathBuf>,
}

impl Init {
    pub fn none() -> Init {
        Init { name: "none".into(), path: None }
    }
}

const PLACES: [&str; 4] = ["/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd"];

/// The image's init, unless the host asked for none.
pub fn find(args: &KernelArgs) -> Init {
    let found = PLACES.iter().map(PathBuf::from).filter(|_| args.wants_init).find_map(|path| {
        let real = fs::canonicalize(&path).ok().filter(|real| is_program(real))?;
        let name = name_of(&real, &|file: &str| Path::new(file).exists())?;
        Some(Init { name, path: Some(path) })
    });
    found.unwrap_or_else(Init::none)
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// None for a busybox whose init has nothing to start, as in many container images.
fn name_of(real: &Path, exists: &dyn Fn(&str) -> bool) -> Option<String> {
    let name = real.file_name()?.to_string_lossy().into_owned();
    let has_work = exists("/etc/inittab") && (exists("/sbin/openrc") || exists("/etc/init.d/rcS"));
    if name.starts_with("busybox") {
        return has_work.then(|| "busybox".to_string());
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busybox_without_services_is_not_an_init() {
        let none = |_: &str| false;
        let openrc = |file: &str| ["/etc/inittab", "/sbin/openrc"].contains(&file);
        assert_eq!(name_of(Path::new("/bin/busybox"), &none), None);
        assert_eq!(name_of(Path::new("/bin/busybox"), &openrc), Some("busybox".into()));
        assert_eq!(name_of(Path::new("/usr/lib/systemd/systemd"), &none), Some("systemd".into()));
    }
}
