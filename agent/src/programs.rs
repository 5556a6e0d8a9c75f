//! Programs of the machine that the agent itself runs, and where programs are found.

use crate::sys::process::{self, Ended};
use crate::sys::spawn::{self, Failure, Program};
use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStringExt;

/// For root, where nobody says otherwise.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where a program may be: as it is named, or in each folder of `path`. An empty folder is the current one.
pub fn candidates(program: &str, path: &str) -> Vec<String> {
    if program.contains('/') {
        return vec![program.to_string()];
    }
    let in_folder = |folder: &str| if folder.is_empty() { format!("./{program}") } else { format!("{folder}/{program}") };
    path.split(':').map(in_folder).collect()
}

pub fn c_texts(texts: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> io::Result<Vec<CString>> {
    texts.into_iter().map(crate::sys::c_string).collect()
}

/// Our own environment, for a program that takes our place or works for it.
pub fn inherited() -> io::Result<Vec<CString>> {
    let pair = |(name, value): (OsString, OsString)| [name.into_vec(), value.into_vec()].join(&b'=');
    c_texts(std::env::vars_os().map(pair))
}

/// Starts argv with these descriptors and this environment; returns its pid.
pub fn start(argv: &[String], env: &[CString], stdio: [RawFd; 3], extra: Option<RawFd>) -> io::Result<i32> {
    let path = std::env::var("PATH").unwrap_or_else(|_| PATH.to_string());
    let candidates = c_texts(candidates(&argv[0], &path))?;
    let argv = c_texts(argv.iter().map(String::as_str))?;
    let (candidates, argv) = (candidates.as_slice(), argv.as_slice());
    let program =
        Program { candidates, argv, env, cwd: c"/", ids: None, stdio, extra, terminal: false, mortal: false, pid1: false };
    spawn::spawn(&program).map_err(|Failure { error, .. }| error)
}

/// Waits for a program; its words when it ends otherwise than well.
pub fn expect_success(pid: i32) -> Result<(), String> {
    match process::wait_for(pid) {
        Ok(Ended::Exit(0)) => Ok(()),
        Ok(Ended::Exit(code)) => Err(format!("exit status {code}")),
        Ok(Ended::Signal { number, .. }) => Err(format!("signal {number}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Becomes argv.
pub fn exec(argv: &[String], env: &[CString]) -> io::Error {
    let path = std::env::var("PATH").unwrap_or_else(|_| PATH.to_string());
    let texts = || Ok((c_texts(candidates(&argv[0], &path))?, c_texts(argv.iter().map(String::as_str))?));
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
        assert_eq!(candidates("./a", "/bin"), ["./a"]);
        assert_eq!(candidates("a", "/bin::/x"), ["/bin/a", "./a", "/x/a"]);
    }
}
