//! Frames, byte by byte. The data plane's own code is not used here, as it is what is checked.

use super::{Numbered, Protocol, Way};
use sluice_dataplane::address::Mac;
use std::net::IpAddr;

/// Bytes of the shortest Ethernet frame, without FCS.
const SHORTEST: usize = 60;
/// The longest frame built here: a SYN over IPv6.
const LONGEST: usize = 96;
const ETHERNET: usize = 14;
/// Payload of a TCP segment: the number.
const SEGMENT: u32 = Numbered::BYTES as u32;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A frame, without FCS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameBytes {
    bytes: [u8; LONGEST],
    length: usize,
}

impl FrameBytes {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Addresses and ports as a frame has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Endpoints {
    pub(super) source: (IpAddr, u16),
    pub(super) destination: (IpAddr, u16),
}

/// A frame's number, and what TCP says beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    number: Numbered,
    sequence: u32,
    acknowledgement: u32,
    flags: u8,
}

impl Segment {
    /// The first segment of each way has the SYN, and data with it, as TCP Fast Open allows.
    pub(super) fn of(number: Numbered, acknowledged: u32) -> Self {
        let (own, other) = initial(number);
        let begins = number.turn == 0;
        let flags = match (begins, number.way) {
            (true, Way::Out) => SYN,
            (true, Way::Back) => SYN | ACK,
            (false, Way::Out | Way::Back) => ACK,
        };
        let data = own.wrapping_add(1).wrapping_add(SEGMENT.wrapping_mul(number.turn));
        let acknowledgement = match flags & ACK {
            0 => 0,
            _ => other.wrapping_add(1).wrapping_add(SEGMENT.wrapping_mul(acknowledged)),
        };
        Self { number, sequence: if begins { own } else { data }, acknowledgement, flags }
    }
}

/// The first sequence numbers of a flow: of this way, and of the other.
const fn initial(number: Numbered) -> (u32, u32) {
    let client = number.flow.wrapping_mul(0x9e37_79b9);
    let server = number.flow.wrapping_mul(0x85eb_ca6b).wrapping_add(1);
    match number.way {
        Way::Out => (client, server),
        Way::Back => (server, client),
    }
}

/// How many segments of the other way a TCP frame acknowledges; its checksum protects that.
pub(super) fn acknowledged(frame: &[u8], number: Numbered) -> u32 {
    let Some(Ok(bytes)) = frame.get(42..46).map(<[u8; 4]>::try_from) else { return 0 };
    let (_, other) = initial(number);
    u32::from_be_bytes(bytes).wrapping_sub(other).wrapping_sub(1) / SEGMENT
}

/// A frame that begins with `to` and `from`.
pub(super) fn build(
    (to, from): (Mac, Mac),
    hops: u8,
    ends: Endpoints,
    segment: Segment,
    protocol: Protocol,
) -> FrameBytes {
    let (mut bytes, ip) = ([0; LONGEST], ip_header_length(ends));
    let layer4 = ETHERNET + ip;
    let header = match protocol {
        Protocol::Udp => 8,
        Protocol::Tcp if segment.flags & SYN != 0 => 24,
        Protocol::Tcp => 20,
    };
    let length = (layer4 + header + Numbered::BYTES).max(SHORTEST);
    bytes[0..6].copy_from_slice(&to.0);
    bytes[6..12].copy_from_slice(&from.0);
    bytes[layer4..layer4 + 2].copy_from_slice(&ends.source.1.to_be_bytes());
    bytes[layer4 + 2..layer4 + 4].copy_from_slice(&ends.destination.1.to_be_bytes());
    let size = u16::try_from(length - layer4).unwrap_or(u16::MAX);
    let checksum_at = match protocol {
        Protocol::Udp => {
            bytes[layer4 + 4..layer4 + 6].copy_from_slice(&size.to_be_bytes());
            layer4 + 6
        }
        Protocol::Tcp => {
            tcp(&mut bytes[layer4..layer4 + header], segment);
            layer4 + 16
        }
    };
    bytes[length - Numbered::BYTES..length].copy_from_slice(&segment.number.encode());
    let number = match protocol {
        Protocol::Udp => 17,
        Protocol::Tcp => 6,
    };
    let addresses = network(&mut bytes, hops, ends, number, size);
    // Pseudo-header: addresses (in the slice), protocol, length.
    let checksum = match !sum(u32::from(number) + u32::from(size), &bytes[addresses..length]) {
        0 if protocol == Protocol::Udp => 0xffff,
        checksum => checksum,
    };
    bytes[checksum_at..checksum_at + 2].copy_from_slice(&checksum.to_be_bytes());
    FrameBytes { bytes, length }
}

const fn ip_header_length(ends: Endpoints) -> usize {
    match ends.source.0 {
        IpAddr::V4(_) => 20,
        IpAddr::V6(_) => 40,
    }
}

/// Type and IP header; returns where its addresses begin.
fn network(bytes: &mut [u8; LONGEST], hops: u8, ends: Endpoints, protocol: u8, size: u16) -> usize {
    match (ends.source.0, ends.destination.0) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            bytes[12..16].copy_from_slice(&[0x08, 0x00, 0x45, 0x00]);
            bytes[16..18].copy_from_slice(&(size + 20).to_be_bytes());
            bytes[22..24].copy_from_slice(&[hops, protocol]);
            bytes[26..30].copy_from_slice(&source.octets());
            bytes[30..34].copy_from_slice(&destination.octets());
            let header = !sum(0, &bytes[14..34]);
            bytes[24..26].copy_from_slice(&header.to_be_bytes());
            26
        }
        (source, destination) => {
            bytes[12..16].copy_from_slice(&[0x86, 0xdd, 0x60, 0x00]);
            bytes[18..20].copy_from_slice(&size.to_be_bytes());
            bytes[20..22].copy_from_slice(&[protocol, hops]);
            for (at, address) in [(22, source), (38, destination)] {
                let address = match address {
                    IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                    IpAddr::V6(v6) => v6,
                };
                bytes[at..at + 16].copy_from_slice(&address.octets());
            }
            22
        }
    }
}

/// A TCP header; a SYN's asks for the widest window there is, so that one way can run ahead.
fn tcp(header: &mut [u8], segment: Segment) {
    header[4..8].copy_from_slice(&segment.sequence.to_be_bytes());
    header[8..12].copy_from_slice(&segment.acknowledgement.to_be_bytes());
    header[12] = u8::try_from(header.len() / 4 * 16).unwrap_or(u8::MAX);
    header[13] = segment.flags;
    header[14..16].copy_from_slice(&u16::MAX.to_be_bytes());
    if let Some(options) = header.get_mut(20..24) {
        options.copy_from_slice(&[1, 3, 3, 14]);
    }
}

/// The ones-complement sum of `bytes`, of even number, on top of `start`; RFC 1071.
pub(crate) fn sum(start: u32, bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let total: u32 = start + words.sum::<u32>();
    let folded = (total & 0xffff) + (total >> 16);
    u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}
