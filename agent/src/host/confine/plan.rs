//! The command line of `confine`.

use crate::host::descriptors::Inherited;
use crate::sys::landlock::Right;
use crate::sys::limits::Resource;

/// The program's own namespaces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Isolation {
    /// user, mount, IPC, host name and network
    All,
    /// for a program that uses the host's network
    AllButNetwork,
}

/// The parsed command line.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub rules: Vec<(Right, String)>,
    /// descriptors for the program, in the order of the command line
    pub inherited: Vec<Inherited>,
    /// folder of the control group to enter
    pub cgroup: Option<String>,
    pub isolation: Option<Isolation>,
    /// whether it may use TCP and UDP
    pub network: bool,
    pub limits: Vec<(Resource, u64)>,
    /// name of the filter in `profiles`
    pub profile: Option<String>,
    /// whether a supervisor sends the signals whose target the filter can't see
    pub supervised: bool,
    pub program: Vec<String>,
}

pub fn parse(arguments: &[String]) -> Result<Plan, String> {
    let mut plan = Plan {
        rules: vec![],
        inherited: vec![],
        cgroup: None,
        isolation: None,
        network: true,
        limits: vec![],
        profile: None,
        supervised: false,
        program: vec![],
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next().filter(|argument| *argument != "--") {
        let value = rest.next().cloned().ok_or_else(|| format!("confine: {argument} needs a value"));
        match argument.as_str() {
            "--rw" => plan.rules.push((Right::ReadWrite, value?)),
            "--existing" => plan.rules.push((Right::Existing, value?)),
            "--out" => plan.rules.push((Right::Output, value?)),
            "--ro" => plan.rules.push((Right::ReadOnly, value?)),
            "--dev" => plan.rules.push((Right::Device, value?)),
            "--listen" => plan.inherited.push(Inherited::Listening(value?)),
            "--connect" => plan.inherited.push(Inherited::Connected(value?)),
            "--tap" => plan.inherited.push(Inherited::Tap(value?)),
            "--cgroup" => plan.cgroup = Some(value?),
            "--isolate" => plan.isolation = Some(isolation(&value?)?),
            "--network" => plan.network = network(&value?)?,
            "--limit" => plan.limits.push(limit(&value?)?),
            "--profile" => plan.profile = Some(value?),
            "--signals" => plan.supervised = supervised(&value?)?,
            other => return Err(format!("confine: unknown argument {other:?}")),
        }
    }
    plan.program = rest.cloned().collect();
    if plan.program.is_empty() {
        return Err("confine: a program must follow `--`".to_string());
    }
    if plan.supervised && plan.profile.is_none() {
        return Err("confine: --signals needs --profile".to_string());
    }
    if plan.isolation.is_none() && plan.limits.iter().any(|(resource, _)| *resource == Resource::Processes) {
        return Err("confine: without --isolate, a limit of processes would count all processes of the user".to_string());
    }
    Ok(plan)
}

fn isolation(text: &str) -> Result<Isolation, String> {
    match text {
        "all" => Ok(Isolation::All),
        "all-but-network" => Ok(Isolation::AllButNetwork),
        other => Err(format!("confine: --isolate must be all or all-but-network, not {other:?}")),
    }
}

fn network(text: &str) -> Result<bool, String> {
    match text {
        "host" => Ok(true),
        "none" => Ok(false),
        other => Err(format!("confine: --network must be none or host, not {other:?}")),
    }
}

fn supervised(text: &str) -> Result<bool, String> {
    match text {
        "supervised" => Ok(true),
        other => Err(format!("confine: --signals must be supervised, not {other:?}")),
    }
}

/// `file-size=1048576`
fn limit(text: &str) -> Result<(Resource, u64), String> {
    let bad = || format!("confine: --limit {text:?} is not valid");
    let (name, value) = text.split_once('=').ok_or_else(bad)?;
    let resource = match name {
        "address-space" => Resource::AddressSpace,
        "file-size" => Resource::FileSize,
        "open-files" => Resource::OpenFiles,
        "processes" => Resource::Processes,
        _ => return Err(bad()),
    };
    Ok((resource, value.parse().map_err(|_| bad())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        text.split(' ').map(String::from).collect()
    }

    #[test]
    fn options_end_at_the_dashes() {
        let plan = parse(&split("--rw /a --ro /b --dev /dev/kvm -- qemu --rw -- x")).unwrap();
        assert_eq!(plan.rules.len(), 3);
        assert_eq!(plan.program, split("qemu --rw -- x"));
        for bad in ["--rw", "--listen", "--listen /s", "--connect", "--tap", "--cgroup", "--rw /a", "--", "qemu", "--xx /a -- b", "--limit x=1 -- b", "--limit file-size -- b",
            "--limit file-size=-1 -- b", "--limit processes=9 -- b", "--isolate some -- b", "--network my -- b", "--signals own --profile x -- b", "--signals supervised -- b"] {
            assert!(parse(&split(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn descriptors_keep_the_order_of_the_command_line() {
        let plan = parse(&split("--connect /c --rw /a --tap bgr-x --cgroup /g --listen /l -- qemu --listen /x")).unwrap();
        assert_eq!(plan.inherited, [Inherited::Connected("/c".into()), Inherited::Tap("bgr-x".into()), Inherited::Listening("/l".into())]);
        assert_eq!(plan.cgroup.as_deref(), Some("/g"));
        assert_eq!(plan.rules.len(), 1);
    }

    #[test]
    fn limits_and_isolation_are_parsed_by_name() {
        let plan = parse(&split("--limit file-size=4096 --limit processes=64 --isolate all --network none --profile qemu --signals supervised -- qemu")).unwrap();
        assert_eq!(plan.limits, [(Resource::FileSize, 4096), (Resource::Processes, 64)]);
        assert_eq!((plan.isolation, plan.network), (Some(Isolation::All), false));
        assert_eq!((plan.profile.as_deref(), plan.supervised), (Some("qemu"), true));
    }
}
