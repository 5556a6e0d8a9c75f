//! Dropping privileges: capabilities(7), no_new_privs.

use super::{check, check_long};
use std::io;

const CAP_VERSION_3: u32 = 0x2008_0522;
const LAST_CAP: libc::c_int = 63;
/// NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off, NO_CAP_AMBIENT_RAISE, each locked: uid 0 stays an ordinary user.
const SECURE_BITS: libc::c_ulong = 0b1110_1111;

/// Drops all capabilities. Afterwards no exec gives any: neither a set-uid file nor uid 0.
pub fn give_up_all() -> io::Result<()> {
    // SAFETY: prctl with plain numbers; capset with a header and two data structs of zeroes.
    unsafe {
        for capability in 0..=LAST_CAP {
            // fails for unknown capabilities and without CAP_SETPCAP
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECUREBITS, SECURE_BITS, 0, 0, 0);
        let header = [CAP_VERSION_3, 0u32];
        let data = [0u32; 6];
        check_long(libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()))?;
    }
    set_no_new_privileges()
}

/// no_new_privs, which Landlock and seccomp require of a process without capabilities.
pub fn set_no_new_privileges() -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }).map(drop)
}
