//! Owns IP packets as hosts make them: right by default, wrong where a test says so. The addresses decide
//! on the version, and with it on what "ICMP", "ping" and "fragment" mean.
//!
//! All numbers are given in host order and stand in the packet in network order.

use std::net::IpAddr;

/// TCP flags (RFC 9293, section 3.1).
pub mod flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
}

/// Protocol numbers.
pub const ICMP: u8 = 1;
/// ICMPv6 (RFC 4443).
pub const ICMPV6: u8 = 58;
/// The IPv6 extension header of a fragment.
pub const FRAGMENT: u8 = 44;
/// TCP.
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;
/// SCTP.
pub const SCTP: u8 = 132;
/// UDP-Lite.
pub const UDP_LITE: u8 = 136;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;

/// An IPv4 or IPv6 packet. Changing it after its payload is set leaves the checksums of the payload as
/// they were, as a router's rewriting would.
#[derive(Debug, Clone)]
pub struct Packet {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Time to live, hop limit.
    pub ttl: u8,
    /// Type of service, traffic class.
    pub tos: u8,
    /// Identification; in IPv6 only fragments have one.
    pub id: u16,
    /// IPv6's flow label, as far as it has so many bits.
    pub label: u16,
    /// Flags and fragment offset, as in the IPv4 header; in IPv6 a fragment header says the same.
    pub fragment: u16,
    /// Protocol number of the payload.
    pub protocol: u8,
    /// IPv4 options, a multiple of 4 bytes; options of an IPv6 hop-by-hop header, 6 bytes and a multiple of 8.
    pub options: Vec<u8>,
    /// What follows the header.
    pub payload: Vec<u8>,
}

impl Packet {
    /// An empty packet between two addresses.
    pub fn new(source: &str, destination: &str) -> Self {
        let address = |text: &str| text.parse().unwrap_or_else(|_| panic!("no address: {text}"));
        Self {
            source: address(source),
            destination: address(destination),
            ttl: 64,
            tos: 0,
            id: 0x1234,
            label: 0,
            fragment: 0,
            protocol: 255,
            options: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// With this time to live.
    #[must_use]
    pub fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = ttl;
        self
    }

    /// With this type of service.
    #[must_use]
    pub fn tos(mut self, tos: u8) -> Self {
        self.tos = tos;
        self
    }

    /// With this identification.
    #[must_use]
    pub fn id(mut self, id: u16) -> Self {
        self.id = id;
        self
    }

    /// Not to be fragmented.
    #[must_use]
    pub fn dont_fragment(mut self) -> Self {
        self.fragment |= DONT_FRAGMENT;
        self
    }

    /// With these options, padded to whole words.
    #[must_use]
    pub fn options(mut self, options: &[u8]) -> Self {
        self.options = options.to_vec();
        let length = match self.source {
            IpAddr::V4(_) => options.len().next_multiple_of(4),
            IpAddr::V6(_) => (options.len() + 2).next_multiple_of(8) - 2,
        };
        // In both families zeroes are padding of one byte each, or the end.
        self.options.resize(length, 0);
        self
    }

    /// Carrying `bytes` of a protocol.
    #[must_use]
    pub fn raw(mut self, protocol: u8, bytes: &[u8]) -> Self {
        self.protocol = protocol;
        self.payload = bytes.to_vec();
        self
    }

    /// Carrying UDP (RFC 768).
    #[must_use]
    pub fn udp(self, source_port: u16, destination_port: u16, data: &[u8]) -> Self {
        let length = u16::try_from(8 + data.len()).expect("short data");
        let mut segment = words(&[source_port, destination_port, length, 0]);
        segment.extend(data);
        self.with_checksum(UDP, segment, 6)
    }

    /// Carrying TCP (RFC 9293) without options, window 64240.
    #[must_use]
    pub fn tcp(self, ports: (u16, u16), flags: u8, seq: u32, ack: u32, data: &[u8]) -> Self {
        self.tcp_with(ports, flags, [seq, ack], &[], data)
    }

    /// Carrying TCP with these options, a multiple of 4 bytes; `numbers` are sequence and acknowledgement.
    #[must_use]
    pub fn tcp_with(
        self,
        ports: (u16, u16),
        flags: u8,
        numbers: [u32; 2],
        options: &[u8],
        data: &[u8],
    ) -> Self {
        let mut segment = words(&[ports.0, ports.1]);
        numbers.iter().for_each(|number| segment.extend(number.to_be_bytes()));
        let words_of_header = u8::try_from(5 + options.len() / 4).expect("short options");
        segment.extend([words_of_header << 4, flags]);
        segment.extend(words(&[64240, 0, 0]));
        segment.extend(options);
        segment.extend(data);
        self.with_checksum(TCP, segment, 16)
    }

    /// With this TCP window.
    #[must_use]
    pub fn window(mut self, window: u16) -> Self {
        let mut segment = std::mem::take(&mut self.payload);
        segment[14..16].copy_from_slice(&window.to_be_bytes());
        segment[16..18].fill(0);
        self.with_checksum(TCP, segment, 16)
    }

    /// Carrying SCTP (RFC 9260): a common header with this verification tag, and these chunks.
    #[must_use]
    pub fn sctp(self, ports: (u16, u16), tag: u32, chunks: &[u8]) -> Self {
        let mut packet = words(&[ports.0, ports.1]);
        packet.extend(tag.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(chunks);
        let sum = crc32c(&packet).to_le_bytes();
        packet[8..12].copy_from_slice(&sum);
        self.raw(SCTP, &packet)
    }

    /// Carrying an ICMP echo request (RFC 792).
    #[must_use]
    pub fn ping(self, id: u16, sequence: u16, data: &[u8]) -> Self {
        let kind = if self.source.is_ipv6() { 128 } else { 8 };
        self.icmp(kind, 0, &words(&[id, sequence]), data)
    }

    /// Carrying an ICMP echo reply.
    #[must_use]
    pub fn pong(self, id: u16, sequence: u16, data: &[u8]) -> Self {
        let kind = if self.source.is_ipv6() { 129 } else { 0 };
        self.icmp(kind, 0, &words(&[id, sequence]), data)
    }

    /// Carrying an ICMP error about `inner`, an IP packet as its receiver saw it: 548 bytes of it
    /// at most, as RFC 1812 section 4.3.2.3 has it; in IPv6 as much as the smallest MTU holds.
    #[must_use]
    pub fn icmp_error(self, kind: u8, code: u8, mtu: u16, inner: &[u8]) -> Self {
        let most = if self.source.is_ipv6() { 1232 } else { 548 };
        self.icmp(kind, code, &words(&[0, mtu]), &inner[..inner.len().min(most)])
    }

    /// Carrying ICMP: the four bytes after the checksum and what follows.
    #[must_use]
    pub fn icmp(self, kind: u8, code: u8, rest: &[u8], data: &[u8]) -> Self {
        let mut message = vec![kind, code, 0, 0];
        message.extend(rest);
        message.extend(data);
        if self.source.is_ipv6() {
            return self.with_checksum(ICMPV6, message, 2);
        }
        let sum = checksum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
        self.raw(ICMP, &message)
    }

    /// With the bits of one payload byte turned over.
    #[must_use]
    pub fn spoil(mut self, offset: usize) -> Self {
        self.payload[offset] ^= 0xff;
        self
    }

    /// Cut into fragments whose payloads have these lengths (multiples of 8), the rest in a last.
    pub fn fragments(&self, lengths: &[usize]) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut offset = 0;
        let end = self.payload.len();
        for length in lengths.iter().copied().chain([usize::MAX]) {
            let next = end.min(offset + length.min(end));
            let units = u16::try_from(offset / 8).expect("a short packet");
            let more = if next < end { MORE_FRAGMENTS } else { 0 };
            let mut part = self.clone();
            part.payload = self.payload[offset..next].to_vec();
            part.fragment = self.fragment | units | more;
            parts.push(part);
            offset = next;
        }
        parts
    }

    /// The packet as it goes into a frame.
    pub fn bytes(&self) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.bytes_v4(source.octets(), destination.octets())
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                self.bytes_v6(source.octets(), destination.octets())
            }
            (source, destination) => panic!("{source} and {destination} are of two families"),
        }
    }

    /// RFC 8200: fixed header, hop-by-hop options if there are any, fragment header of a fragment.
    fn bytes_v6(&self, source: [u8; 16], destination: [u8; 16]) -> Vec<u8> {
        let (mut next, mut rest) = (self.protocol, self.payload.clone());
        if self.fragment & !DONT_FRAGMENT != 0 {
            let more = u16::from(self.fragment & MORE_FRAGMENTS != 0);
            let place = self.fragment << 3 | more;
            let header = [vec![next, 0], words(&[place, 0, self.id])].concat();
            (next, rest) = (FRAGMENT, [header, rest].concat());
        }
        if !self.options.is_empty() {
            let eights = u8::try_from((self.options.len() + 2) / 8 - 1).expect("few options");
            (next, rest) = (0, [vec![next, eights], self.options.clone(), rest].concat());
        }
        let length = u16::try_from(rest.len()).expect("a short packet");
        let mut bytes = vec![0x60 | self.tos >> 4, self.tos << 4];
        bytes.extend(words(&[self.label, length]));
        bytes.extend([next, self.ttl]);
        bytes.extend(source);
        bytes.extend(destination);
        bytes.extend(rest);
        bytes
    }

    fn bytes_v4(&self, source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
        let header = 20 + self.options.len();
        let total = u16::try_from(header + self.payload.len()).expect("a short packet");
        let words_of_header = u8::try_from(header / 4).expect("few options");
        let mut bytes = vec![0x40 | words_of_header, self.tos];
        bytes.extend(words(&[total, self.id, self.fragment]));
        bytes.extend([self.ttl, self.protocol, 0, 0]);
        bytes.extend(source);
        bytes.extend(destination);
        bytes.extend(&self.options);
        let sum = checksum(&bytes).to_be_bytes();
        bytes[10..12].copy_from_slice(&sum);
        bytes.extend(&self.payload);
        bytes
    }

    fn with_checksum(self, protocol: u8, mut segment: Vec<u8>, at: usize) -> Self {
        let sum = transport_checksum(self.source, self.destination, protocol, &segment);
        segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        self.raw(protocol, &segment)
    }
}

/// An Ethernet frame without a tag around `payload`.
pub fn ethernet(to: &str, from: &str, kind: u16, payload: &[u8]) -> Vec<u8> {
    [mac(to), mac(from), kind.to_be_bytes().into(), payload.into()].concat()
}

/// The bytes of a MAC address.
fn mac(text: &str) -> Vec<u8> {
    let byte = |digits| u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("no MAC: {text}"));
    text.split(':').map(byte).collect()
}

/// 16-bit numbers in network order.
pub fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// The Internet checksum (RFC 1071); 0 over bytes that hold a right one.
pub fn checksum(bytes: &[u8]) -> u16 {
    let pair = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(pair).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// CRC-32c (RFC 9260, appendix A).
pub fn crc32c(bytes: &[u8]) -> u32 {
    let shift = |sum: u32, _| sum >> 1 ^ if sum & 1 == 1 { 0x82f6_3b78 } else { 0 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), shift))
}

/// The checksum of a TCP, UDP or ICMPv6 segment with its pseudo header.
pub fn transport_checksum(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    segment: &[u8],
) -> u16 {
    let length = u16::try_from(segment.len()).expect("a short segment");
    pseudo_checksum(source, destination, protocol, length, segment)
}

/// The same of the covered part of a segment of this length.
pub fn pseudo_checksum(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    length: u16,
    covered: &[u8],
) -> u16 {
    let mut bytes = [octets(source), octets(destination)].concat();
    bytes.extend(words(&[u16::from(protocol), length]));
    bytes.extend(covered);
    checksum(&bytes)
}

/// Whether a packet is IPv6, whole as far as its header goes.
pub fn is_v6(packet: &[u8]) -> bool {
    packet.len() >= 40 && packet[0] >> 4 == 6
}

/// Source and destination of an IP packet.
pub fn addresses(packet: &[u8]) -> (IpAddr, IpAddr) {
    let v4 = |at: usize| <[u8; 4]>::try_from(&packet[at..at + 4]).expect("4 bytes").into();
    let v6 = |at: usize| <[u8; 16]>::try_from(&packet[at..at + 16]).expect("16 bytes").into();
    if is_v6(packet) { (v6(8), v6(24)) } else { (v4(12), v4(16)) }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
