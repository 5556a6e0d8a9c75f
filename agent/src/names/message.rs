//! DNS messages (RFC 1035, 4): a question for addresses, and the addresses in its answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Types of records: A, AAAA.
pub const TYPES: [u16; 2] = [1, 28];
const CLASS_IN: u16 = 1;
const HEADER: usize = 12;
/// Records of an answer that are looked at.
const MAX_RECORDS: u16 = 64;

/// Of labels with 1 to 63 visible characters, at most 253 in all (RFC 1035, 2.3.4); a dot may end it.
pub fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_graphic());
    name.len() <= 253 && name.split('.').all(is_label)
}

/// `name` must be one, without a dot at its end.
pub fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    message.extend(id.to_be_bytes());
    // recursion desired; one question
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    message
}

/// What a server said: addresses, or that there are none.
#[derive(Debug, PartialEq)]
pub enum Said {
    Addresses(Vec<IpAddr>),
    /// it can't tell: another server may
    Failed,
}

/// None: not an answer to `question`. An answer that was cut has the addresses that fit.
pub fn answer(question: &[u8], message: &[u8]) -> Option<Said> {
    let (asked, got) = (question.get(HEADER..)?, message.get(HEADER..)?);
    let is_answer = message[..2] == question[..2] && message[2] & 0x80 != 0 && message[4..6] == [0, 1];
    if !is_answer || !got.get(..asked.len())?.eq_ignore_ascii_case(asked) {
        return None;
    }
    match message[3] & 0x0f {
        0 => {}
        // NXDOMAIN
        3 => return Some(Said::Addresses(Vec::new())),
        _ => return Some(Said::Failed),
    }
    let records = u16::from_be_bytes([message[6], message[7]]).min(MAX_RECORDS);
    let mut found = Vec::new();
    let mut at = question.len();
    for _ in 0..records {
        let Some((address, next)) = record(message, at) else { break };
        found.extend(address);
        at = next;
    }
    Some(Said::Addresses(found))
}

/// The address in a record, if it has one, and where the next record begins. Who owns the record is not looked at: names that
/// lead to the address (CNAME) have been followed by the server.
fn record(message: &[u8], at: usize) -> Option<(Option<IpAddr>, usize)> {
    let fixed = name_end(message, at)?;
    let word = |at: usize| Some(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?));
    let (kind, class, length) = (word(fixed)?, word(fixed + 2)?, usize::from(word(fixed + 8)?));
    let data = message.get(fixed + 10..fixed + 10 + length)?;
    let address = match (kind, class) {
        (1, CLASS_IN) => <[u8; 4]>::try_from(data).ok().map(|bytes| Ipv4Addr::from(bytes).into()),
        (28, CLASS_IN) => <[u8; 16]>::try_from(data).ok().map(|bytes| Ipv6Addr::from(bytes).into()),
        _ => None,
    };
    Some((address, fixed + 10 + length))
}

/// Skips a name, which ends with an empty label or a pointer.
fn name_end(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length if length & 0xc0 == 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with this response code and these records, whose names point to the question's.
    fn answered(question: &[u8], code: u8, records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] |= 0x80;
        message[3] = code;
        message[7] = records.len() as u8;
        for (kind, data) in records {
            message.extend([0xc0, 12]);
            message.extend(kind.to_be_bytes());
            message.extend([0, 1, 0, 0, 0, 60]);
            message.extend((data.len() as u16).to_be_bytes());
            message.extend(*data);
        }
        message
    }

    #[test]
    fn names_are_told_from_what_is_none() {
        for good in ["a", "db.internal", "db.internal.", "_x._tcp.a-b", &"a".repeat(63)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".", "a..b", ".a", "a b", "a\n", "ä", &"a".repeat(64), &("a.".repeat(127) + "a")] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn the_addresses_of_an_answer_are_found_behind_other_records() {
        let asked = question(7, "db.internal", 1);
        assert_eq!(&asked[..14], b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x02d");
        let got = answered(&asked, 0, &[(5, b"\x01x\0"), (1, &[10, 0, 0, 5]), (1, &[1, 2, 3]), (28, &[0; 16])]);
        let all = vec!["10.0.0.5".parse().unwrap(), "::".parse().unwrap()];
        assert_eq!(answer(&asked, &got), Some(Said::Addresses(all)));
    }

    #[test]
    fn no_such_name_and_a_failure_are_two_things() {
        let asked = question(7, "x", 1);
        assert_eq!(answer(&asked, &answered(&asked, 3, &[])), Some(Said::Addresses(Vec::new())));
        assert_eq!(answer(&asked, &answered(&asked, 2, &[])), Some(Said::Failed));
    }

    #[test]
    fn what_answers_another_question_is_none() {
        let (asked, other) = (question(7, "x", 1), question(7, "y", 1));
        assert_eq!(answer(&asked, &answered(&other, 0, &[])), None);
        assert_eq!(answer(&asked, &answered(&question(8, "x", 1), 0, &[])), None);
        assert_eq!(answer(&asked, &asked), None);
        for length in 0..asked.len() {
            assert_eq!(answer(&asked, &answered(&asked, 0, &[])[..length]), None);
        }
    }

    #[test]
    fn records_that_are_cut_or_lie_end_the_reading() {
        let asked = question(7, "x", 1);
        let whole = answered(&asked, 0, &[(1, &[1, 1, 1, 1]), (1, &[2, 2, 2, 2])]);
        for length in asked.len()..whole.len() {
            let Some(Said::Addresses(found)) = answer(&asked, &whole[..length]) else { panic!("{length}") };
            assert!(found.len() < 2);
        }
        let mut lying = whole;
        lying[6..8].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(answer(&asked, &lying), Some(Said::Addresses(vec![[1, 1, 1, 1].into(), [2, 2, 2, 2].into()])));
    }
}
