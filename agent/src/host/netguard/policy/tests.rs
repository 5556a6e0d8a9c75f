use super::*;

const GUEST: [u8; 4] = [192, 0, 2, 15];
const PUBLIC: [u8; 4] = [9, 9, 9, 9];
const RESOLVER: [u8; 4] = [192, 0, 2, 3];

fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

// numbers of /etc/protocols, on purpose not the code's constants
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// UDP to port 53, 28 bytes with its header.
fn packet(source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
    let mut data = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, UDP, 0, 0];
    data.extend(source);
    data.extend(destination);
    data.extend([0xa0, 0x00, 0, 53, 0, 8, 0, 0]);
    data
}

fn to(destination: [u8; 4]) -> Vec<u8> {
    ethernet(0x0800, &packet(GUEST, destination))
}

fn changed(at: usize, value: u8) -> Vec<u8> {
    let mut data = packet(GUEST, PUBLIC);
    data[at] = value;
    ethernet(0x0800, &data)
}

fn denying(networks: &[&str]) -> Policy {
    let denied = networks.iter().map(|text| Network::parse(text).expect(text)).collect();
    Policy { denied, resolver: Some(RESOLVER.into()) }
}

/// The IPv4 addresses of the list that the TypeScript tests use as well; IPv6 packets never pass.
fn metadata_services() -> Vec<[u8; 4]> {
    let list: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../protocol/metadata-addresses.json")).unwrap();
    let addresses = list.as_array().unwrap().iter().map(|one| one["address"].as_str().unwrap());
    let v4: Vec<_> = addresses.filter_map(|text| text.parse::<Ipv4Addr>().ok()).map(|address| address.octets()).collect();
    assert!(!v4.is_empty());
    v4
}

#[test]
fn loopback_link_local_metadata_multicast_and_broadcast_never_pass() {
    let first_and_last = [
        ([0, 0, 0, 0], [0, 255, 255, 255]),
        ([127, 0, 0, 0], [127, 255, 255, 255]),
        ([169, 254, 0, 0], [169, 254, 255, 255]),
        ([224, 0, 0, 0], [239, 255, 255, 255]),
        ([240, 0, 0, 0], [255, 255, 255, 255]),
    ];
    for address in first_and_last.into_iter().flat_map(|(first, last)| [first, last]).chain(metadata_services()) {
        assert!(!Policy::default().allows(&to(address)), "to {address:?}");
        let from = ethernet(0x0800, &packet(address, PUBLIC));
        assert!(!Policy::default().allows(&from), "from {address:?}");
    }
}

#[test]
fn their_neighbours_and_private_networks_pass_unless_they_are_denied() {
    let beside = [
        [1, 0, 0, 0],
        [126, 255, 255, 255],
        [128, 0, 0, 0],
        [169, 253, 255, 255],
        [169, 255, 0, 0],
        [223, 255, 255, 255],
        [100, 100, 100, 199],
        [100, 100, 100, 201],
    ];
    for address in [PUBLIC, [10, 0, 0, 1], [192, 168, 1, 1], [192, 0, 2, 2]].into_iter().chain(beside) {
        assert!(Policy::default().allows(&to(address)), "{address:?}");
    }
}

#[test]
fn a_network_is_denied_from_its_first_address_to_its_last() {
    let policy = denying(&["10.16.0.0/12", "198.51.100.7/32"]);
    for address in [[10, 16, 0, 0], [10, 31, 255, 255], [198, 51, 100, 7]] {
        assert!(!policy.allows(&to(address)), "{address:?}");
    }
    for address in [[10, 15, 255, 255], [10, 32, 0, 0], [198, 51, 100, 6], [198, 51, 100, 8]] {
        assert!(policy.allows(&to(address)), "{address:?}");
    }
}

#[test]
fn dns_to_the_resolver_passes_whatever_is_denied() {
    let policy = denying(&["0.0.0.0/0"]);
    assert!(!policy.allows(&to(PUBLIC)));
    assert!(policy.allows(&to(RESOLVER)));
    let mut tcp = packet(GUEST, RESOLVER);
    tcp[9] = TCP;
    assert!(policy.allows(&ethernet(0x0800, &tcp)));
    let mut ping = packet(GUEST, RESOLVER);
    ping[9] = ICMP;
    assert!(!policy.allows(&ethernet(0x0800, &ping)));
    let mut other_port = packet(GUEST, RESOLVER);
    other_port[23] = 54;
    assert!(!policy.allows(&ethernet(0x0800, &other_port)));
    let mut portless = packet(GUEST, RESOLVER)[..23].to_vec();
    portless[3] = 23;
    assert!(!policy.allows(&ethernet(0x0800, &portless)));
}

#[test]
fn a_resolver_in_a_network_that_never_passes_is_not_reachable() {
    let policy = Policy { denied: vec![], resolver: Some(Ipv4Addr::LOCALHOST) };
    assert!(!policy.allows(&to([127, 0, 0, 1])));
}

#[test]
fn arp_passes_for_any_address_because_passt_answers_it() {
    let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1];
    arp.extend([0; 16]);
    arp.extend([169, 254, 169, 254]);
    assert!(denying(&["0.0.0.0/0"]).allows(&ethernet(0x0806, &arp)));
    assert!(!Policy::default().allows(&ethernet(0x0806, &arp[..27])));
    for at in 0..6 {
        let mut other = arp.clone();
        other[at] ^= 0x10;
        assert!(!Policy::default().allows(&ethernet(0x0806, &other)), "byte {at}");
    }
}

#[test]
fn no_other_ether_type_passes() {
    let mut ipv6 = vec![0x60, 0, 0, 0, 0, 0, 59, 64];
    ipv6.extend([0; 32]);
    for ether_type in [0x86dd, 0x8100, 0x88a8, 0x8863, 0x8864, 0x88cc, 28, 0] {
        assert!(!Policy::default().allows(&ethernet(ether_type, &ipv6)), "{ether_type:#x}");
        assert!(!Policy::default().allows(&ethernet(ether_type, &packet(GUEST, PUBLIC))), "{ether_type:#x}");
    }
    assert!(!Policy::default().allows(&ethernet(0x0800, &ipv6)));
}

#[test]
fn only_the_protocols_that_passt_supports_pass() {
    let passed: Vec<u8> = (0..=255).filter(|&protocol| Policy::default().allows(&changed(9, protocol))).collect();
    assert_eq!(passed, [ICMP, TCP, UDP]);
}

#[test]
fn options_other_versions_and_fragments_are_dropped() {
    for first in (0..=255).filter(|&byte| byte != 0x45) {
        assert!(!Policy::default().allows(&changed(0, first)), "{first:#x}");
    }
    // more fragments; the largest and smallest offsets
    for (at, value) in [(6, 0x20), (6, 0x10), (6, 0x01), (7, 0x01), (7, 0x80)] {
        assert!(!Policy::default().allows(&changed(at, value)), "{at} {value:#x}");
    }
    let dont_fragment = changed(6, 0x40);
    assert!(Policy::default().allows(&dont_fragment));
}

#[test]
fn a_wrong_total_length_is_dropped_and_padding_is_not() {
    for total in [0, 1, 19, 29, 255] {
        assert!(!Policy::default().allows(&changed(3, total)), "{total}");
    }
    for total in [20, 27, 28] {
        assert!(Policy::default().allows(&changed(3, total)), "{total}");
    }
    assert!(!Policy::default().allows(&changed(2, 0xff)));
}

#[test]
fn a_truncated_frame_is_dropped() {
    let whole = to(PUBLIC);
    for length in 0..whole.len() {
        assert!(!Policy::default().allows(&whole[..length]), "{length}");
    }
    assert!(Policy::default().allows(&whole));
}

#[test]
fn a_network_is_an_address_and_a_prefix_with_no_bits_after_it() {
    for text in ["0.0.0.0/0", "10.0.0.0/8", "192.168.4.0/22", "198.51.100.7/32"] {
        assert!(Network::parse(text).is_some(), "{text}");
    }
    let wrong = ["", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/008", "10.0.0.1/8", "::/0", "10/8"];
    for text in wrong {
        assert!(Network::parse(text).is_none(), "{text}");
    }
}
