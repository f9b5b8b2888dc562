use crate::address::{IpVersion, L4Port, Mac, V4, V6};
use crate::drop_reason::DropReason;
use crate::packet::{MemoryPacket, Packet};
use crate::wire::checksum::{L4ChecksumState, complete_l4, l4_state, sum, update16};
use crate::wire::ethernet::write_ethernet;
use crate::wire::forward::decrement_ttl;
use crate::wire::layer4::{Layer4Kind, layer4, tcp_options};
use crate::wire::parse::{Payload, parse, parse_trusted};
use crate::wire::samples::{self, completed, echo, headers, ipv4, ipv6, tcp, udp};
use proptest::prelude::*;

fn tagged(frame: &[u8], tags: usize) -> Vec<u8> {
    [&frame[..12], &[0x81, 0, 0x60, 5].repeat(tags), &frame[12..]].concat()
}

#[test]
fn ipv4_with_padding_and_tag() {
    let mut frame = tagged(&ipv4(17, 0x4000, &[], &udp(&[1, 2])), 1);
    frame.extend([0; 20]);
    let parsed = parse(&frame).unwrap();
    assert_eq!(parsed.vlan, Some(5));
    assert_eq!(parsed.destination, Mac([2, 0, 0, 0, 0, 1]));
    let headers = headers(&frame);
    assert_eq!((headers.l3, headers.l4, headers.end), (18, 38, 48));
    assert_eq!((headers.protocol, headers.ttl, headers.tos), (17, 64, 0x10));
    assert_eq!(headers.source::<V4>(&frame), V4(samples::SOURCE));
    assert_eq!(headers.destination::<V4>(&frame), V4(samples::DESTINATION));
    assert!(headers.dont_fragment(&frame) && headers.fragment.is_none());
    assert_eq!(headers.ip_length(), 30);
}

#[test]
fn each_malformed_frame_has_its_reason() {
    let good = ipv4(17, 0, &[], &udp(&[]));
    let with = |at: usize, value: u8| {
        let mut frame = good.clone();
        frame[at] = value;
        frame
    };
    let reason = |frame: &[u8]| parse(frame).unwrap_err();
    assert_eq!(reason(&good[..13]), DropReason::Truncated);
    assert_eq!(reason(&good[..30]), DropReason::Truncated);
    assert_eq!(reason(&good[..40]), DropReason::BadIpLength);
    assert_eq!(reason(&with(14, 0x65)), DropReason::BadIpHeader);
    assert_eq!(reason(&with(14, 0x44)), DropReason::BadIpHeader);
    assert_eq!(reason(&with(24, good[24] ^ 1)), DropReason::BadIpChecksum);
    assert!(parse_trusted(&with(24, good[24] ^ 1)).is_ok());
    assert_eq!(parse_trusted(&with(17, 19)).unwrap_err(), DropReason::BadIpLength);
    assert_eq!(reason(&tagged(&good, 2)), DropReason::UnknownVlan);
    assert_eq!(reason(&ipv6(60, &[17, 9, 0, 0, 0, 0, 0, 0])), DropReason::BadIpOptions);
    let endless = [60, 0, 1, 4, 0, 0, 0, 0].repeat(9);
    assert_eq!(reason(&ipv6(60, &endless)), DropReason::BadIpOptions);
}

#[test]
fn not_ip() {
    let mut frame = ipv4(17, 0, &[], &[]);
    frame[12..14].copy_from_slice(&[0x08, 0x06]);
    assert_eq!(parse(&frame).unwrap().payload, Payload::Arp { offset: 14 });
    frame[12..14].copy_from_slice(&[0x88, 0xcc]);
    assert_eq!(parse(&frame).unwrap().payload, Payload::Other { ethertype: 0x88cc });
}

#[test]
fn ipv6_extension_headers() {
    let hop = [43, 0, 1, 4, 0, 0, 0, 0];
    let routing = [51, 0, 0, 0, 0, 0, 0, 0];
    let authentication = [44, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    let fragment = [17, 0, 0, 9, 0, 0, 1, 2];
    let frame = ipv6(0, &[&hop[..], &routing, &authentication, &fragment, &[1; 8]].concat());
    let headers = headers(&frame);
    assert_eq!(headers.version, IpVersion::V6);
    assert_eq!((headers.l4, headers.protocol, headers.options), (14 + 40 + 36, 17, true));
    let info = headers.fragment.unwrap();
    assert_eq!((info.offset, info.more, info.id), (8, true, 0x102));
    assert!(!headers.is_first_fragment());
    assert_eq!(layer4(&frame, &headers).kind, Layer4Kind::Other);
    assert_eq!(headers.destination::<V6>(&frame).0[15], 2);
}

#[test]
fn layer4_of_each_protocol() {
    let options =
        [2, 4, 5, 0xb4, 1, 3, 3, 9, 4, 2, 5, 18, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 20, 0, 0, 0, 30];
    let frame = ipv4(6, 0, &[], &tcp(0xc2, &options, &[1; 7]));
    let read = layer4(&frame, &headers(&frame));
    assert_eq!((read.source_port, read.destination_port), (L4Port::new(40_000), L4Port::new(80)));
    let Layer4Kind::Tcp(fields) = read.kind else { panic!("{read:?}") };
    assert_eq!((fields.seq, fields.ack, fields.flags), (1000, 2000, 0xc2));
    assert_eq!((fields.window, fields.data_offset, fields.payload_len), (0x2000, 48, 7));
    let found = tcp_options(&frame, &headers(&frame));
    assert_eq!((found.mss, found.window_scale), (Some(1460), Some(9)));
    assert_eq!((found.sack_permitted, found.sack), (true, Some(30)));

    let cut = ipv4(6, 0, &[], &tcp(2, &[], &[])[..19]);
    assert_eq!(layer4(&cut, &headers(&cut)).kind, Layer4Kind::Truncated);
    let query = ipv4(1, 0, &[], &echo(8, &[]));
    let read = layer4(&query, &headers(&query));
    assert_eq!((read.source_port, read.destination_port), (L4Port::new(7), L4Port::new(7)));
    let foreign = ipv6(1, &echo(8, &[]));
    assert_eq!(layer4(&foreign, &headers(&foreign)).kind, Layer4Kind::Other);
    assert_eq!(layer4(&foreign, &headers(&foreign)).source_port, L4Port::default());
}

#[test]
fn tells_a_partial_checksum_from_a_wrong_one() {
    for bare in [ipv4(6, 0, &[], &tcp(2, &[], &[5; 9])), ipv6(6, &tcp(2, &[], &[5; 9]))] {
        let headers = headers(&bare);
        let at = usize::from(headers.l4) + 16;
        let whole = completed(bare.clone(), 16);
        assert_eq!(l4_state(&whole, &headers), L4ChecksumState::Good);

        let mut partial = bare.clone();
        let seed = !samples::plain_checksum(&samples::pseudo(&bare, 6, 29));
        partial[at..at + 2].copy_from_slice(&seed.to_be_bytes());
        assert_eq!(l4_state(&partial, &headers), L4ChecksumState::Partial);
        complete_l4(&mut partial, &headers);
        assert_eq!(partial, whole);

        partial[at] ^= 1;
        assert_eq!(l4_state(&partial, &headers), L4ChecksumState::Bad);
    }
    let none = ipv4(17, 0, &[], &udp(&[1]));
    assert_eq!(l4_state(&none, &headers(&none)), L4ChecksumState::Absent);
    let mut long = none;
    long[14 + 20 + 5] = 200;
    assert_eq!(l4_state(&long, &headers(&long)), L4ChecksumState::Bad);
}

proptest! {
    #[test]
    fn sum_equals_the_plain_one(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(!sum(&bytes), samples::plain_checksum(&bytes));
    }

    /// Equal to a full sum, but for the two forms of zero: RFC 1624 section 3.
    #[test]
    fn update_equals_a_full_sum(
        mut bytes in proptest::collection::vec(any::<u8>(), 20..60),
        at in 0_usize..10,
        new in any::<u16>(),
    ) {
        bytes[0] = 0x45;
        let before = samples::plain_checksum(&bytes);
        let at = 2 + at / 2 * 2;
        let old = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        bytes[at..at + 2].copy_from_slice(&new.to_be_bytes());
        prop_assert_eq!(update16(before, old, new), samples::plain_checksum(&bytes));
    }

    #[test]
    fn forwarding_keeps_the_header_valid(
        ttl in 1_u8..=255,
        payload in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut four = ipv4(99, 0, &[], &payload);
        four[22] = ttl;
        four[24..26].fill(0);
        let sum = samples::plain_checksum(&four[14..34]);
        four[24..26].copy_from_slice(&sum.to_be_bytes());
        let mut six = ipv6(99, &payload);
        six[21] = ttl;
        for frame in [&mut four, &mut six] {
            let before = headers(frame);
            decrement_ttl(frame, &before);
            prop_assert_eq!(headers(frame).ttl, ttl - 1);
        }
    }
}

#[test]
fn ethernet_header_replaced_tag_pushed_and_popped() {
    let frame = ipv4(17, 0, &[], &udp(&[1, 2, 3]));
    let mut packet = MemoryPacket::new(&[&frame[..], &[0; 15]].concat());
    let (to, from) = (Mac([6; 6]), Mac([8; 6]));
    assert!(write_ethernet(&mut packet, &headers(&frame), to, from, Some(9)));
    let parsed = parse(packet.data()).unwrap();
    assert_eq!((parsed.destination, parsed.source, parsed.vlan), (to, from, Some(9)));
    assert_eq!(packet.data()[18..], frame[14..]);
    let tagged = headers(packet.data());
    assert!(write_ethernet(&mut packet, &tagged, to, from, None));
    assert_eq!(packet.data()[14..], frame[14..]);
    assert_eq!(packet.data()[..14], [&[6; 6][..], &[8; 6], &[8, 0]].concat());
}
