//! Packets for tests: complete ones of every protocol, and the plain way to make them so.

use crate::address::{Address, IpVersion, L4Port};
use crate::tuple::{Tuple, Zone};
use proptest::prelude::*;

/// The protocols with a header of their own, and one without.
const PROTOCOLS: [u8; 8] = [1, 6, 17, 47, 50, 58, 132, 136];

/// The 16-bit one's complement sum, the plain way.
pub(super) fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [a, b] => u32::from(u16::from_be_bytes([*a, *b])),
        [a] => u32::from(*a) << 8,
        _ => 0,
    });
    words.sum()
}

pub(super) fn checksum(mut sum: u32) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).unwrap()).to_be_bytes()
}

/// Where the layer-4 checksum stands, and whether it covers the pseudo-header.
fn layout(protocol: u8) -> Option<(usize, bool)> {
    match protocol {
        1 => Some((2, false)),
        6 => Some((16, true)),
        17 | 136 => Some((6, true)),
        58 => Some((2, true)),
        _ => None,
    }
}

/// A packet under test: IP header of `header` bytes (with IPv4 options), then layer 4.
#[derive(Debug, Clone)]
pub(super) struct Sample<A> {
    pub(super) tuple: Tuple<A>,
    pub(super) header: usize,
    pub(super) bytes: Vec<u8>,
    /// UDP without a checksum.
    pub(super) unchecked: bool,
}

impl<A: Address> Sample<A> {
    /// Writes what `tuple` says, and sums everything anew.
    pub(super) fn complete(&mut self, tuple: Tuple<A>) {
        self.tuple = tuple;
        let (ip, l4) = self.bytes.split_at_mut(self.header);
        ip[A::OFFSET..A::OFFSET + A::SIZE].copy_from_slice(tuple.source.bytes());
        ip[A::OFFSET + A::SIZE..A::OFFSET + 2 * A::SIZE].copy_from_slice(tuple.destination.bytes());
        if A::VERSION == IpVersion::V4 {
            ip[10..12].fill(0);
            let full = checksum(sum(ip));
            ip[10..12].copy_from_slice(&full);
        }
        match tuple.protocol {
            58 => {
                l4[0] = tuple.icmp;
                // Echoes.
                if let 128 | 129 = tuple.icmp {
                    l4[4..6].copy_from_slice(&tuple.source_port.wire());
                }
            }
            1 => l4[4..6].copy_from_slice(&tuple.source_port.wire()),
            6 | 17 | 132 | 136 => {
                l4[..2].copy_from_slice(&tuple.source_port.wire());
                l4[2..4].copy_from_slice(&tuple.destination_port.wire());
            }
            // A call of PPTP.
            47 => {
                l4[1] = l4[1] & !7 | 1;
                l4[6..8].copy_from_slice(&tuple.destination_port.wire());
            }
            _ => {}
        }
        if tuple.protocol == 132 {
            l4[8..12].fill(0);
            let full = crc32c_bitwise(l4);
            l4[8..12].copy_from_slice(&full.to_le_bytes());
        }
        let Some((at, pseudo)) = layout(tuple.protocol) else { return };
        l4[at..at + 2].fill(0);
        if self.unchecked && tuple.protocol == 17 {
            return;
        }
        let mut total = sum(l4);
        if pseudo {
            total += sum(tuple.source.bytes()) + sum(tuple.destination.bytes());
            total += u32::from(tuple.protocol) + u32::try_from(l4.len()).unwrap();
        }
        let full = match (checksum(total), tuple.protocol) {
            ([0, 0], 17 | 136) => [0xff, 0xff],
            (full, _) => full,
        };
        l4[at..at + 2].copy_from_slice(&full);
    }
}

pub(super) fn crc32c_bitwise(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 }
        })
    })
}

/// Addresses and ports, often of the kind that makes sums overflow or vanish.
fn numbers() -> impl Strategy<Value = [u128; 4]> {
    let one = prop_oneof![
        any::<u128>(),
        Just(0),
        Just(u128::MAX),
        Just(1),
        any::<u16>().prop_map(u128::from),
    ];
    [one.clone(), one.clone(), one.clone(), one]
}

pub(super) fn tuple<A: Address>(protocol: u8, [source, destination, a, b]: [u128; 4]) -> Tuple<A> {
    #[allow(clippy::cast_possible_truncation)]
    let [source_port, destination_port] = [a, b].map(|port| L4Port::new(port as u16));
    let (source_port, destination_port) = match protocol {
        1 | 58 => (source_port, source_port),
        50 => (L4Port::default(), L4Port::default()),
        _ => (source_port, destination_port),
    };
    Tuple {
        source: A::from_bits(source),
        destination: A::from_bits(destination),
        source_port,
        destination_port,
        protocol,
        // Every query of ICMPv6.
        icmp: if protocol == 58 { [128, 129, 139, 140][(a >> 16) as usize & 3] } else { 0 },
        zone: Zone::default(),
    }
}

/// A complete packet, and a tuple to translate it to.
pub(super) fn samples<A: Address>() -> impl Strategy<Value = (Sample<A>, Tuple<A>)> {
    samples_of(&PROTOCOLS)
}

pub(super) fn samples_of<A: Address>(
    protocols: &'static [u8],
) -> impl Strategy<Value = (Sample<A>, Tuple<A>)> {
    let protocols = proptest::sample::select(protocols);
    let payload = proptest::collection::vec(any::<u8>(), 20..120);
    (protocols, numbers(), numbers(), 0..=10_usize, any::<[u8; 60]>(), payload, any::<bool>())
        .prop_map(|(protocol, from, to, options, ip, payload, unchecked)| {
            let header = match A::VERSION {
                IpVersion::V4 => 20 + 4 * options,
                IpVersion::V6 => 40,
            };
            let mut bytes = ip[..header].to_vec();
            bytes[0] = 0x45;
            bytes.extend(payload);
            let from = tuple(protocol, from);
            let mut sample = Sample { tuple: from, header, bytes, unchecked };
            sample.complete(from);
            (sample, Tuple { icmp: from.icmp, ..tuple(protocol, to) })
        })
}
