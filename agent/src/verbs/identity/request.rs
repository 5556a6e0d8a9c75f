//! The request of `identity`, checked field by field.

use crate::guest::ExecDefaults;
use crate::sys::net::Mac;
use crate::wire::json::{self, Answer, Object, Refusal};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The fields of a valid request.
#[derive(Debug, Default, PartialEq)]
pub struct Request {
    pub generation: u64,
    /// this VM will be saved, and its copies get their own identities
    pub template: bool,
    /// the VM resumes from its own saved state: no new boot id
    pub keep_boot_id: bool,
    pub hostname: Option<String>,
    /// where the guest reaches the ports of its host that it may
    pub host_address: Option<Ipv4Addr>,
    pub machine_id: Option<String>,
    /// seconds since 1970, nanoseconds
    pub clock: Option<(i64, i64)>,
    pub entropy: Option<Vec<u8>>,
    pub network: Option<Network>,
    pub host_keys: Vec<HostKey>,
    pub authorized_keys: Option<Vec<String>>,
    pub environment: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub certificates: Option<Vec<String>>,
    pub exec_defaults: Option<ExecDefaults>,
}

/// The largest TCP window that there can be (RFC 7323, 2.3), in bytes.
const MAX_WINDOW: u64 = 1 << 30;

/// Configuration of the network interface and the resolver.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    pub address: Ipv4Addr,
    pub prefix: u8,
    pub gateway: Option<Ipv4Addr>,
    /// of the default route, in bytes
    pub window: Option<u32>,
    pub mac: Option<Mac>,
    pub dns: Vec<String>,
    pub search: Vec<String>,
}

impl Network {
    /// Same address, prefix, gateway and window; MAC and resolver can differ.
    pub fn has_same_route(&self, other: &Network) -> bool {
        let route = |of: &Network| (of.address, of.prefix, of.gateway, of.window);
        route(self) == route(other)
    }
}

/// An ssh host key; `kind` as in its file name, such as `ed25519`.
#[derive(Debug, PartialEq)]
pub struct HostKey {
    pub kind: String,
    pub private: String,
    pub public: String,
}

impl Request {
    pub fn parse(object: &Object) -> Answer<Request> {
        Ok(Request {
            generation: json::required_number(object, "generation", 1 << 53)?,
            template: json::flag(object, "template")?,
            keep_boot_id: json::flag(object, "keepBootId")?,
            hostname: checked(object, "hostname", is_hostname)?,
            host_address: parsed(object, "hostAddress", |text| text.parse().ok().filter(Ipv4Addr::is_loopback))?,
            machine_id: checked(object, "machineId", is_machine_id)?,
            clock: parsed(object, "clock", clock)?,
            entropy: parsed(object, "entropy", |text| base64(text).filter(|bytes| (32..=512).contains(&bytes.len())))?,
            network: json::nested(object, "network")?.map(network).transpose()?,
            host_keys: all(json::objects(object, "sshHostKeys", 8)?.unwrap_or_default(), host_key)?,
            authorized_keys: json::texts(object, "authorizedKeys", 256)?.map(|keys| lines("authorizedKeys", keys)).transpose()?,
            environment: json::environment(object, "environment")?,
            certificates: json::texts(object, "caCertificates", 64)?.map(|texts| all(texts, certificate)).transpose()?,
            exec_defaults: json::nested(object, "session")?.map(exec_defaults).transpose()?,
        })
    }
}

fn all<T, U>(list: Vec<T>, each: impl Fn(T) -> Answer<U>) -> Answer<Vec<U>> {
    list.into_iter().map(each).collect()
}

fn checked(object: &Object, name: &str, is_good: fn(&str) -> bool) -> Answer<Option<String>> {
    parsed(object, name, |text| is_good(text).then(|| text.to_string()))
}

fn parsed<T>(object: &Object, name: &str, parse: impl Fn(&str) -> Option<T>) -> Answer<Option<T>> {
    let Some(text) = json::text(object, name)? else { return Ok(None) };
    parse(text).map(Some).ok_or_else(|| Refusal::bad(format!("{name} is not valid")))
}

fn is_hostname(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (1..=64).contains(&text.len()) && text.bytes().all(is_plain) && !text.starts_with(['-', '.'])
}

/// machine-id(5): 32 lower-case hexadecimal digits.
pub fn is_machine_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn clock(text: &str) -> Option<(i64, i64)> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seconds) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    Some((seconds.parse().ok()?, format!("{fraction:0<9}").parse().ok()?))
}

fn exec_defaults(object: &Object) -> Answer<ExecDefaults> {
    let is_path = |path: &Vec<u8>| path.starts_with(b"/") && !path.split(|byte| *byte == b'/').any(|part| part == b"..");
    let workdir = json::bytes(object, "workdir")?;
    if !workdir.iter().all(is_path) {
        return Err(Refusal::bad("workdir is not valid"));
    }
    Ok(ExecDefaults { user: json::bytes(object, "user")?, workdir })
}

fn network(object: &Object) -> Answer<Network> {
    let bad = |what: &str| Refusal::bad(format!("network: {what} is not valid"));
    let address = |name: &'static str| {
        json::text(object, name)?.map(|text| text.parse::<Ipv4Addr>().map_err(|_| bad(name))).transpose()
    };
    let mac = parsed(object, "mac", mac)?;
    let names = |name: &'static str| -> Answer<Vec<String>> {
        let list = json::texts(object, name, 32)?.unwrap_or_default();
        let is_name = |name: &&str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_%".contains(&byte))
        };
        if !list.iter().all(|name| is_name(&name)) {
            return Err(bad(name));
        }
        Ok(list.into_iter().map(String::from).collect())
    };
    Ok(Network {
        address: address("address")?.ok_or_else(|| bad("address"))?,
        prefix: json::required_number(object, "prefix", 32)? as u8,
        gateway: address("gateway")?,
        window: json::number(object, "window", MAX_WINDOW)?.map(|bytes| bytes as u32),
        mac,
        dns: names("dns")?,
        search: names("search")?,
    })
}

/// A MAC of one interface: neither a group address nor all zeroes.
fn mac(text: &str) -> Option<Mac> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    (parts.next().is_none() && bytes[0] & 1 == 0 && bytes != [0; 6]).then_some(bytes)
}

fn host_key(object: &Object) -> Answer<HostKey> {
    let text = |name| json::required_text(object, name).map(String::from);
    let key = HostKey { kind: text("type")?, private: text("private")?, public: text("public")? };
    let is_kind = !key.kind.is_empty() && key.kind.len() <= 16 && key.kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_kind {
        Ok(key)
    } else {
        Err(Refusal::bad("sshHostKeys: type is not valid"))
    }
}

fn lines(name: &str, texts: Vec<&str>) -> Answer<Vec<String>> {
    let trimmed: Vec<String> = texts.iter().map(|text| text.trim().to_string()).collect();
    if trimmed.iter().any(|text| text.contains(['\n', '\r'])) {
        return Err(Refusal::bad(format!("{name} must be single lines")));
    }
    Ok(trimmed)
}

fn certificate(text: &str) -> Answer<String> {
    let text = text.trim();
    if text.starts_with("-----BEGIN CERTIFICATE-----") && text.ends_with("-----END CERTIFICATE-----") {
        Ok(format!("{text}\n"))
    } else {
        Err(Refusal::bad("caCertificates must be PEM"))
    }
}

/// RFC 4648, with padding; no white space.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    if text.len() % 4 != 0 || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Answer<Request> {
        Request::parse(&json::object(json.as_bytes()).unwrap())
    }

    #[test]
    fn every_field_except_generation_is_optional() {
        assert_eq!(parse(r#"{"generation":3}"#).unwrap(), Request { generation: 3, ..Request::default() });
        assert!(parse("{}").is_err());
    }

    #[test]
    fn the_vectors_are_parsed() {
        let of = |name: &str| Request::parse(&crate::wire::vectors::open(name)).unwrap();
        let template = of("identity of a template");
        assert!(template.template && template.entropy.is_some_and(|bytes| bytes.len() == 32));
        assert_eq!((template.authorized_keys, template.certificates), (Some(Vec::new()), Some(Vec::new())));
        assert_eq!((template.clock, template.environment), (Some((1_763_900_000, 500_000_000)), Some(BTreeMap::new())));
        let copy = of("identity of a copy");
        assert!(copy.keep_boot_id && !copy.template && copy.environment.is_none() && copy.host_keys.len() == 1);
        assert_eq!(copy.network.and_then(|network| network.mac), Some([2, 0xab, 0, 0, 0, 15]));
        let clock = Some((1_763_900_000, 123_456_789));
        assert_eq!(of("identity that sets the clock alone"), Request { generation: 2, clock, ..Request::default() });
    }

    fn is_taken(field: &str) -> bool {
        parse(&format!("{{\"generation\":1,{field}}}")).is_ok()
    }

    fn list(name: &str, item: &str, count: usize) -> String {
        format!("\"{name}\":[{}]", vec![item; count].join(","))
    }

    #[test]
    fn lists_are_accepted_up_to_their_limit() {
        let key = r#"{"type":"ed25519","private":"a","public":"b"}"#;
        let certificate = r#""-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n""#;
        for (name, item, most) in [("sshHostKeys", key, 8), ("authorizedKeys", r#""k""#, 256), ("caCertificates", certificate, 64)] {
            assert!(is_taken(&list(name, item, most)), "{most} {name}");
            assert!(!is_taken(&list(name, item, most + 1)), "{} {name}", most + 1);
        }
        for name in ["dns", "search"] {
            let network = |count| format!(r#""network":{{"address":"1.2.3.4","prefix":24,{}}}"#, list(name, r#""a""#, count));
            assert!(is_taken(&network(32)) && !is_taken(&network(33)), "{name}");
        }
    }

    #[test]
    fn strings_and_numbers_are_accepted_up_to_their_limit() {
        let host = |length: usize| format!(r#""hostname":"{}""#, "h".repeat(length));
        assert!(is_taken(&host(64)) && !is_taken(&host(65)));
        let entropy = |bytes: usize| format!(r#""entropy":"{}{}""#, "AAAA".repeat(bytes / 3), ["", "AA==", "AAA="][bytes % 3]);
        assert!(!is_taken(&entropy(31)) && is_taken(&entropy(32)) && is_taken(&entropy(512)) && !is_taken(&entropy(513)));
        let clock = |digits: usize| format!(r#""clock":"1.{}""#, "1".repeat(digits));
        assert!(is_taken(&clock(9)) && !is_taken(&clock(10)));
        let prefix = |bits: u8| format!(r#""network":{{"address":"1.2.3.4","prefix":{bits}}}"#);
        assert!(is_taken(&prefix(32)) && !is_taken(&prefix(33)));
        assert!(parse(r#"{"generation":9007199254740992}"#).is_ok() && parse(r#"{"generation":9007199254740993}"#).is_err());
    }

    #[test]
    fn values_that_could_corrupt_a_file_are_refused() {
        for bad in [
            r#""hostname":"a\nb""#,
            r#""hostname":"-a""#,
            r#""hostname":"""#,
            r#""hostAddress":"10.0.0.1""#,
            r#""hostAddress":"127.0.0.1 evil""#,
            r#""machineId":"0123456789ABCDEF0123456789ABCDEF""#,
            r#""clock":"-1.0""#,
            r#""clock":"1e9""#,
            r#""entropy":"AAAA""#,
            r#""authorizedKeys":["ssh-ed25519 A\nssh-rsa B"]"#,
            r#""network":{"address":"1.2.3","prefix":24}"#,
            r#""network":{"address":"1.2.3.4","prefix":24,"window":1073741825}"#,
            r#""network":{"address":"1.2.3.4","prefix":24,"window":"64"}"#,
            r#""network":{"address":"1.2.3.4","prefix":33}"#,
            r#""network":{"address":"1.2.3.4","prefix":24,"mac":"02:00:00:00:00"}"#,
            r#""network":{"address":"1.2.3.4","prefix":24,"mac":"02:00:00:00:00:+1"}"#,
            r#""network":{"address":"1.2.3.4","prefix":24,"mac":"03:00:00:00:00:01"}"#,
            r#""network":{"address":"1.2.3.4","prefix":24,"mac":"00:00:00:00:00:00"}"#,
            r#""network":{"address":"1.2.3.4","prefix":24,"dns":["1.1.1.1\nx"]}"#,
            r#""sshHostKeys":[{"type":"../x","private":"","public":""}]"#,
            r#""caCertificates":["hello"]"#,
            r#""environment":{"A":1}"#,
        ] {
            assert!(parse(&format!("{{\"generation\":1,{bad}}}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn macs_are_read_in_either_case() {
        assert_eq!(mac("02:aB:00:00:00:0f"), Some([2, 0xab, 0, 0, 0, 15]));
    }

    #[test]
    fn clocks_and_base64_are_parsed() {
        assert_eq!(clock("12.5"), Some((12, 500_000_000)));
        assert_eq!(clock("1763900000.123456789"), Some((1_763_900_000, 123_456_789)));
        assert_eq!(base64("aGVsbG8="), Some(b"hello".to_vec()));
        assert_eq!((base64("aGVsbG8"), base64("a==="), base64("a*==")), (None, None, None));
    }
}
