//! The command line of `netguard`.

use super::policy::{Network, Policy};

const USAGE: &str = "usage: netguard --listen PATH|--vsock PATH [--resolver ADDRESS] [--deny NETWORK]... -- PASST ARGS…";

/// How the guest's frames come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line<'a> {
    /// a VMM connects to a socket at this path
    Listen(&'a str),
    /// from the guest's agent, through the socket that a VMM makes at this path for its vsock
    Vsock(&'a str),
}

/// The parsed command line.
#[derive(Debug)]
pub struct Options<'a> {
    pub line: Line<'a>,
    pub policy: Policy,
    /// never empty
    pub command: &'a [String],
}

impl<'a> Options<'a> {
    pub fn parse(args: &'a [String]) -> Result<Self, String> {
        let dashes = args.iter().position(|argument| argument == "--").ok_or(USAGE)?;
        let command = &args[dashes + 1..];
        let mut line = None;
        let mut policy = Policy::default();
        for pair in args[..dashes].chunks(2) {
            let [flag, value] = pair else { return Err(USAGE.into()) };
            match flag.as_str() {
                "--listen" => line = Some(Line::Listen(value)),
                "--vsock" => line = Some(Line::Vsock(value)),
                "--resolver" => policy.resolver = Some(value.parse().map_err(|_| wrong(flag, value, "an IPv4 address"))?),
                "--deny" => policy.denied.push(Network::parse(value).ok_or_else(|| wrong(flag, value, "an IPv4 network"))?),
                _ => return Err(USAGE.into()),
            }
        }
        match line {
            Some(line) if !command.is_empty() => Ok(Options { line, policy, command }),
            _ => Err(USAGE.into()),
        }
    }
}

fn wrong(flag: &str, value: &str, expected: &str) -> String {
    format!("{flag} {value}: is not {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn deny_can_be_repeated_and_the_command_follows_the_dashes() {
        let line = split("--listen /s --resolver 192.0.2.3 --deny 10.0.0.0/8 --deny 9.9.9.9/32 -- passt --deny x");
        let options = Options::parse(&line).unwrap();
        assert_eq!((options.line, options.command), (Line::Listen("/s"), &split("passt --deny x")[..]));
        assert_eq!(options.policy.denied, ["10.0.0.0/8", "9.9.9.9/32"].map(|text| Network::parse(text).unwrap()));
        assert_eq!(options.policy.resolver, Some([192, 0, 2, 3].into()));
        assert!(Options::parse(&split("--listen /s -- passt")).unwrap().policy.denied.is_empty());
        assert_eq!(Options::parse(&split("--vsock /v -- passt")).unwrap().line, Line::Vsock("/v"));
    }

    #[test]
    fn invalid_arguments_are_refused() {
        for line in ["", "--listen /s", "--listen /s --", "-- passt", "--listen -- passt", "--listen /s --what x -- passt"] {
            assert!(Options::parse(&split(line)).unwrap_err().starts_with("usage:"), "{line}");
        }
        for line in ["--deny lan", "--deny 10.0.0.1/8", "--resolver ::1"] {
            assert!(Options::parse(&split(&format!("--listen /s {line} -- passt"))).unwrap_err().starts_with(line), "{line}");
        }
    }
}
