//! IPv6 over the data plane's public interface: what is forwarded, and how the rest is answered (RFC 4443 and
//! kernel `ip6_forward`, `ip6_pkt_drop`).

mod support;

use sluice_dataplane::drop_reason::DropReason;
use sluice_dataplane::rules::Rules;
use support::frames::{checksum, gateway_mac, neighbour_mac};
use support::{CLIENT6, GATEWAY6, Gateway, LAN, SERVER6, Spread, WAN};

const HOP_LIMIT: usize = 21;

/// A UDP packet from the client with `size` bytes of payload.
fn udp(destination: [u8; 16], hop_limit: u8, size: usize) -> Vec<u8> {
    let length = (8 + size) as u16;
    let mut segment = vec![0x0f, 0xa0, 0, 53];
    segment.extend(length.to_be_bytes());
    segment.extend([0, 0]);
    segment.resize(8 + size, 7);
    let sum = transport_checksum(CLIENT6, destination, 17, &segment);
    segment[6..8].copy_from_slice(&sum.to_be_bytes());
    let mut frame =
        [&gateway_mac(LAN)[..], &neighbour_mac(LAN), &[0x86, 0xdd, 0x60, 0, 0, 0]].concat();
    frame.extend(length.to_be_bytes());
    frame.extend([17, hop_limit]);
    frame.extend(CLIENT6);
    frame.extend(destination);
    frame.extend(segment);
    frame
}

fn transport_checksum(from: [u8; 16], to: [u8; 16], protocol: u8, segment: &[u8]) -> u16 {
    let length = (segment.len() as u32).to_be_bytes();
    checksum(&[&from[..], &to, &length, &[0, 0, 0, protocol], segment].concat())
}

fn host(net: u8) -> [u8; 16] {
    let mut address = SERVER6;
    address[3] = net;
    address
}

/// The ICMPv6 error that goes back to the client: type, code, the word behind the checksum. It quotes what
/// was sent.
fn error(gateway: &mut Gateway, sent: &[u8]) -> Option<(u8, u8, u32)> {
    let out = gateway.receive(LAN, sent);
    let (port, frame) = out.first()?;
    assert_eq!((out.len(), *port), (1, LAN));
    assert_eq!(frame[..6], neighbour_mac(LAN));
    assert_eq!((frame[20], frame[HOP_LIMIT]), (58, 64));
    assert_eq!((&frame[22..38], &frame[38..54]), (&GATEWAY6[..], &CLIENT6[..]));
    assert_eq!(transport_checksum(GATEWAY6, CLIENT6, 58, &frame[54..]), 0);
    assert!(frame.len() <= 14 + 1280, "the smallest MTU holds it");
    assert!(sent[14..].starts_with(&frame[62..]), "the quote is what was sent");
    let word = [frame[58], frame[59], frame[60], frame[61]];
    Some((frame[54], frame[55], u32::from_be_bytes(word)))
}

fn plain() -> Gateway {
    Gateway::new(1, Spread::Hash, Rules::empty(1))
}

#[test]
fn forwards_with_one_hop_less() {
    let sent = udp(SERVER6, 64, 100);
    let out = plain().receive(LAN, &sent);
    let [(WAN, frame)] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!((&frame[..6], frame[HOP_LIMIT]), (&neighbour_mac(WAN)[..], 63));
    assert_eq!(frame[22..], sent[22..]);
}

#[test]
fn the_last_hop_and_too_large_a_packet_are_answered() {
    let mut gateway = plain();
    assert_eq!(error(&mut gateway, &udp(SERVER6, 1, 100)), Some((3, 0, 0)));
    assert_eq!(error(&mut gateway, &udp(SERVER6, 64, 1453)), Some((2, 0, 1500)));
    assert_eq!(gateway.receive(LAN, &udp(SERVER6, 64, 1452)).len(), 1, "just fits");
}

#[test]
fn refusing_routes_are_answered_as_they_say() {
    let mut gateway = plain();
    assert_eq!(error(&mut gateway, &udp(host(9), 64, 100)), Some((1, 0, 0)), "no route");
    assert_eq!(error(&mut gateway, &udp(host(3), 64, 100)), Some((1, 0, 0)), "unreachable");
    assert_eq!(error(&mut gateway, &udp(host(4), 64, 100)), Some((1, 1, 0)), "prohibit");
    assert_eq!(error(&mut gateway, &udp(host(5), 64, 100)), None, "blackhole");
    let drops = gateway.workers[0].counters().drops();
    assert_eq!(drops.get(DropReason::Blackhole), 1);
}

#[test]
fn errors_are_limited_but_for_path_mtu_discovery() {
    let mut gateway = plain();
    let mut count =
        |packet: Vec<u8>| (0..20).filter(|_| !gateway.receive(LAN, &packet).is_empty()).count();
    assert_eq!(count(udp(SERVER6, 1, 100)), 6);
    assert_eq!(count(udp(SERVER6, 64, 1453)), 20);
}

#[test]
fn sources_that_cannot_be_are_dropped() {
    let mut gateway = plain();
    let mut multicast = udp(SERVER6, 64, 8);
    multicast[22] = 0xff;
    let mut loopback = udp(SERVER6, 64, 8);
    loopback[22..38].fill(0);
    loopback[37] = 1;
    let mut unspecified = udp(SERVER6, 64, 8);
    unspecified[22..38].fill(0);
    // Nobody on the link is known by that address, so nobody is told.
    let mut link_local = udp(SERVER6, 64, 8);
    link_local[22..24].copy_from_slice(&[0xfe, 0x80]);
    for sent in [multicast, loopback, unspecified, link_local] {
        assert_eq!(gateway.receive(LAN, &sent), []);
    }
    let drops = gateway.workers[0].counters().drops();
    assert_eq!(drops.get(DropReason::MartianSource), 4);
}

/// Unlike in IPv4, where such a source is a martian.
#[test]
fn a_source_of_the_gateway_s_own_is_forwarded() {
    let mut own = udp(SERVER6, 64, 8);
    own[22..38].copy_from_slice(&GATEWAY6);
    assert_eq!(plain().receive(LAN, &own).len(), 1);
}
