//! Decides which of a guest's frames are passed to passt. Pure: a policy and a frame in, a decision out.
//!
//! passt opens a socket to the destination of an IPv4 packet, so the destination decides what a guest can reach.

use std::net::Ipv4Addr;

const ETHERNET_HEADER: usize = 14;
/// RFC 826: for IPv4 over Ethernet
const ARP_MESSAGE: usize = 28;
/// version 4 and a header of five words: no options
const PLAIN_HEADER: u8 = 0x45;
const HEADER: usize = 20;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const DNS_PORT: u16 = 53;

/// Networks that no guest can reach, whatever the user allows.
const NEVER: [Network; 8] = [
    // "this host" (RFC 1122, 3.2.1.3): Linux connects to loopback
    Network::of([0, 0, 0, 0], 8),
    Network::of([127, 0, 0, 0], 8),
    // link-local (RFC 3927): most clouds serve credentials of the host here
    Network::of([169, 254, 0, 0], 16),
    // metadata services elsewhere (protocol/metadata-addresses.json): Alibaba Cloud, Azure's WireServer, Oracle Cloud Classic
    Network::of([100, 100, 100, 200], 32),
    Network::of([168, 63, 129, 16], 32),
    Network::of([192, 0, 0, 192], 32),
    // multicast (RFC 5771)
    Network::of([224, 0, 0, 0], 4),
    // reserved (RFC 1112), with limited broadcast (RFC 919)
    Network::of([240, 0, 0, 0], 4),
];

/// An IPv4 network, as in `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: u32,
    mask: u32,
}

impl Network {
    const fn of(address: [u8; 4], prefix: u32) -> Self {
        let mask = if prefix == 0 { 0 } else { u32::MAX << (32 - prefix) };
        Network { address: u32::from_be_bytes(address), mask }
    }

    /// None unless the text is `ADDRESS/PREFIX` and every bit after the prefix is zero.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let is_number = !prefix.is_empty() && prefix.len() <= 2 && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u32 = prefix.parse().ok().filter(|&bits| is_number && bits <= 32)?;
        let network = Network::of(address.parse::<Ipv4Addr>().ok()?.octets(), prefix);
        (network.address & !network.mask == 0).then_some(network)
    }

    fn contains(&self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask == self.address
    }
}

/// The user's settings for one VM. The default denies only what no guest can reach.
#[derive(Debug, Default)]
pub struct Policy {
    /// networks that this guest cannot reach
    pub denied: Vec<Network>,
    /// the address at which passt provides the host's resolver: DNS to it passes whatever is denied
    pub resolver: Option<Ipv4Addr>,
}

impl Policy {
    /// Whether a frame, which starts with its Ethernet header, is passed to passt.
    pub fn allows(&self, frame: &[u8]) -> bool {
        match frame.get(12..ETHERNET_HEADER) {
            // answered by passt itself, never sent to the host's network
            Some([0x08, 0x06]) => is_arp(&frame[ETHERNET_HEADER..]),
            Some([0x08, 0x00]) => Packet::read(&frame[ETHERNET_HEADER..]).is_some_and(|packet| self.allows_packet(&packet)),
            _ => false,
        }
    }

    fn allows_packet(&self, packet: &Packet) -> bool {
        let is_never = NEVER.iter().any(|network| network.contains(packet.source) || network.contains(packet.destination));
        let is_denied = || self.denied.iter().any(|network| network.contains(packet.destination));
        !is_never && (self.is_query(packet) || !is_denied())
    }

    fn is_query(&self, packet: &Packet) -> bool {
        self.resolver == Some(packet.destination) && packet.destination_port() == Some(DNS_PORT)
    }
}

/// Ethernet, IPv4, addresses of six and four bytes.
fn is_arp(message: &[u8]) -> bool {
    message.len() >= ARP_MESSAGE && message[..6] == [0, 1, 8, 0, 6, 4]
}

/// An IPv4 packet of a protocol that passt supports.
struct Packet<'a> {
    protocol: u8,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// None for packets that passt does not support or could interpret differently: other versions and protocols, options,
    /// fragments, a total length below that of the header or above that of the frame.
    fn read(data: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = data.first_chunk()?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let address = |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
        // the bit "more fragments", and the offset
        let is_fragment = word(6) & 0x3fff != 0;
        let protocol = header[9];
        if header[0] != PLAIN_HEADER || is_fragment || !matches!(protocol, ICMP | TCP | UDP) {
            return None;
        }
        let payload = data.get(HEADER..usize::from(word(2)))?;
        Some(Packet { protocol, source: address(12), destination: address(16), payload })
    }

    fn destination_port(&self) -> Option<u16> {
        match (self.protocol, self.payload) {
            (TCP | UDP, &[_, _, high, low, ..]) => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
