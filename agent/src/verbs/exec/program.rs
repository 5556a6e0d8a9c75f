//! Translates a request to what the kernel needs: environment, argv, paths to try, user.

use super::request::{Builtin, Request, What};
use super::{terminal_name, user_session};
use crate::guest::Guest;
use crate::programs::{candidates, PATH};
use crate::sys::spawn::{self, Failure, Ids, Program, Stage};
use crate::sys::{c_string, process};
use crate::users::{self, refuses_logins, User};
use crate::wire::json::{Answer, Refusal};
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs::OpenOptions;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// execve(2), E2BIG.
const TOO_LARGE: &str = "its arguments and variables exceed Linux's limits: 128 KiB for each, and 2 MiB (a quarter of the stack limit) for all";

/// Everything that is needed to start a program.
pub struct Plan {
    name: Vec<u8>,
    candidates: Vec<CString>,
    argv: Vec<CString>,
    env: Vec<CString>,
    cwd: CString,
    pub ids: Option<Ids>,
    oom_killable: bool,
    pid1: bool,
    /// descriptor 3 of a builtin: this program, which the image does not have
    agent: Option<OwnedFd>,
}

/// Where a builtin finds this program: proc_pid_fd(5). Its user may execute it there without access to the file's folder.
const AGENT: &[u8] = b"/proc/self/fd/3";

/// Resolves user, environment, program and working folder.
pub fn plan(request: &Request, guest: &Guest) -> Answer<Plan> {
    let defaults = guest.exec_defaults();
    let is_builtin = matches!(request.what, What::Builtin(_));
    let user = users::find(request.user.as_deref().or(defaults.user.as_deref()).unwrap_or(b"root"))?;
    let env = environment(request, &user, guest);
    let (program, argv) = match &request.what {
        What::Program(argv) => (argv[0].clone(), argv.clone()),
        What::LoginShell { instead } if !instead.is_empty() && refuses_logins(&user.shell) => {
            (instead[0].clone(), instead.clone())
        }
        What::LoginShell { .. } => login_shell(&user),
        What::Builtin(builtin) => builtin_program(builtin, &user)?,
    };
    // as with sshd: what a client copies to a relative path is found below the home
    let usual = defaults.workdir.as_ref().filter(|_| !is_builtin);
    let cwd = match request.cwd.as_ref().or(usual) {
        Some(cwd) => cwd.clone(),
        None if Path::new(OsStr::from_bytes(&user.home)).is_dir() => user.home.clone(),
        None => b"/".to_vec(),
    };
    let path = env.get(b"PATH".as_slice()).map_or(b"".as_slice(), Vec::as_slice);
    Ok(Plan {
        candidates: candidates(&program, path).into_iter().map(c_text).collect::<Answer<_>>()?,
        argv: argv.into_iter().map(c_text).collect::<Answer<_>>()?,
        env: env.iter().map(|(name, value)| c_text([name.as_slice(), value].join(&b'='))).collect::<Answer<_>>()?,
        cwd: c_text(cwd)?,
        name: program,
        // `serve` on a host can run as any user
        ids: (process::uid() == 0).then_some(user.ids),
        oom_killable: guest.is_vm(),
        pid1: request.pid1 && guest.is_vm(),
        agent: if is_builtin { Some(this_program()?) } else { None },
    })
}

/// Path and argv. As with sshd, the user's shell expands what scp is told, and a shell that refuses logins refuses this one.
fn builtin_program(builtin: &Builtin, user: &User) -> Answer<(Vec<u8>, Vec<Vec<u8>>)> {
    let refused = || Refusal::new("no_user", format!("{:?} may not log in", String::from_utf8_lossy(&user.name)));
    match builtin {
        Builtin::Sftp if refuses_logins(&user.shell) => Err(refused()),
        Builtin::Sftp => Ok((AGENT.to_vec(), vec![b"banger-agent".to_vec(), b"sftp-server".to_vec()])),
        Builtin::Scp { arguments } => {
            let shell = if user.shell.is_empty() { b"/bin/sh".as_slice() } else { &user.shell };
            let command = [AGENT, b"scp", arguments].join(&b' ');
            Ok((shell.to_vec(), vec![users::base_name(shell).to_vec(), b"-c".to_vec(), command]))
        }
    }
}

fn this_program() -> Answer<OwnedFd> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open("/proc/self/exe");
    let duplicate = opened.and_then(|file| process::duplicate(file.as_raw_fd()));
    duplicate.map_err(|error| Refusal::io("/proc/self/exe", &error))
}

fn c_text(text: Vec<u8>) -> Answer<CString> {
    c_string(text).map_err(|_| Refusal::bad("strings must not contain NUL"))
}

/// What a login of the user would set, then the identity's variables, then the request's.
fn environment(request: &Request, user: &User, guest: &Guest) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let shell = if user.shell.is_empty() { b"/bin/sh".as_slice() } else { &user.shell };
    let login = [
        ("PATH", PATH.as_bytes()),
        ("HOME", &user.home),
        ("USER", &user.name),
        ("LOGNAME", &user.name),
        ("SHELL", shell),
        ("LANG", b"C.UTF-8"),
    ];
    let mut env = BTreeMap::new();
    for (name, value) in login {
        env.insert(name.as_bytes().to_vec(), value.to_vec());
    }
    for (name, value) in user_session::variables(user, guest) {
        env.insert(name.into(), value.into());
    }
    if request.tty.is_some() {
        env.insert(b"TERM".to_vec(), b"xterm-256color".to_vec());
    }
    for (name, value) in guest.environment() {
        env.insert(name, value);
    }
    if let Some(term) = &request.term {
        env.insert(b"TERM".to_vec(), terminal_name::known(term).into());
    }
    for (name, value) in &request.env {
        env.insert(name.clone(), value.clone());
    }
    env
}

/// Path and argv; the leading `-` of argv[0] makes it a login shell.
fn login_shell(user: &User) -> (Vec<u8>, Vec<Vec<u8>>) {
    let known = [user.shell.as_slice(), b"/bin/bash", b"/bin/sh"];
    let exists =
        |shell: &&[u8]| !shell.is_empty() && !refuses_logins(shell) && Path::new(OsStr::from_bytes(shell)).exists();
    let shell = known.into_iter().find(exists).unwrap_or(b"/bin/sh");
    (shell.to_vec(), vec![[b"-", users::base_name(shell)].concat()])
}

impl Plan {
    /// Starts the program with these descriptors as stdin, stdout and stderr. Returns its pid.
    pub fn start(&self, stdio: [RawFd; 3], terminal: bool) -> Answer<i32> {
        let program = Program {
            candidates: &self.candidates,
            argv: &self.argv,
            env: &self.env,
            cwd: &self.cwd,
            ids: self.ids.as_ref(),
            stdio,
            extra: self.agent.as_ref().map(AsRawFd::as_raw_fd),
            terminal,
            oom_killable: self.oom_killable,
            pid1: self.pid1,
        };
        spawn::spawn(&program).map_err(|failure| self.refusal(&failure))
    }

    fn refusal(&self, failure: &Failure) -> Refusal {
        let error = &failure.error;
        let name = String::from_utf8_lossy(&self.name);
        let because = |text: &str| format!("{name}: {text}: {error}");
        match (failure.stage, error.raw_os_error()) {
            (Stage::Exec, Some(libc::ENOENT | libc::ENOTDIR)) if self.is_there() => {
                Refusal::new("not_executable", because("its interpreter is missing"))
            }
            (Stage::Exec, Some(libc::ENOENT | libc::ENOTDIR)) => {
                Refusal::new("not_found", format!("{name}: not found"))
            }
            (Stage::Exec, Some(libc::E2BIG)) => Refusal::new("too_large", TOO_LARGE),
            (Stage::Exec, _) => Refusal::new("not_executable", because("not executable")),
            (Stage::Cwd, _) => Refusal::new("bad_cwd", format!("{}: {error}", self.cwd.to_string_lossy())),
            (Stage::Ids | Stage::Setup, _) => Refusal::io("starting a process", error),
        }
    }

    /// The program exists. (A script whose interpreter is missing fails with ENOENT as well.)
    fn is_there(&self) -> bool {
        let base = Path::new(OsStr::from_bytes(self.cwd.to_bytes()));
        self.candidates.iter().any(|path| base.join(OsStr::from_bytes(path.to_bytes())).is_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_shell_begins_with_a_dash() {
        let user = User { name: "x".into(), home: "/".into(), shell: "/no/such/shell".into(), ids: Ids::default(), is_listed: true };
        let (path, argv) = login_shell(&user);
        assert!(path == b"/bin/bash" || path == b"/bin/sh");
        assert!(argv[0].starts_with(b"-") && argv.len() == 1);
    }

    #[test]
    fn a_user_who_may_not_log_in_gets_no_builtin_but_their_shell() {
        let user = |shell: &str| User { name: "www".into(), home: "/".into(), shell: shell.into(), ids: Ids::default(), is_listed: true };
        let program = |builtin, shell| builtin_program(&builtin, &user(shell)).map(|(path, argv)| (path, argv.join(&b'|')));
        assert_eq!(program(Builtin::Sftp, "/usr/sbin/nologin").unwrap_err().code, "no_user");
        assert_eq!(program(Builtin::Sftp, "/bin/zsh"), Ok((AGENT.to_vec(), b"banger-agent|sftp-server".to_vec())));
        let scp = || Builtin::Scp { arguments: b"-f a*".to_vec() };
        for (shell, path, name) in [("/usr/sbin/nologin", "/usr/sbin/nologin", "nologin"), ("", "/bin/sh", "sh"), ("/bin/zsh", "/bin/zsh", "zsh")] {
            let argv = format!("{name}|-c|/proc/self/fd/3 scp -f a*").into_bytes();
            assert_eq!(program(scp(), shell), Ok((path.as_bytes().to_vec(), argv)));
        }
    }

    #[test]
    fn a_shell_that_refuses_logins_is_skipped() {
        for shell in ["/sbin/nologin", "/usr/sbin/nologin", "/bin/false", "/usr/bin/true"] {
            let user = User { name: "x".into(), home: "/".into(), shell: shell.into(), ids: Ids::default(), is_listed: true };
            assert!(refuses_logins(shell.as_bytes()));
            assert!([b"/bin/bash".as_slice(), b"/bin/sh"].contains(&login_shell(&user).0.as_slice()), "{shell}");
        }
        assert!(!refuses_logins(b"/bin/zsh") && !refuses_logins(b""));
    }
}
