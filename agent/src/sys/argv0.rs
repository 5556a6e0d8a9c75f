//! Our own `argv[0]`: systemd's last killing spree spares root's processes whose name begins with `@`
//! (systemd, "ROOT_STORAGE_DAEMONS"), and only the bytes that the kernel laid out at exec count.

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

/// The opposite, for a child that is to be asked to end like everyone. Async-signal-safe.
pub fn be_ordinary() {
    let argv0 = ARGV0.load(Ordering::Relaxed);
    // SAFETY: as below.
    unsafe {
        if !argv0.is_null() && *argv0 != 0 {
            *argv0 = b'-' as libc::c_char;
        }
    }
}

/// Makes the first byte of `argv[0]` an `@`, and names the process for `ps`.
pub fn spare_at_shutdown() {
    let argv0 = ARGV0.load(Ordering::Relaxed);
    if argv0.is_null() {
        return;
    }
    // SAFETY: a C string of at least its NUL; one byte is overwritten only if it is not that NUL.
    unsafe {
        if *argv0 != 0 {
            *argv0 = b'@' as libc::c_char;
        }
        libc::prctl(libc::PR_SET_NAME, c"banger-agent".as_ptr());
    }
}
