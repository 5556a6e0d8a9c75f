//! From a request to what the kernel needs: environment, argv, places to look, user.

use super::request::{Request, What};
use super::terminal_name;
use crate::guest::Guest;
use crate::programs::{candidates, PATH};
use crate::sys::spawn::{self, Failure, Ids, Program, Stage};
use crate::sys::{c_string, process};
use crate::users::{self, User};
use crate::wire::json::{Answer, Refusal};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::RawFd;
use std::path::Path;

pub struct Plan {
    name: String,
    candidates: Vec<CString>,
    argv: Vec<CString>,
    env: Vec<CString>,
    cwd: CString,
    pub ids: Option<Ids>,
    mortal: bool,
    pid1: bool,
}

pub fn plan(request: &Request, guest: &Guest) -> Answer<Plan> {
    let session = guest.session();
    let user = users::find(request.user.as_deref().or(session.user.as_deref()).unwrap_or("root"))?;
    let env = environment(request, &user, guest);
    let (program, argv) = match &request.what {
        What::Program(argv) => (argv[0].clone(), argv.clone()),
        What::LoginShell { instead } if !instead.is_empty() && refuses_logins(&user.shell) => {
            (instead[0].clone(), instead.clone())
        }
        What::LoginShell { .. } => login_shell(&user),
    };
    let cwd = match request.cwd.as_ref().or(session.workdir.as_ref()) {
        Some(cwd) => cwd.clone(),
        None if Path::new(&user.home).is_dir() => user.home.clone(),
        None => "/".to_string(),
    };
    let path = env.get("PATH").map_or("", String::as_str);
    Ok(Plan {
        candidates: candidates(&program, path).into_iter().map(c_text).collect::<Answer<_>>()?,
        argv: argv.into_iter().map(c_text).collect::<Answer<_>>()?,
        env: env.iter().map(|(name, value)| c_text(format!("{name}={value}"))).collect::<Answer<_>>()?,
        cwd: c_text(cwd)?,
        name: program,
        // a host's `serve` may be anybody's
        ids: (process::uid() == 0).then_some(user.ids),
        mortal: guest.is_vm(),
        pid1: request.pid1 && guest.is_vm(),
    })
}

fn c_text(text: String) -> Answer<CString> {
    c_string(text).map_err(|_| Refusal::bad("a NUL in a string"))
}

/// What the user's login would set, then what the host set for the guest, then what was asked.
fn environment(request: &Request, user: &User, guest: &Guest) -> BTreeMap<String, String> {
    let shell = if user.shell.is_empty() { "/bin/sh" } else { &user.shell };
    let login = [
        ("PATH", PATH),
        ("HOME", &user.home),
        ("USER", &user.name),
        ("LOGNAME", &user.name),
        ("SHELL", shell),
        ("LANG", "C.UTF-8"),
    ];
    let mut env = BTreeMap::new();
    env.extend(login.iter().map(|(name, value)| (name.to_string(), value.to_string())));
    if request.tty.is_some() {
        env.insert("TERM".into(), "xterm-256color".into());
    }
    env.extend(guest.environment());
    if let Some(term) = &request.term {
        env.insert("TERM".into(), terminal_name::known(term).into());
    }
    env.extend(request.env.iter().cloned());
    env
}

/// Path and argv; the leading `-` makes it a login shell.
fn login_shell(user: &User) -> (String, Vec<String>) {
    let known = [user.shell.as_str(), "/bin/bash", "/bin/sh"];
    let exists = |shell: &&&str| !shell.is_empty() && !refuses_logins(shell) && Path::new(shell).exists();
    let shell = known.iter().find(exists).unwrap_or(&"/bin/sh");
    let name = shell.rsplit('/').next().unwrap_or("sh");
    (shell.to_string(), vec![format!("-{name}")])
}

/// Users of services have such a shell: nologin(8), false(1).
fn refuses_logins(shell: &str) -> bool {
    matches!(shell.rsplit('/').next(), Some("nologin" | "false" | "true"))
}

impl Plan {
    /// Starts the program on three descriptors. Returns its pid.
    pub fn start(&self, stdio: [RawFd; 3], terminal: bool) -> Answer<i32> {
        let program = Program {
            candidates: &self.candidates,
            argv: &self.argv,
            env: &self.env,
            cwd: &self.cwd,
            ids: self.ids.as_ref(),
            stdio,
            extra: None,
            terminal,
            mortal: self.mortal,
            pid1: self.pid1,
        };
        spawn::spawn(&program).map_err(|failure| self.refusal(&failure))
    }

    fn refusal(&self, failure: &Failure) -> Refusal {
        let error = &failure.error;
        let because = |text: &str| format!("{}: {text}: {error}", self.name);
        match (failure.stage, error.raw_os_error()) {
            (Stage::Exec, Some(libc::ENOENT | libc::ENOTDIR)) if self.is_there() => {
                Refusal::new("not_executable", because("its interpreter is missing"))
            }
            (Stage::Exec, Some(libc::ENOENT | libc::ENOTDIR)) => {
                Refusal::new("not_found", format!("{}: not found", self.name))
            }
            (Stage::Exec, Some(libc::E2BIG)) => Refusal::new("io", because("exec")),
            (Stage::Exec, _) => Refusal::new("not_executable", because("not executable")),
            (Stage::Cwd, _) => Refusal::new("bad_cwd", format!("{}: {error}", self.cwd.to_string_lossy())),
            (Stage::Ids | Stage::Setup, _) => Refusal::io("starting a process", error),
        }
    }

    /// A script whose interpreter is missing fails with ENOENT too.
    fn is_there(&self) -> bool {
        let base = Path::new(self.cwd.to_str().unwrap_or("/"));
        self.candidates.iter().any(|path| path.to_str().is_ok_and(|path| base.join(path).is_file()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_shell_begins_with_a_dash() {
        let user = User { name: "x".into(), home: "/".into(), shell: "/no/such/shell".into(), ids: Ids::default() };
        let (path, argv) = login_shell(&user);
        assert!(path == "/bin/bash" || path == "/bin/sh");
        assert!(argv[0].starts_with('-') && argv.len() == 1);
    }

    #[test]
    fn a_shell_that_refuses_logins_is_passed_over() {
        for shell in ["/sbin/nologin", "/usr/sbin/nologin", "/bin/false", "/usr/bin/true"] {
            let user = User { name: "x".into(), home: "/".into(), shell: shell.into(), ids: Ids::default() };
            assert!(refuses_logins(shell));
            assert!(["/bin/bash", "/bin/sh"].contains(&login_shell(&user).0.as_str()), "{shell}");
        }
        assert!(!refuses_logins("/bin/zsh") && !refuses_logins(""));
    }
}
