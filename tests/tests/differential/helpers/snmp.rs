//! SNMP through translation: addresses that agents tell.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, words};

use super::{Ends, INWARDS, MASQUERADE, MASQUERADED, PLAIN, STATES};
use crate::{INSIDE, OUTSIDE};

differential!(plain, masqueraded, to_an_agent_inside, odd_messages);

fn rules(more: &str) -> String {
    format!(
        "*raw
        -A PREROUTING -p udp --dport 161 -j CT --helper snmp
        -A PREROUTING -p udp --dport 162 -j CT --helper snmp_trap
        COMMIT
        {STATES}
        {more}"
    )
}

/// An element of ASN.1.
fn tagged(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = match content.len() {
        length @ 0..128 => vec![length as u8],
        length => vec![0x82, (length >> 8) as u8, length as u8],
    };
    [vec![tag], length, content].concat()
}

fn message(version: u8, pdu: u8, values: &[&[u8]]) -> Vec<u8> {
    let binding = |value: &&[u8]| tagged(0x30, &[&[6, 3, 43, 6, 1], value]);
    let bindings: Vec<u8> = values.iter().flat_map(binding).collect();
    let pdu = tagged(pdu, &[&[2, 1, 5, 2, 1, 0, 2, 1, 0], &tagged(0x30, &[&bindings])]);
    tagged(0x30, &[&[2, 1, version], b"\x04\x06public", &pdu])
}

const INSIDE_TOLD: &[u8] = &[0x40, 4, 10, 1, 0, 2];
const ROUTER_TOLD: &[u8] = &[0x40, 4, 192, 168, 1, 146];
const SERVER_TOLD: &[u8] = &[0x40, 4, 192, 168, 1, 9];
const NUMBER: &[u8] = &[2, 2, 1, 0];
const NOTHING: &[u8] = &[5, 0];

fn asked(lab: &mut Lab, ends: Ends, port: u16) {
    let told = [INSIDE_TOLD, NUMBER, ROUTER_TOLD, SERVER_TOLD, NOTHING, INSIDE_TOLD];
    ends.by_client(lab, |packet| packet.udp(port, 161, &message(1, 0xa0, &told)));
    ends.by_server(lab, |packet| packet.udp(161, port, &message(1, 0xa2, &told)));
    ends.by_client(lab, |packet| packet.udp(port, 162, &message(0, 0xa6, &told)));
    ends.by_client(lab, |packet| packet.udp(port, 162, &message(1, 0xa7, &told)));
    ends.by_server(lab, |packet| packet.udp(162, port, &message(1, 0xa2, &told)));
    // The address at an odd place.
    let text = tagged(4, &[b"x"]);
    let told = [&text, INSIDE_TOLD, &tagged(4, &[&[7; 200]]), INSIDE_TOLD];
    ends.by_client(lab, |packet| packet.udp(port, 162, &message(1, 0xa7, &told)));
    ends.by_server(lab, |packet| packet.udp(161, port, &message(1, 0xa2, &told)));
}

fn plain() -> Scenario {
    Scenario::new(&rules(""), |lab| asked(lab, PLAIN, 2000))
}

fn masqueraded() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        asked(lab, MASQUERADED, 2000);
        // Without a checksum it stays without.
        let trap = message(1, 0xa7, &[INSIDE_TOLD]);
        let mut datagram = words(&[2001, 162, 8 + trap.len() as u16, 0]);
        datagram.extend(&trap);
        lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(17, &datagram));
        // In fragments.
        let long = message(1, 0xa7, &[&tagged(4, &[&[7; 900]]), INSIDE_TOLD]);
        for piece in Packet::new(INSIDE, OUTSIDE).id(7).udp(2000, 162, &long).fragments(&[400, 400])
        {
            lab.lan(&piece);
        }
    })
}

fn to_an_agent_inside() -> Scenario {
    let nat = "
        *nat
        -A PREROUTING -i wan0 -p udp --dport 161:162 -j DNAT --to-destination 10.1.0.2
        COMMIT";
    Scenario::new(&rules(nat), |lab| asked(lab, INWARDS, 2000))
}

fn odd_messages() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let good = message(1, 0xa7, &[INSIDE_TOLD]);
        let with_more = [&good[..], b"more"].concat();
        let mut longer = good.clone();
        longer[1] += 1;
        for odd in [
            &b""[..],
            b"\x30",
            b"\x30\x00",
            &good[..good.len() - 1],
            &with_more,
            &longer,
            &message(2, 0xa7, &[INSIDE_TOLD]),
            &message(3, 0xa7, &[]),
            &message(0, 0xa4, &[]),
            &message(1, 0xa4, &[INSIDE_TOLD]),
            &message(1, 0xa9, &[]),
            &message(1, 0xa7, &[]),
            &message(1, 0xa7, &[&[0x40, 3, 10, 1, 0]]),
            &message(1, 0xa7, &[&[0x40, 0]]),
            &message(1, 0xa7, &[&[0x47, 0]]),
            &message(1, 0xa7, &[&[0x45, 1, 0], INSIDE_TOLD]),
            &message(1, 0xa7, &[&[0x80, 0], &[0x81, 0], &[0x82, 0], &[0x46, 1, 0], INSIDE_TOLD]),
            &message(1, 0xa7, &[&[0x83, 0]]),
            &message(1, 0xa7, &[&[5, 0, 5, 0]]),
            &message(1, 0xa7, &[&[]]),
            &tagged(0x31, &[&good[2..]]),
        ] {
            MASQUERADED.by_client(lab, |packet| packet.udp(2000, 162, odd));
        }
        // The length of the datagram is not that of the packet.
        let mut datagram = words(&[2000, 162, 8 + good.len() as u16, 0]);
        datagram.extend(&good);
        datagram.extend(b"behind it");
        lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(17, &datagram));
    })
}
