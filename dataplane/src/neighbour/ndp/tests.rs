use super::*;
use crate::packet::MemoryPacket;
use crate::wire::parse::{Payload, parse};

use proptest::prelude::*;

const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);
const THEIRS: Mac = Mac([2, 0, 0, 0, 0, 2]);
const WE: V6 = V6([0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56]);
const THEY: V6 = V6([0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
const LAN: InterfaceId = InterfaceId(3);

fn read(data: &[u8]) -> (Mac, Mac, Option<u16>, Headers) {
    let frame = parse(data).unwrap();
    let Payload::Ip(headers) = frame.payload else { panic!("not IP") };
    (frame.destination, frame.source, frame.vlan, headers)
}

fn message(data: &[u8]) -> Result<Message, DropReason> {
    let (.., headers) = read(data);
    assert!(is_discovery(data, &headers));
    Message::parse(data, &headers)
}

fn asked(source: V6, unicast_to: Option<Mac>) -> (MemoryPacket, Solicitation) {
    let mut packet = MemoryPacket::new(&[]);
    assert!(solicit(&mut packet, Some(7), (THEIRS, source), WE, unicast_to));
    let Ok(Message::Solicitation(solicitation)) = message(packet.data()) else {
        panic!("not a solicitation")
    };
    (packet, solicitation)
}

/// Changes bytes of the message and makes its checksum right again.
fn forge(packet: &MemoryPacket, change: impl FnOnce(&mut [u8], usize)) -> MemoryPacket {
    let mut packet = packet.clone();
    let (.., headers) = read(packet.data());
    change(packet.data_mut(), headers.l4.into());
    let (.., headers) = read(packet.data());
    checksum::complete_l4(packet.data_mut(), &headers);
    packet
}

#[test]
fn a_solicitation_to_the_group_of_its_target() {
    let (packet, solicitation) = asked(THEY, None);
    let (destination, source, vlan, headers) = read(packet.data());
    assert_eq!((source, vlan, headers.ttl), (THEIRS, Some(7), 255));
    assert_eq!(destination, Mac([0x33, 0x33, 0xff, 0x12, 0x34, 0x56]));
    let expected = Solicitation {
        source: THEY,
        destination: solicited_node(WE),
        target: WE,
        link: Some(THEIRS),
    };
    assert_eq!(solicitation, expected);
    assert_eq!(
        solicitation.event(LAN),
        Some(Event::Seen {
            interface: LAN,
            address: THEY.to_ip(),
            mac: Some(THEIRS),
            kind: Kind::NeighbourSolicitation,
        })
    );
}

#[test]
fn answers_to_group_neighbour_and_probe() {
    let answered = |source, unicast_to, own| {
        let (mut packet, solicitation) = asked(source, unicast_to);
        assert!(answer(&mut packet, &solicitation, Some(7), THEIRS, OURS, own));
        let (destination, from, vlan, headers) = read(packet.data());
        assert_eq!((from, vlan), (OURS, Some(7)));
        assert_eq!(headers.source::<V6>(packet.data()), WE);
        let Ok(Message::Advertisement(told)) = message(packet.data()) else {
            panic!("not an advertisement")
        };
        (destination, headers.destination::<V6>(packet.data()), told)
    };
    let full = Advertisement {
        target: WE,
        link: Some(OURS),
        router: true,
        solicited: true,
        override_: true,
    };
    assert_eq!(answered(THEY, None, true), (THEIRS, THEY, full));
    let confirms = Advertisement { link: None, override_: false, ..full };
    assert_eq!(answered(THEY, Some(OURS), true), (THEIRS, THEY, confirms));
    let shared = Advertisement { override_: false, ..full };
    assert_eq!(answered(THEY, None, false), (THEIRS, THEY, shared));
    let defends = Advertisement { solicited: false, ..full };
    let all = Mac([0x33, 0x33, 0, 0, 0, 1]);
    assert_eq!(answered(V6::default(), None, true), (all, ALL_NODES, defends));
    assert_eq!(asked(V6::default(), None).1.event(LAN), None);
}

#[test]
fn messages_that_break_a_rule_are_refused() {
    let bad = |packet: MemoryPacket, why: &str| {
        assert_eq!(message(packet.data()), Err(DropReason::BadNeighbourDiscovery), "{why}");
    };
    let (good, _) = asked(THEY, None);
    assert!(message(forge(&good, |_, _| {}).data()).is_ok());
    bad(forge(&good, |data, _| data[18 + 7] = 254), "hop limit");
    bad(forge(&good, |data, at| data[at + 1] = 1), "code");
    bad(forge(&good, |data, at| data[at + 8] = 0xff), "multicast target");
    bad(forge(&good, |data, at| data[at + MESSAGE + 1] = 0), "option of length zero");
    bad(forge(&good, |data, at| data[at + MESSAGE + 1] = 2), "option beyond the end");
    bad(forge(&good, |data, at| data[at + MESSAGE + 2] = 1), "group MAC");
    bad(forge(&good, |data, _| data[26..42].fill(0)), "a probe that tells a MAC");
    let mut wrong = good.clone();
    wrong.data_mut()[60] ^= 1;
    bad(wrong, "checksum");
    let (probe, _) = asked(V6::default(), None);
    bad(forge(&probe, |data, _| data[18 + 39] ^= 1), "a probe to another group");
    let (mut told, solicitation) = asked(V6::default(), None);
    assert!(answer(&mut told, &solicitation, Some(7), THEIRS, OURS, true));
    bad(forge(&told, |data, at| data[at + 4] |= SOLICITED), "solicited to a group");
    // Only another option: fine, and no MAC.
    let other = forge(&good, |data, at| data[at + MESSAGE] = 14);
    assert!(matches!(
        message(other.data()),
        Ok(Message::Solicitation(Solicitation { link: None, .. }))
    ));
    let router = forge(&good, |data, at| data[at] = 134);
    assert_eq!(message(router.data()), Ok(Message::Ignored));
}

#[test]
fn a_cut_message_is_refused() {
    let (packet, _) = asked(THEY, None);
    for length in 1..MESSAGE + OPTION {
        let mut cut = packet.clone();
        cut.trim_back(MESSAGE + OPTION - length);
        cut.data_mut()[18 + 5] = length as u8;
        let (.., headers) = read(cut.data());
        checksum::complete_l4(cut.data_mut(), &headers);
        let expected = if length == MESSAGE { Ok(()) } else { Err(()) };
        assert_eq!(Message::parse(cut.data(), &headers).map(|_| ()).map_err(|_| ()), expected);
    }
}

proptest! {
    #[test]
    fn total_over_any_bytes(
        kind in 130u8..140,
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut frame = vec![0u8; 14 + 40];
        frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
        frame[14 + 5] = bytes.len() as u8 + 1;
        frame[14 + 6..14 + 8].copy_from_slice(&[58, 255]);
        frame.push(kind);
        frame.extend(bytes);
        let (.., headers) = read(&frame);
        checksum::complete_l4(&mut frame, &headers);
        prop_assert_eq!(is_discovery(&frame, &headers), (133..=137).contains(&kind));
        // Must return, whatever it says.
        let _ = Message::parse(&frame, &headers);
    }
}
