//! What the fast path does to a frame is what the general code does to it, byte for byte.

use super::frame::{Frame, FrameMac, Head, Layer4, Macs, plain_l4_state};
use super::*;
use crate::address::{Address, IpVersion, L4Port, Mac};
use crate::conntrack::tuple_of;
use crate::nat::Rewrite;
use crate::packet::MemoryPacket;
use crate::tuple::Zone;
use crate::wire::checksum::{ipv4_header, l4_state};
use crate::wire::ethernet::write_ethernet;
use crate::wire::forward::decrement_ttl;
use crate::wire::layer4::{Layer4Kind, layer4};
use crate::wire::parse::{Headers, Payload, parse};
use proptest::collection::vec;
use proptest::prelude::*;

const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);

/// What a frame is made of.
#[derive(Debug, Clone)]
struct Sample {
    udp: bool,
    /// Source, destination, ports.
    from: [u128; 4],
    to: [u128; 4],
    tos: u8,
    ttl: u8,
    checksum: [u8; 2],
    /// Behind the checksum of UDP; the rest of a TCP header and payload.
    bytes: Vec<u8>,
    padding: usize,
    vlan: Option<u16>,
    forwarded: bool,
}

fn number() -> impl Strategy<Value = u128> {
    prop_oneof![any::<u128>(), Just(0), Just(u128::MAX), any::<u16>().prop_map(u128::from)]
}

fn sample() -> impl Strategy<Value = Sample> {
    let ends = || [number(), number(), number(), number()];
    // The checksums that ones' complement has trouble with, and others.
    let checksum = prop_oneof![Just([0, 0]), Just([0xff, 0xff]), any::<[u8; 2]>()];
    let vlan = prop_oneof![Just(None), (1..4095_u16).prop_map(Some)];
    let head = (any::<bool>(), ends(), ends(), any::<bool>(), any::<u8>(), 2..=255_u8);
    let body = (checksum, vec(any::<u8>(), 12..90), 0..20_usize, vlan, any::<bool>());
    (head, body).prop_map(|(head, body)| {
        let (udp, from, to, same, tos, ttl) = head;
        let (checksum, bytes, padding, vlan, forwarded) = body;
        let to = if same { from } else { to };
        Sample { udp, from, to, tos, ttl, checksum, bytes, padding, vlan, forwarded }
    })
}

fn tuple<A: Address>(udp: bool, [source, destination, a, b]: [u128; 4]) -> Tuple<A> {
    Tuple {
        icmp: 0,
        protocol: if udp { 17 } else { 6 },
        zone: Zone::default(),
        source: A::from_bits(source),
        destination: A::from_bits(destination),
        source_port: L4Port::new(a as u16),
        destination_port: L4Port::new(b as u16),
    }
}

fn segment<A: Address>(sample: &Sample) -> Vec<u8> {
    let Tuple { source_port, destination_port, .. } = tuple::<A>(sample.udp, sample.from);
    let mut segment = [source_port.wire(), destination_port.wire()].concat();
    if sample.udp {
        segment.extend((8 + sample.bytes.len() as u16).to_be_bytes());
        segment.extend(sample.checksum);
        segment.extend(&sample.bytes);
    } else {
        let (fixed, payload) = sample.bytes.split_at(12);
        segment.extend([1, 2, 3, 4]);
        segment.extend(&fixed[..8]);
        segment.extend(sample.checksum);
        segment.extend(&fixed[10..]);
        segment.extend(payload);
    }
    segment
}

fn frame<A: Address>(sample: &Sample) -> Vec<u8> {
    let segment = segment::<A>(sample);
    let Tuple { source, destination, protocol, .. } = tuple::<A>(sample.udp, sample.from);
    let ends = [source.bytes(), destination.bytes()].concat();
    let ip = match A::VERSION {
        IpVersion::V4 => {
            let mut ip = vec![0x45, sample.tos];
            ip.extend((20 + segment.len() as u16).to_be_bytes());
            ip.extend([0x12, 0x34, 0x40, 0, sample.ttl, protocol, 0, 0]);
            ip.extend(ends);
            let sum = ipv4_header(&ip);
            ip[10..12].copy_from_slice(&sum.to_be_bytes());
            ip
        }
        IpVersion::V6 => {
            let mut ip = vec![0x60 | sample.tos >> 4, sample.tos << 4 | 5, 6, 7];
            ip.extend((segment.len() as u16).to_be_bytes());
            ip.extend([protocol, sample.ttl]);
            ip.extend(ends);
            ip
        }
    };
    let kind: u16 = if A::VERSION == IpVersion::V4 { 0x0800 } else { 0x86dd };
    let macs = [OWN.0, [2, 0, 0, 0, 0, 9]].concat();
    [macs, kind.to_be_bytes().to_vec(), ip, segment, vec![0xee; sample.padding]].concat()
}

fn headers(frame: &[u8]) -> Headers {
    match parse(frame).unwrap().payload {
        Payload::Ip(headers) => headers,
        other => panic!("{other:?}"),
    }
}

fn agrees<A: Plain>(sample: &Sample) -> Result<(), TestCaseError> {
    const NEXT: Mac = Mac([2, 0, 0, 0, 0, 3]);
    let bytes = frame::<A>(sample);
    let general = headers(&bytes);
    let mut packet = MemoryPacket::new(&bytes);
    let head = A::Head::read(&packet, FrameMac::new(OWN)).unwrap();
    let (from, to) = (tuple::<A>(sample.udp, sample.from), tuple::<A>(sample.udp, sample.to));
    prop_assert_eq!(head.key(), from);
    prop_assert_eq!(head.headers(), general);
    prop_assert_eq!(plain_l4_state::<A>(&bytes), l4_state(&bytes, &general));

    let rewrite = Rewrite::between(&from, &to);
    let mut fast = Frame::<A>::of(&mut packet).unwrap();
    let read = layer4(&bytes, &general);
    match (fast.layer4(), read.kind) {
        (Layer4::Udp, Layer4Kind::Udp { .. }) => {}
        (Layer4::Tcp { fields, .. }, Layer4Kind::Tcp(theirs)) => prop_assert_eq!(fields, theirs),
        (Layer4::Odd, Layer4Kind::OddTcp { .. } | Layer4Kind::Truncated) => {}
        other => prop_assert!(false, "{:?}", other),
    }
    if !matches!(read.kind, Layer4Kind::OddTcp { .. } | Layer4Kind::Truncated) {
        let (source, destination) = (general.source(&bytes), general.destination(&bytes));
        prop_assert_eq!(tuple_of(source, destination, from.protocol, &read), Some(from));
    }
    fast.rewrite(&Rewrite::towards(&to.reversed(), rewrite.delta), sample.forwarded);
    fast.set_macs(&Macs::new(NEXT, OWN));
    prop_assert_eq!(fast.padding(), sample.padding);
    let (padding, after) = (fast.padding(), fast.headers());
    packet.trim_back(padding);
    if sample.vlan.is_some() {
        write_ethernet(&mut packet, &after, NEXT, OWN, sample.vlan);
    }

    let mut long = MemoryPacket::new(&bytes);
    if from != to {
        rewrite.apply(long.data_mut(), &general);
    }
    if sample.forwarded {
        decrement_ttl(long.data_mut(), &general);
    }
    write_ethernet(&mut long, &general, NEXT, OWN, sample.vlan);
    prop_assert_eq!(packet.data(), long.data());
    Ok(())
}

/// A packet that is only forwarded.
fn hops_agree<A: Plain>(sample: &Sample) -> Result<(), TestCaseError> {
    let bytes = frame::<A>(sample);
    let (mut packet, mut long) = (MemoryPacket::new(&bytes), bytes.clone());
    Frame::<A>::of(&mut packet).unwrap().decrement_ttl();
    decrement_ttl(&mut long, &headers(&bytes));
    prop_assert_eq!(packet.data(), long);
    Ok(())
}

/// What is read as plain, the parser reads the same; nothing makes it panic.
fn reads_soundly<A: Plain>(sample: &Sample, changes: &[(usize, u8)], cut: usize) {
    let mut bytes = frame::<A>(sample);
    for (at, value) in changes {
        if let Some(byte) = bytes.get_mut(*at) {
            *byte = *value;
        }
    }
    bytes.truncate(bytes.len().saturating_sub(cut));
    let packet = MemoryPacket::new(&bytes);
    if let Some(head) = A::Head::read(&packet, FrameMac::new(OWN)) {
        assert_eq!(head.headers(), headers(&bytes));
        assert!(head.headers().ttl > 1);
        assert_eq!(parse(&bytes).unwrap().destination, OWN);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn v4_agrees(sample in sample()) {
        agrees::<V4>(&sample)?;
        hops_agree::<V4>(&sample)?;
    }

    #[test]
    fn v6_agrees(sample in sample()) {
        agrees::<V6>(&sample)?;
        hops_agree::<V6>(&sample)?;
    }

    #[test]
    fn damaged_frames_are_read_soundly(
        sample in sample(),
        changes in vec((0..70_usize, any::<u8>()), 0..3),
        cut in 0..40_usize,
    ) {
        reads_soundly::<V4>(&sample, &changes, cut);
        reads_soundly::<V6>(&sample, &changes, cut);
    }
}

fn udp_over_v6() -> Vec<u8> {
    frame::<V6>(&Sample {
        udp: true,
        from: [0xfd00 << 112 | 1, 0xfd00 << 112 | 2, 4000, 53],
        to: [0; 4],
        tos: 0,
        ttl: 64,
        checksum: [1, 2],
        bytes: vec![7; 12],
        padding: 0,
        vlan: None,
        forwarded: true,
    })
}

#[test]
fn what_is_not_plain_is_left() {
    let plain =
        |bytes: &[u8]| PlainV6::read(&MemoryPacket::new(bytes), FrameMac::new(OWN)).is_some();
    let sound = udp_over_v6();
    assert!(plain(&sound));
    for (at, value) in
        [(5, 7), (13, 0xdc), (14, 0x40), (19, 7), (19, 21), (20, 0), (20, 44), (21, 1)]
    {
        let mut other = sound.clone();
        other[at] = value;
        assert!(!plain(&other), "byte {at} is {value}");
    }
    assert!(!plain(&sound[..sound.len() - 1]), "cut short");
}

#[test]
fn special_addresses_are_not_ordinary() {
    let v6 = |first: u8, second: u8, last: u8| {
        let mut address = [0; 16];
        (address[0], address[1], address[15]) = (first, second, last);
        V6(address).is_ordinary()
    };
    assert!([v6(0x20, 1, 1), v6(0xfd, 0, 1), v6(0xfe, 0x7f, 1), v6(0xfe, 0xc0, 1)] == [true; 4]);
    assert!(
        [v6(0, 0, 0), v6(0, 0, 1), v6(0xff, 2, 1), v6(0xfe, 0x80, 1), v6(0xfe, 0xbf, 1)]
            == [false; 5]
    );
    let v4 = |first: u8| V4([first, 0, 0, 1]).is_ordinary();
    assert!([1, 126, 128, 223].map(v4) == [true; 4]);
    assert!([0, 127, 224, 255].map(v4) == [false; 4]);
}
