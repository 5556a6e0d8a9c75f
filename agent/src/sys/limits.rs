//! Resource limits (getrlimit(2)).

use super::check;
use std::io;

/// What a limit applies to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Resource {
    /// bytes that may be mapped
    AddressSpace,
    /// bytes of a core dump
    Core,
    /// bytes that a file may grow to by writing
    FileSize,
    /// the highest descriptor number plus one
    OpenFiles,
    /// processes and threads of the user; in a user namespace, only those of the namespace (Linux 5.14)
    Processes,
}

impl Resource {
    fn number(self) -> libc::__rlimit_resource_t {
        match self {
            Resource::AddressSpace => libc::RLIMIT_AS,
            Resource::Core => libc::RLIMIT_CORE,
            Resource::FileSize => libc::RLIMIT_FSIZE,
            Resource::OpenFiles => libc::RLIMIT_NOFILE,
            Resource::Processes => libc::RLIMIT_NPROC,
        }
    }
}

/// Sets the soft and the hard limit, for good. A lower hard limit stays.
pub fn set(resource: Resource, value: u64) -> io::Result<()> {
    let value = current(resource)?.rlim_max.min(value);
    apply(resource, libc::rlimit { rlim_cur: value, rlim_max: value })
}

/// Sets only the soft limit, so that another process of the user can raise it (prlimit(2)).
pub fn set_soft(resource: Resource, value: u64) -> io::Result<()> {
    let rlim_max = current(resource)?.rlim_max;
    apply(resource, libc::rlimit { rlim_cur: rlim_max.min(value), rlim_max })
}

fn current(resource: Resource) -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: one struct to be filled.
    check(unsafe { libc::getrlimit(resource.number(), &mut limit) })?;
    Ok(limit)
}

fn apply(resource: Resource, limit: libc::rlimit) -> io::Result<()> {
    // SAFETY: one struct that is read.
    check(unsafe { libc::setrlimit(resource.number(), &limit) }).map(drop)
}
