use super::super::samples::{Sample, checksum, samples, sum, tuple};
use super::*;
use crate::address::{L4Port, V4, V6};
use crate::wire::parse::parse_ip;
use proptest::prelude::*;

/// An error from `source` to `destination` that quotes the first bytes of `quoted`, complete.
fn error<A: Address>(source: A, destination: A, quoted: &[u8]) -> Vec<u8> {
    let (protocol, kind) = match A::VERSION {
        IpVersion::V4 => (1_u32, [3, 4]),
        IpVersion::V6 => (58, [2, 0]),
    };
    let mut icmp = vec![0; 8];
    icmp[..2].copy_from_slice(&kind);
    icmp[6..8].copy_from_slice(&1400_u16.to_be_bytes());
    icmp.extend(quoted);
    let pseudo = match A::VERSION {
        IpVersion::V4 => 0,
        IpVersion::V6 => {
            sum(source.bytes())
                + sum(destination.bytes())
                + protocol
                + u32::try_from(icmp.len()).unwrap()
        }
    };
    let full = checksum(sum(&icmp) + pseudo);
    icmp[2..4].copy_from_slice(&full);
    // The fields of the IP header that no translation touches may hold anything.
    let mut ip = vec![0x2a; if A::SIZE == 4 { 20 } else { 40 }];
    ip[0] = if A::SIZE == 4 { 0x45 } else { 0x60 };
    ip[A::OFFSET..A::OFFSET + A::SIZE].copy_from_slice(source.bytes());
    ip[A::OFFSET + A::SIZE..].copy_from_slice(destination.bytes());
    if A::VERSION == IpVersion::V4 {
        ip[10..12].fill(0);
        let full = checksum(sum(&ip));
        ip[10..12].copy_from_slice(&full);
    }
    [ip, icmp].concat()
}

/// How much of the quoted packet's layer 4 a router may send back, so that TCP's checksum and
/// SCTP's are either there and meaningful or not there.
fn cuts() -> impl Strategy<Value = usize> {
    prop_oneof![Just(8), Just(20), Just(usize::MAX)]
}

/// An error made from the untranslated packet, translated, equals one made from the translated.
fn translating_equals_making<A: Address>(
    mut sample: Sample<A>,
    to: Tuple<A>,
    cut: usize,
    outer: [u128; 2],
    chosen: [bool; 2],
) {
    let from = sample.tuple;
    let cut = if from.protocol == 132 && cut == 20 { 8 } else { cut };
    let length = u16::try_from(sample.bytes.len()).unwrap();
    match A::VERSION {
        IpVersion::V4 => {
            sample.bytes[0] = 0x40 | u8::try_from(sample.header / 4).unwrap();
            sample.bytes[2..4].copy_from_slice(&length.to_be_bytes());
            sample.bytes[6..8].fill(0);
            sample.bytes[9] = from.protocol;
        }
        IpVersion::V6 => {
            sample.bytes[0] = 0x60;
            sample.bytes[4..6].copy_from_slice(&(length - 40).to_be_bytes());
            sample.bytes[6] = from.protocol;
        }
    }
    sample.complete(from);
    let mut known = sample.clone();
    known.complete(to);
    let quoted = (sample.header.saturating_add(cut)).min(sample.bytes.len());

    let [source, destination] = outer.map(A::from_bits);
    let [new_source, new_destination] =
        [chosen[0].then_some(to.destination), chosen[1].then_some(to.source)];
    let mut data = error(source, destination, &sample.bytes[..quoted]);
    let icmp = if A::SIZE == 4 { 20 } else { 40 };
    translate(&mut data, icmp, Some((&from, &to)), new_source, new_destination).unwrap();
    let wanted = error(
        new_source.unwrap_or(source),
        new_destination.unwrap_or(destination),
        &known.bytes[..quoted],
    );
    assert_eq!(data, wanted);

    translate(&mut data, icmp, Some((&to, &from)), Some(source), Some(destination)).unwrap();
    let original = error(source, destination, &sample.bytes[..quoted]);
    assert_eq!(data, original, "there and back");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn translating_equals_making_v4(
        (sample, to) in samples::<V4>(), cut in cuts(), outer: [u128; 2], translate: [bool; 2],
    ) {
        translating_equals_making(sample, to, cut, outer, translate);
    }

    #[test]
    fn translating_equals_making_v6(
        (sample, to) in samples::<V6>(), cut in cuts(), outer: [u128; 2], translate: [bool; 2],
    ) {
        translating_equals_making(sample, to, cut, outer, translate);
    }

    #[test]
    fn any_error_is_safe(
        mut data in proptest::collection::vec(any::<u8>(), 0..120), from: [u128; 4], to: [u128; 4],
    ) {
        if let Some(first) = data.get_mut(28) {
            *first = 0x40 | (*first & 0x0f);
        }
        let (from, to) = (tuple::<V4>(6, from), tuple(6, to));
        let length = data.len();
        translate(&mut data, 20, Some((&from, &to)), Some(to.source), None);
        prop_assert_eq!(data.len(), length);
    }
}

fn tcp(source: (u8, u16), destination: (u8, u16)) -> Tuple<V4> {
    Tuple {
        source: V4([10, 0, 0, source.0]),
        destination: V4([10, 0, 0, destination.0]),
        source_port: L4Port::new(source.1),
        destination_port: L4Port::new(destination.1),
        protocol: 6,
        ..Tuple::default()
    }
}

/// Client 1 talks to 2, which is translated: source to 3, destination to 4.
#[test]
fn errors_go_to_the_sender_and_hide_the_inside() {
    let original = tcp((1, 5000), (2, 80));
    let reply = tcp((4, 8080), (3, 5000));
    let v4 = |last| Some(V4([10, 0, 0, last]));
    // About a packet of the client, from the server or a router before it.
    assert_eq!(outer_addresses(&reply.reversed(), &original), (v4(2), v4(1)));
    // About a packet of the server, from the client or a router before it.
    assert_eq!(outer_addresses(&original.reversed(), &reply), (v4(3), v4(4)));
}

#[test]
fn a_router_outside_keeps_its_address_where_only_the_source_is_translated() {
    let original = tcp((1, 5000), (2, 80));
    let reply = tcp((2, 80), (3, 60_000));
    let client = Some(original.source);
    assert_eq!(outer_addresses(&reply.reversed(), &original), (None, client));
    // A port alone is a translation too.
    let reply = tcp((2, 8080), (3, 5000));
    let server = Some(original.destination);
    assert_eq!(outer_addresses(&reply.reversed(), &original), (server, client));
}

#[test]
fn an_identifier_says_nothing_of_the_server() {
    let original = Tuple { protocol: 1, ..tcp((1, 7), (2, 7)) };
    let reply = Tuple { protocol: 1, ..tcp((2, 9), (3, 9)) };
    let (source, destination) = outer_addresses(&reply.reversed(), &original);
    assert_eq!((source, destination), (None, Some(original.source)));
}

/// In a tagged frame, with padding that does not belong to the quote.
#[test]
fn an_error_in_a_frame() {
    let (sent, known) = (tcp((3, 60_000), (2, 80)), tcp((1, 5000), (2, 80)));
    let quoted = |tuple: &Tuple<V4>| {
        let mut bytes = vec![0; 28];
        (bytes[0], bytes[3], bytes[9]) = (0x45, 100, 6);
        bytes[12..16].copy_from_slice(&tuple.source.0);
        bytes[16..20].copy_from_slice(&tuple.destination.0);
        let full = checksum(sum(&bytes[..20]));
        bytes[10..12].copy_from_slice(&full);
        bytes[20..22].copy_from_slice(&tuple.source_port.wire());
        bytes[22..24].copy_from_slice(&tuple.destination_port.wire());
        bytes
    };
    let frame = |destination, tuple| {
        let mut packet = error(V4([10, 0, 0, 9]), destination, &quoted(tuple));
        packet[2..4].copy_from_slice(&56_u16.to_be_bytes());
        packet[6..10].copy_from_slice(&[0, 0, 64, 1]);
        packet[10..12].fill(0);
        let full = checksum(sum(&packet[..20]));
        packet[10..12].copy_from_slice(&full);
        [vec![7; 18], packet, vec![0xee; 10]].concat()
    };
    let mut data = frame(sent.source, &sent);
    let headers = parse_ip(&data, 18, IpVersion::V4).unwrap();
    let (source, destination) = outer_addresses(&sent, &known);
    assert!(translate_error(&mut data, &headers, Some((&sent, &known)), source, destination));
    assert_eq!(data, frame(known.source, &known));

    let short =
        parse_ip(&data, 18, IpVersion::V4).map(|headers| Headers { end: 18 + 40, ..headers });
    let before = data.clone();
    assert!(!translate_error(&mut data, &short.unwrap(), None, Some(V4([1; 4])), None));
    assert_eq!(data, before, "no quote, no change");
}
