//! Texts of errors in English, as they are in the program. glibc would look for translations, which a process that sets no locale never
//! has, and with the search come character sets and a dynamic loader: 23 KB of the program.

/// Replaces glibc's function of this name, which strerror(3) calls: dcgettext(3).
#[no_mangle]
extern "C" fn __dcgettext(_: *const libc::c_char, message: *const libc::c_char, _: libc::c_int) -> *const libc::c_char {
    message
}
