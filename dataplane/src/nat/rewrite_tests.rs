use super::*;
use crate::address::{V4, V6};
use proptest::prelude::*;

/// The protocols with a header of their own, and one without.
const PROTOCOLS: [u8; 9] = [1, 6, 17, 33, 47, 50, 58, 132, 136];

/// The 16-bit one's complement sum, the plain way.
fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [a, b] => u32::from(u16::from_be_bytes([*a, *b])),
        [a] => u32::from(*a) << 8,
        _ => 0,
    });
    words.sum()
}

fn checksum(mut sum: u32) -> [u8; 2] {
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
        17 | 33 | 136 => Some((6, true)),
        58 => Some((2, true)),
        _ => None,
    }
}

/// A packet under test: IP header of `header` bytes (with IPv4 options), then layer 4.
#[derive(Debug, Clone)]
struct Sample<A> {
    tuple: Tuple<A>,
    header: usize,
    bytes: Vec<u8>,
    /// UDP without a checksum.
    unchecked: bool,
}

impl<A: Address> Sample<A> {
    /// Writes what `tuple` says, and sums everything anew.
    fn complete(&mut self, tuple: Tuple<A>) {
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
            1 | 58 => l4[4..6].copy_from_slice(&tuple.source_port.wire()),
            6 | 17 | 33 | 132 | 136 => {
                l4[..2].copy_from_slice(&tuple.source_port.wire());
                l4[2..4].copy_from_slice(&tuple.destination_port.wire());
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

    fn apply(&mut self, rewrite: &Rewrite<A>) {
        let protocol = self.tuple.protocol;
        let (ip, l4) = self.bytes.split_at_mut(self.header);
        rewrite.apply_ip(ip).unwrap();
        rewrite.apply_l4(protocol, l4).unwrap();
    }
}

fn crc32c_bitwise(bytes: &[u8]) -> u32 {
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

fn tuple<A: Address>(protocol: u8, [source, destination, a, b]: [u128; 4]) -> Tuple<A> {
    #[allow(clippy::cast_possible_truncation)]
    let [source_port, destination_port] = [a, b].map(|port| L4Port::new(port as u16));
    let (source_port, destination_port) = match protocol {
        1 | 58 => (source_port, source_port),
        47 | 50 => (L4Port::default(), L4Port::default()),
        _ => (source_port, destination_port),
    };
    Tuple {
        source: A::from_bits(source),
        destination: A::from_bits(destination),
        source_port,
        destination_port,
        protocol,
        icmp: 0,
        zone: 0,
    }
}

/// A complete packet, and a tuple to translate it to.
fn samples<A: Address>() -> impl Strategy<Value = (Sample<A>, Tuple<A>)> {
    samples_of(&PROTOCOLS)
}

fn samples_of<A: Address>(
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
            (sample, tuple(protocol, to))
        })
}

fn mending_equals_summing<A: Address>(sample: &Sample<A>, to: Tuple<A>) {
    let rewrite = Rewrite::between(&sample.tuple, &to);
    if rewrite.is_identity() {
        return;
    }
    let (mut mended, mut summed) = (sample.clone(), sample.clone());
    mended.apply(&rewrite);
    summed.complete(to);
    assert_eq!(mended.bytes, summed.bytes);

    mended.apply(&Rewrite::between(&to, &sample.tuple));
    assert_eq!(mended.bytes, sample.bytes, "there and back");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn mending_equals_summing_v4((sample, to) in samples::<V4>()) {
        mending_equals_summing(&sample, to);
    }

    #[test]
    fn mending_equals_summing_v6((sample, to) in samples::<V6>()) {
        mending_equals_summing(&sample, to);
    }

    /// A wrong checksum stays wrong, so that the receiver still sees that the packet is damaged.
    #[test]
    fn damage_is_not_hidden((sample, to) in samples_of::<V4>(&[6, 17, 136]), at in 8..16_usize) {
        let rewrite = Rewrite::between(&sample.tuple, &to);
        prop_assume!(!rewrite.is_identity());
        let (mut damaged, mut good) = (sample.clone(), sample);
        damaged.bytes[damaged.header + at] ^= 0x10;
        damaged.apply(&rewrite);
        good.complete(to);
        let at = damaged.header + at;
        prop_assert_eq!(damaged.bytes[at] ^ good.bytes[at], 0x10);
        damaged.bytes[at] ^= 0x10;
        prop_assert_eq!(damaged.bytes, good.bytes);
    }

    /// A header cut short anywhere is rewritten as far as it goes, without a panic.
    #[test]
    fn short_headers_are_safe((sample, to) in samples::<V4>(), length in 0..20_usize) {
        let rewrite = Rewrite::between(&sample.tuple, &to);
        let mut l4 = sample.bytes[sample.header..sample.header + length].to_vec();
        rewrite.apply_l4(sample.tuple.protocol, &mut l4);
        rewrite.apply_ip(&mut l4);
        prop_assert_eq!(l4.len(), length);
    }
}

#[test]
fn an_ipv4_rewrite_takes_16_bytes() {
    assert_eq!(size_of::<Rewrite<V4>>(), 16);
}

#[test]
fn equal_tuples_give_the_identity() {
    let tuple = tuple::<V4>(6, [1, 2, 3, 4]);
    assert!(Rewrite::between(&tuple, &tuple).is_identity());
    let other = Tuple { destination_port: L4Port::new(5), ..tuple };
    assert!(!Rewrite::between(&tuple, &other).is_identity());
    // Swapped ends leave every sum as it is, and are a change all the same.
    assert!(!Rewrite::between(&tuple, &tuple.reversed()).is_identity());
}

/// The checksum of a UDP datagram that would become zero is sent as all ones (RFC 768).
#[test]
fn a_udp_checksum_never_becomes_zero() {
    let from = tuple::<V4>(17, [1, 2, 3, 4]);
    let mut zeros = 0;
    for port in 0..=u16::MAX {
        let to = Tuple { source_port: L4Port::new(port), ..from };
        let mut l4 = [0, 3, 0, 4, 0, 8, 0x12, 0x34];
        Rewrite::between(&from, &to).apply_l4(17, &mut l4).unwrap();
        assert_ne!(l4[6..], [0, 0]);
        zeros += usize::from(l4[6..] == [0xff, 0xff]);
    }
    assert_eq!(zeros, 1);
}

#[test]
fn the_checksum_of_sctp_is_the_published_one() {
    // RFC 3720 appendix B.4: 32 bytes of zeros.
    assert_eq!(crc32c_bitwise(&[0; 32]).to_le_bytes(), [0xaa, 0x36, 0x91, 0x8a]);
}
