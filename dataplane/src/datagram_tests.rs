//! Pulling and pushing back.

use super::*;
use crate::packet::{MemoryPacket, MemoryPool};
use crate::wire::parse::{Payload, parse, parse_ip};
use crate::wire::samples::ipv4;

fn headers(packet: &MemoryPacket) -> Headers {
    match parse(packet.data()).unwrap().payload {
        Payload::Ip(headers) => headers,
        other => panic!("{other:?}"),
    }
}

/// A datagram of `protocol` cut into pieces of these sizes.
fn cut(protocol: u8, bits: u16, bytes: &[u8], sizes: &[usize]) -> Vec<(MemoryPacket, Headers)> {
    let mut at = 0;
    let pieces = sizes.iter().map(|size| {
        let end = at + size;
        let more = if end < bytes.len() { 0x2000 } else { 0 };
        let frame = ipv4(protocol, (at / 8) as u16 | more | bits, &[], &bytes[at..end]);
        at = end;
        let packet = MemoryPacket::new(&frame);
        let headers = headers(&packet);
        (packet, headers)
    });
    pieces.collect()
}

fn numbers(count: u8) -> Vec<u8> {
    (0..count).collect()
}

#[test]
fn what_is_changed_in_the_lead_is_written_back() {
    let mut pieces = cut(6, 0, &numbers(100), &[8, 8, 8, 76]);
    let before = pieces.clone();
    let (mut lead, mut own) = pieces.remove(0);
    let pulled = pull(&mut lead, &mut own, &pieces);
    assert_eq!(pulled, 52);
    assert_eq!(own.payload(lead.data()), &numbers(60)[..]);
    let later: Vec<u8> = later_payloads(&pieces, pulled).flatten().copied().collect();
    assert_eq!(later, numbers(100)[60..]);
    push_back(&mut lead, &mut own, &mut pieces, pulled);
    assert_eq!((lead.data(), own), (before[0].0.data(), before[0].1));
    assert_eq!(pieces, before[1..]);

    let pulled = pull(&mut lead, &mut own, &pieces);
    let at = usize::from(own.l4);
    lead.data_mut()[at + 17] = 0xee;
    push_back(&mut lead, &mut own, &mut pieces, pulled);
    let (packet, headers) = &pieces[1];
    assert_eq!(headers.payload(packet.data()), [16, 0xee, 18, 19, 20, 21, 22, 23]);
}

#[test]
fn a_whole_header_needs_no_more() {
    let mut pieces = cut(6, 0, &numbers(100), &[64, 36]);
    let (mut lead, mut own) = pieces.remove(0);
    assert_eq!(pull(&mut lead, &mut own, &pieces), 0);
    let mut pieces = cut(17, 0, &numbers(24), &[8, 16]);
    let (mut lead, mut own) = pieces.remove(0);
    assert_eq!(pull(&mut lead, &mut own, &pieces), 8);
}

#[test]
fn only_the_largest_decides_about_df() {
    let sizes = |bits: [u16; 2], sizes: [usize; 2]| {
        let bytes = numbers(100);
        let first = ipv4(17, 0x2000 | bits[0], &[], &bytes[..sizes[0]]);
        let last = ipv4(17, 8 | bits[1], &[], &bytes[..sizes[1]]);
        let read = [first, last].map(|frame| headers(&MemoryPacket::new(&frame)));
        Sizes::of(read.iter())
    };
    assert_eq!(sizes([0x4000, 0], [64, 36]), Sizes { largest: 84, dont_fragment: true });
    assert_eq!(sizes([0, 0x4000], [64, 36]), Sizes { largest: 84, dont_fragment: false });
    assert_eq!(sizes([0, 0], [64, 36]), Sizes { largest: 84, dont_fragment: false });
}

#[test]
fn an_error_quotes_the_datagram_as_it_never_was() {
    let mut pieces = cut(6, 0x4000, &numbers(100), &[8, 8, 84]);
    let (mut lead, mut own) = pieces.remove(0);
    let pulled = pull(&mut lead, &mut own, &pieces);
    let (whole, read) = beginning(&mut MemoryPool, &lead, &own, &pieces, pulled).unwrap();
    assert_eq!(read.payload(whole.data()), numbers(100));
    // Whoever quotes it makes the Ethernet header.
    let (l3, version) = (usize::from(read.l3), read.version);
    assert_eq!(parse_ip(whole.data(), l3, version), Ok(read));
    assert!(read.dont_fragment(whole.data()));
}

/// An IPv6 packet of UDP behind these headers, each a kind and its bytes after the first.
fn behind(extensions: &[(u8, [u8; 7])], tail: &[u8]) -> MemoryPacket {
    let mut packet = vec![0; 14 + 40];
    packet[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
    packet[20] = extensions.first().map_or(17, |(kind, _)| *kind);
    for (place, (_, rest)) in extensions.iter().enumerate() {
        packet.push(extensions.get(place + 1).map_or(17, |(kind, _)| *kind));
        packet.extend(rest);
    }
    packet.extend([3, 232, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]);
    let length = (packet.len() - 54) as u16;
    packet[18..20].copy_from_slice(&length.to_be_bytes());
    packet.extend(tail);
    MemoryPacket::new(&packet)
}

#[test]
fn the_header_of_a_fragment_that_is_all_there_is_comes_out() {
    let (options, alone) = ((60, [0, 1, 4, 0, 0, 0, 0]), (44, [0, 0, 0, 0, 0, 0, 7]));
    for (before, after) in [
        (&[alone][..], &[][..]),
        (&[options, alone], &[options]),
        (&[alone, options], &[options]),
        (&[options, alone, options], &[options, options]),
    ] {
        for tail in [&[][..], &[0; 3]] {
            let mut packet = behind(before, tail);
            let mut own = headers(&packet);
            take_fragment_header_out(&mut packet, &mut own);
            let expected = behind(after, &[]);
            assert_eq!(packet.data()[..usize::from(own.end)], *expected.data());
            assert_eq!(own, headers(&expected));
        }
    }
    let mut plain = behind(&[options], &[]);
    let (before, mut own) = (plain.clone(), headers(&plain));
    take_fragment_header_out(&mut plain, &mut own);
    assert_eq!((plain.data(), own), (before.data(), headers(&before)));
}
