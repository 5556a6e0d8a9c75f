//! The request of `exec`.

use super::token::Token;
use crate::wire::json::{self, Answer, Object, Refusal};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The fields of a valid request.
#[derive(Debug, PartialEq)]
pub struct Request {
    pub what: What,
    pub env: BTreeMap<Vec<u8>, Vec<u8>>,
    pub cwd: Option<Vec<u8>>,
    pub user: Option<Vec<u8>>,
    pub tty: Option<Size>,
    /// run the program as PID 1 of its own process namespace
    pub pid1: bool,
    /// TERM of the host's terminal
    pub term: Option<String>,
    /// path of a log: the program outlives the connection
    pub detach: Option<PathBuf>,
    /// Some: the program outlives its connection and can be resumed with this token
    pub resumable: Option<Token>,
}

/// What to run.
#[derive(Debug, PartialEq)]
pub enum What {
    Program(Vec<Vec<u8>>),
    /// `instead`: argv to run if the user's shell refuses logins; empty: run another shell
    LoginShell { instead: Vec<Vec<u8>> },
    /// a program that the agent itself is
    Builtin(Builtin),
}

/// The agent's own programs: `builtins`.
#[derive(Debug, PartialEq)]
pub enum Builtin {
    Sftp,
    /// `arguments`: as they were typed, for the user's shell to expand
    Scp { arguments: Vec<u8> },
}

/// Size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    pub cols: u16,
    pub rows: u16,
}

impl Request {
    pub fn parse(object: &Object) -> Answer<Request> {
        let shell = json::flag(object, "shell")?;
        let argv = json::byte_strings(object, "argv")?;
        let instead = json::byte_strings(object, "instead")?.unwrap_or_default();
        let what = match (argv, shell, builtin(object)?) {
            (None, true, None) => What::LoginShell { instead },
            (Some(argv), false, None) if !argv.is_empty() && !argv[0].is_empty() => {
                What::Program(argv)
            }
            (None, false, Some(builtin)) => What::Builtin(builtin),
            _ => return Err(Refusal::bad("the request must have either argv, with the program first, or shell, or builtin")),
        };
        let request = Request {
            what,
            env: json::environment(object, "env")?.unwrap_or_default(),
            cwd: json::bytes(object, "cwd")?,
            user: json::bytes(object, "user")?,
            tty: json::nested(object, "tty")?.map(size).transpose()?,
            pid1: json::flag(object, "pid1")?,
            term: match json::nested(object, "tty")? {
                Some(tty) => json::text(tty, "term")?.map(String::from),
                None => None,
            },
            detach: match json::nested(object, "detach")? {
                Some(detach) => Some(OsString::from_vec(json::required_bytes(detach, "log")?).into()),
                None => None,
            },
            resumable: Token::parse(object, "resumable")?,
        };
        if request.resumable.is_some() && request.detach.is_some() {
            return Err(Refusal::bad("a detached program has no stream that could be resumed"));
        }
        if request.tty.is_some() && request.detach.is_some() {
            return Err(Refusal::bad("a detached program has no terminal"));
        }
        let is_plain = request.tty.is_none() && request.detach.is_none() && !request.pid1;
        if matches!(request.what, What::Builtin(_)) && !is_plain {
            return Err(Refusal::bad("a builtin speaks its protocol on pipes, as an ordinary process"));
        }
        Ok(request)
    }
}

fn builtin(object: &Object) -> Answer<Option<Builtin>> {
    Ok(match json::text(object, "builtin")? {
        None => None,
        Some("sftp") => Some(Builtin::Sftp),
        Some("scp") => Some(Builtin::Scp { arguments: json::required_bytes(object, "arguments")? }),
        Some(other) => return Err(Refusal::new("unsupported", format!("unknown builtin {other:?}"))),
    })
}

/// `cols` and `rows`.
pub fn size(object: &Object) -> Answer<Size> {
    let of = |name| json::required_number(object, name, u64::from(u16::MAX));
    Ok(Size { cols: of("cols")? as u16, rows: of("rows")? as u16 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Answer<Request> {
        Request::parse(&json::object(json.as_bytes()).unwrap())
    }

    #[test]
    fn fields_are_optional() {
        let request = parse(r#"{"argv":["true"]}"#).unwrap();
        assert_eq!(request.what, What::Program(vec!["true".into()]));
        assert_eq!((request.user, request.cwd, request.tty, request.detach), (None, None, None, None));
    }

    #[test]
    fn a_command_can_replace_a_shell_that_refuses_logins() {
        let what = |json| parse(json).unwrap().what;
        assert_eq!(what(r#"{"shell":true}"#), What::LoginShell { instead: vec![] });
        assert_eq!(what(r#"{"shell":true,"instead":["a","b"]}"#), What::LoginShell { instead: vec![b"a".to_vec(), b"b".to_vec()] });
    }

    #[test]
    fn a_builtin_stands_for_a_program() {
        let what = |json| parse(json).map(|request| request.what);
        assert_eq!(what(r#"{"builtin":"sftp"}"#), Ok(What::Builtin(Builtin::Sftp)));
        let scp = |arguments: &[u8]| What::Builtin(Builtin::Scp { arguments: arguments.to_vec() });
        assert_eq!(what(r#"{"builtin":"scp","arguments":"-t a\u0000ff*"}"#), Ok(scp(b"-t a\xff*")));
        let golden = |name| Request::parse(&crate::wire::vectors::open(name)).unwrap().what;
        assert_eq!(golden("exec of sftp"), What::Builtin(Builtin::Sftp));
        assert_eq!(golden("exec of scp"), scp(b"-r -f -- 'a b'/*.txt"));
        assert_eq!(what(r#"{"builtin":"tftp"}"#).unwrap_err().code, "unsupported");
    }

    #[test]
    fn only_linux_limits_the_number_of_arguments() {
        let request = parse(&format!(r#"{{"argv":[{}]}}"#, vec![r#""a""#; 100_000].join(","))).unwrap();
        assert!(matches!(request.what, What::Program(argv) if argv.len() == 100_000));
    }

    #[test]
    fn arguments_and_names_are_bytes() {
        let request = parse(r#"{"argv":["a\u0000ff"],"env":{"B.\u0000fe":"\u0000c3"},"cwd":"/\u0000e9","user":"\u0000fc","detach":{"log":"/\u0000ff"}}"#).unwrap();
        assert_eq!(request.what, What::Program(vec![b"a\xff".to_vec()]));
        assert_eq!(request.env, BTreeMap::from([(b"B.\xfe".to_vec(), b"\xc3".to_vec())]));
        assert_eq!((request.cwd, request.user), (Some(b"/\xe9".to_vec()), Some(b"\xfc".to_vec())));
        assert_eq!(request.detach.map(|log| log.into_os_string().into_vec()), Some(b"/\xff".to_vec()));
    }

    #[test]
    fn a_terminal_has_at_most_65535_rows_and_columns() {
        let with = |cols: u32, rows: u32| parse(&format!(r#"{{"argv":["a"],"tty":{{"cols":{cols},"rows":{rows}}}}}"#));
        assert_eq!(with(65_535, 65_535).unwrap().tty, Some(Size { cols: 65_535, rows: 65_535 }));
        assert!(with(65_536, 1).is_err() && with(1, 65_536).is_err());
    }

    #[test]
    fn contradictions_are_refused() {
        for bad in [
            r#"{}"#,
            r#"{"argv":[]}"#,
            r#"{"argv":[""]}"#,
            r#"{"argv":"true"}"#,
            r#"{"argv":["a"],"shell":true}"#,
            r#"{"argv":["a\u0000b"]}"#,
            r#"{"argv":["a"],"tty":{"cols":80}}"#,
            r#"{"argv":["a"],"tty":{"cols":80,"rows":65536}}"#,
            r#"{"argv":["a"],"tty":{"cols":80,"rows":24},"detach":{"log":"/x"}}"#,
            r#"{"argv":["a"],"detach":{}}"#,
            r#"{"argv":["a"],"resumable":""}"#,
            r#"{"argv":["a"],"resumable":"0123456789abcdef0123456789abcde"}"#,
            r#"{"argv":["a"],"resumable":"0123456789ABCDEF0123456789ABCDEF"}"#,
            r#"{"argv":["a"],"resumable":"+123456789abcdef0123456789abcdef"}"#,
            r#"{"argv":["a"],"resumable":"0123456789abcdef0123456789abcdef","detach":{"log":"/x"}}"#,
            r#"{"argv":["a"],"env":{"A=B":"c"}}"#,
            r#"{"argv":["a"],"builtin":"sftp"}"#,
            r#"{"shell":true,"builtin":"sftp"}"#,
            r#"{"builtin":1}"#,
            r#"{"builtin":"scp"}"#,
            r#"{"builtin":"sftp","pid1":true}"#,
            r#"{"builtin":"sftp","tty":{"cols":80,"rows":24}}"#,
            r#"{"builtin":"sftp","detach":{"log":"/x"}}"#,
        ] {
            assert_eq!(parse(bad).unwrap_err().code, "bad_request", "{bad}");
        }
    }
}
