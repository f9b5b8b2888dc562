use super::super::samples::{Sample, checksum, crc32c_bitwise, samples, samples_of, sum, tuple};
use super::*;
use crate::address::{V4, V6};
use crate::wire::parse::parse_ip;
use proptest::prelude::*;

fn apply<A: Address>(sample: &mut Sample<A>, rewrite: &Rewrite<A>) {
    let (ip, l4) = sample.bytes.split_at_mut(sample.header);
    rewrite.apply_ip(ip).unwrap();
    rewrite.apply_l4(sample.tuple.protocol, l4).unwrap();
}

fn mending_equals_summing<A: Address>(sample: &Sample<A>, to: Tuple<A>) {
    let rewrite = Rewrite::between(&sample.tuple, &to);
    if rewrite.is_identity() {
        return;
    }
    let (mut mended, mut summed) = (sample.clone(), sample.clone());
    apply(&mut mended, &rewrite);
    summed.complete(to);
    assert_eq!(mended.bytes, summed.bytes);

    apply(&mut mended, &Rewrite::between(&to, &sample.tuple));
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
        apply(&mut damaged, &rewrite);
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

/// Ones' complement has two zeros: what is not translated keeps the one it has.
#[test]
fn what_is_not_translated_stays_to_the_bit() {
    let tuple = tuple::<V4>(6, [1, 2, 3, 4]);
    let delta = Delta::between(&tuple, &tuple);
    assert_eq!(delta, Delta::default());
    assert_eq!(delta.reversed(), Delta::default());
    let to = Tuple { source_port: L4Port::new(9), ..tuple };
    let delta = Delta::between(&tuple, &to);
    assert_eq!(delta.reversed(), Delta::between(&to, &tuple));
    assert_eq!(delta.reversed().reversed(), delta);
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

/// Only echoes get another identifier in IPv6, though other queries have one in their tuples.
#[test]
fn a_node_information_query_keeps_its_identifier() {
    for (kind, written) in [(128, 9), (129, 9), (139, 1), (140, 1)] {
        let from = Tuple { icmp: kind, ..tuple::<V6>(58, [1, 2, 1, 1]) };
        let (source_port, destination_port) = (L4Port::new(9), L4Port::new(9));
        let mut l4 = [kind, 0, 0x12, 0x34, 0, 1, 0, 7];
        let before = sum(&l4);
        let to = Tuple { source_port, destination_port, ..from };
        Rewrite::between(&from, &to).apply_l4(58, &mut l4).unwrap();
        assert_eq!(l4[4..6], [0, written], "type {kind}");
        assert_eq!(checksum(sum(&l4)), checksum(before), "type {kind}");
    }
}

#[test]
fn the_checksum_of_sctp_is_the_published_one() {
    // RFC 3720 appendix B.4: 32 bytes of zeros.
    assert_eq!(crc32c_bitwise(&[0; 32]).to_le_bytes(), [0xaa, 0x36, 0x91, 0x8a]);
}

/// A frame with `before` in front of the packet and Ethernet padding behind it, as parsed.
fn frame<A: Address>(sample: &Sample<A>, before: &[u8], padding: usize) -> (Vec<u8>, Headers) {
    let frame = [before, &sample.bytes, &vec![0xee; padding]].concat();
    let headers = parse_ip(&frame, before.len(), A::VERSION).unwrap();
    (frame, headers)
}

/// Fills in what a parser reads of the IP header.
fn describe<A: Address>(sample: &mut Sample<A>, more_fragments: bool, offset: u16) {
    let length = u16::try_from(sample.bytes.len()).unwrap();
    let protocol = sample.tuple.protocol;
    let (header, bytes) = (sample.header, &mut sample.bytes);
    match A::VERSION {
        IpVersion::V4 => {
            bytes[0] = 0x40 | u8::try_from(header / 4).unwrap();
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            let fragment = (offset / 8) | if more_fragments { 0x2000 } else { 0 };
            bytes[6..8].copy_from_slice(&fragment.to_be_bytes());
            bytes[9] = protocol;
        }
        IpVersion::V6 => {
            bytes[0] = 0x60;
            bytes[4..6].copy_from_slice(&(length - 40).to_be_bytes());
            bytes[6] = protocol;
        }
    }
    sample.complete(sample.tuple);
}

fn frames_are_rewritten<A: Address>(mut sample: Sample<A>, to: Tuple<A>, vlan: bool) {
    describe(&mut sample, false, 0);
    let ethernet = vec![7; if vlan { 18 } else { 14 }];
    let (mut mended, headers) = frame(&sample, &ethernet, 6);
    let rewrite = Rewrite::between(&sample.tuple, &to);
    if rewrite.is_identity() {
        return;
    }
    rewrite.apply(&mut mended, &headers);
    sample.complete(to);
    assert_eq!(mended, frame(&sample, &ethernet, 6).0);
}

proptest! {
    #[test]
    fn frames_are_rewritten_in_place_v4((sample, to) in samples::<V4>(), vlan: bool) {
        frames_are_rewritten(sample, to, vlan);
    }

    #[test]
    fn frames_are_rewritten_in_place_v6((sample, to) in samples::<V6>(), vlan: bool) {
        frames_are_rewritten(sample, to, vlan);
    }

    /// The addresses of a later fragment change; what looks like ports is payload.
    #[test]
    fn later_fragments_have_addresses_only((mut sample, to) in samples::<V4>()) {
        describe(&mut sample, true, 64);
        let rewrite = Rewrite::between(&sample.tuple, &to);
        prop_assume!(!rewrite.is_identity());
        let payload = sample.bytes[sample.header..].to_vec();
        let (mut mended, headers) = frame(&sample, &[], 0);
        rewrite.apply(&mut mended, &headers);
        prop_assert_eq!(&mended[sample.header..], &payload[..]);
        sample.complete(to);
        prop_assert_eq!(&mended[..sample.header], &sample.bytes[..sample.header]);
    }

    /// A first fragment carries the checksum of the whole datagram, mended by the same difference.
    #[test]
    fn first_fragments_carry_the_datagrams_checksum((whole, to) in samples_of::<V4>(&[1, 6, 17])) {
        let mut whole = whole;
        describe(&mut whole, false, 0);
        let rewrite = Rewrite::between(&whole.tuple, &to);
        prop_assume!(!rewrite.is_identity());
        let mut first = whole.bytes[..whole.header + 24.min(whole.bytes.len() - whole.header)].to_vec();
        let length = u16::try_from(first.len()).unwrap();
        first[2..4].copy_from_slice(&length.to_be_bytes());
        first[6] = 0x20;
        let header = whole.header;
        first[10..12].fill(0);
        let full = checksum(sum(&first[..header]));
        first[10..12].copy_from_slice(&full);
        let headers = parse_ip(&first, 0, IpVersion::V4).unwrap();
        rewrite.apply(&mut first, &headers);
        whole.complete(to);
        prop_assert_eq!(&first[header..], &whole.bytes[header..first.len()]);
        prop_assert_eq!(checksum(sum(&first[..header])), [0, 0]);
    }
}
