//! Running the guest's programs for the agent itself, and finding programs in PATH.

use crate::sys::process::{self, Ended};
use crate::sys::spawn::{self, Failure, Program};
use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStringExt;

/// Default PATH of root.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Paths to try for a program: its name if it has a slash, else the name in each folder of `path`. An empty folder is the current one.
pub fn candidates(program: &[u8], path: &[u8]) -> Vec<Vec<u8>> {
    if program.contains(&b'/') {
        return vec![program.to_vec()];
    }
    let in_folder = |folder: &[u8]| [if folder.is_empty() { b"." } else { folder }, program].join(&b'/');
    path.split(|byte| *byte == b':').map(in_folder).collect()
}

/// C strings of texts; an error if one contains NUL.
pub fn c_texts(texts: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> io::Result<Vec<CString>> {
    texts.into_iter().map(crate::sys::c_string).collect()
}

fn path() -> Vec<u8> {
    std::env::var_os("PATH").map_or_else(|| PATH.as_bytes().to_vec(), OsString::into_vec)
}

/// This process's environment, for a program that it starts or becomes.
pub fn inherited_environment() -> io::Result<Vec<CString>> {
    let pair = |(name, value): (OsString, OsString)| [name.into_vec(), value.into_vec()].join(&b'=');
    c_texts(std::env::vars_os().map(pair))
}

/// Starts argv with these descriptors and this environment; returns its pid.
pub fn start(argv: &[String], env: &[CString], stdio: [RawFd; 3], extra: Option<RawFd>) -> io::Result<i32> {
    let candidates = c_texts(candidates(argv[0].as_bytes(), &path()))?;
    let argv = c_texts(argv.iter().map(|word| word.as_bytes()))?;
    let (candidates, argv) = (candidates.as_slice(), argv.as_slice());
    let program =
        Program { candidates, argv, env, cwd: c"/", ids: None, stdio, extra, terminal: false, oom_killable: false, pid1: false };
    spawn::spawn(&program).map_err(|Failure { error, .. }| error)
}

/// Waits for a program; the error says how it ended if its exit status is not 0.
pub fn expect_success(pid: i32) -> Result<(), String> {
    match process::wait_for(pid) {
        Ok(Ended::Exit(0)) => Ok(()),
        Ok(Ended::Exit(code)) => Err(format!("exit status {code}")),
        Ok(Ended::Signal { number, .. }) => Err(format!("signal {number}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Replaces this process with argv; returns only on failure.
pub fn exec(argv: &[String], env: &[CString]) -> io::Error {
    let texts = || Ok((c_texts(candidates(argv[0].as_bytes(), &path()))?, c_texts(argv.iter().map(|word| word.as_bytes()))?));
    match texts() {
        Ok((candidates, argv)) => spawn::exec(&candidates, &argv, env),
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_slash_are_taken_as_they_are() {
        assert_eq!(candidates(b"./a", b"/bin"), [b"./a"]);
        assert_eq!(candidates(b"a\xff", b"/bin::/\xfe"), [b"/bin/a\xff".as_slice(), b"./a\xff", b"/\xfe/a\xff"]);
    }
}
