//! Changes this process's `argv[0]`: at shutdown systemd does not kill processes of root whose name begins with `@`
//! (systemd, "ROOT_STORAGE_DAEMONS"). It reads the bytes that the kernel laid out at exec.

use std::ffi::CStr;
use std::sync::atomic::{AtomicPtr, Ordering};

static ARGV0: AtomicPtr<libc::c_char> = AtomicPtr::new(std::ptr::null_mut());

extern "C" fn remember(argc: libc::c_int, argv: *const *mut libc::c_char) {
    if argc > 0 && !argv.is_null() {
        // SAFETY: glibc calls constructors with main's argc and argv, which live as long as the process.
        ARGV0.store(unsafe { *argv }, Ordering::Relaxed);
    }
}

#[used]
#[link_section = ".init_array"]
static REMEMBER: extern "C" fn(libc::c_int, *const *mut libc::c_char) = remember;

/// The opposite, for a child that systemd must kill like any other process. Async-signal-safe.
pub fn unmark() {
    mark(b'-');
}

/// Sets a name that begins with `@`, where `ps` and systemd read it.
pub fn survive_shutdown() {
    mark(b'@');
    // the kernel shows only private memory of the process, not a constant
    let name: &'static CStr = Box::leak(c"@banger-agent".to_owned().into_boxed_c_str());
    let (start, end) = (name.as_ptr() as libc::c_ulong, name.to_bytes_with_nul().as_ptr_range().end as libc::c_ulong);
    // SAFETY: the kernel only stores the addresses, which stay valid, or refuses them.
    // The name may be longer than the one at exec, so it needs memory of its own.
    unsafe {
        if libc::prctl(libc::PR_SET_MM, libc::PR_SET_MM_ARG_START, start, 0, 0) == 0 {
            libc::prctl(libc::PR_SET_MM, libc::PR_SET_MM_ARG_END, end, 0, 0);
        }
        libc::prctl(libc::PR_SET_NAME, c"banger-agent".as_ptr());
    }
}

/// Changes the first byte of `argv[0]`.
fn mark(byte: u8) {
    let argv0 = ARGV0.load(Ordering::Relaxed);
    // SAFETY: a C string of at least its NUL; one byte is overwritten only if it is not that NUL.
    unsafe {
        if !argv0.is_null() && *argv0 != 0 {
            *argv0 = byte as libc::c_char;
        }
    }
}
