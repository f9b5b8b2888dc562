//! Owns the scenarios of bytes that are no proper packets.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{self, Packet, flags};

use crate::{INSIDE, OUTSIDE, ROUTER_IN};

differential!(malformed, malformed_and_tracked);

const IPV4: u16 = 0x0800;

fn malformed() -> Scenario {
    Scenario::new("", broken_headers)
}

fn malformed_and_tracked() -> Scenario {
    let rules = "
        *nat
        -A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.146
        COMMIT";
    Scenario::new(rules, broken_headers)
}

/// Changes header bytes and puts the checksum right again, so that only the change is wrong.
fn edited(packet: &Packet, edit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = packet.bytes();
    edit(&mut bytes);
    bytes[10..12].fill(0);
    let sum = frame::checksum(&bytes[..20]).to_be_bytes();
    bytes[10..12].copy_from_slice(&sum);
    bytes
}

fn broken_headers(lab: &mut Lab) {
    let good = Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"a question of some length");
    let whole = good.bytes();
    // Ending anywhere.
    for length in [0, 1, 10, 19, 20, 24, 27, 28, 40] {
        lab.lan_bytes(IPV4, &whole[..length]);
    }
    // Versions, header lengths, total lengths.
    for first in [0x05, 0x65, 0x40, 0x44, 0x46, 0x4f] {
        lab.lan_bytes(IPV4, &edited(&good, |bytes| bytes[0] = first));
    }
    for total in [0, 19, 20, 27, 28, 54, 1400, 65535] {
        let edit = |bytes: &mut Vec<u8>| bytes[2..4].copy_from_slice(&u16::to_be_bytes(total));
        lab.lan_bytes(IPV4, &edited(&good, edit));
    }
    // A header checksum that is wrong.
    let mut spoilt = whole.clone();
    spoilt[10] ^= 0xff;
    lab.lan_bytes(IPV4, &spoilt);
    // Padding behind the packet is not forwarded.
    let mut padded = whole.clone();
    padded.extend([0xaa; 18]);
    lab.lan_bytes(IPV4, &padded);
    // The reserved flag; a fragment that reaches past 65535; one without data.
    for fragment in [0x8000, 0x3fff, 0x2000, 0x1fff] {
        let edit = |bytes: &mut Vec<u8>| bytes[6..8].copy_from_slice(&u16::to_be_bytes(fragment));
        lab.lan_bytes(IPV4, &edited(&good, edit));
    }
    // Another EtherType, and none.
    for ethertype in [0x0806, 0x1234, 0x0100, 0x88cc] {
        lab.lan_bytes(ethertype, &whole);
    }
    // To itself, from itself.
    lab.lan(&Packet::new(INSIDE, INSIDE).udp(1000, 53, b"to itself"));
    lab.lan(&Packet::new(ROUTER_IN, ROUTER_IN).tcp((80, 80), flags::SYN, 1, 0, b""));
    // Still alive.
    lab.lan(&good);
}
