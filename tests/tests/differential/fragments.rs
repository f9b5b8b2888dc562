//! Owns the scenarios of datagrams in fragments that take more than putting them together.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

use crate::conntrack::STATEFUL;
use crate::{INSIDE, OUTSIDE, ROUTER_IN};

differential!(
    marks_of_congestion,
    marks_of_congestion_untracked,
    headers_in_pieces,
    headers_in_pieces_translated,
    for_the_gateway,
    for_the_gateway_v6
);

fn out() -> Packet {
    Packet::new(INSIDE, OUTSIDE)
}

/// Every two marks, and three where these differ (RFC 3168 section 5.3).
pub(crate) fn play_marks(lab: &mut Lab, out: fn() -> Packet) {
    let mut id = 0x2000;
    let mut play = |marks: &[u8]| {
        id += 1;
        let packet = out().tos(0x20).udp(1000 + id, 53, &[7; 64]).id(id);
        for (part, mark) in packet.fragments(&[16, 24][..marks.len() - 1]).iter().zip(marks) {
            let tos = 0x20 | mark;
            lab.lan(&part.clone().tos(tos));
        }
    };
    for first in 0..4 {
        for second in 0..4 {
            play(&[first, second]);
        }
    }
    for marks in [[1, 2, 3], [3, 1, 1], [2, 2, 1], [0, 1, 2], [3, 3, 0]] {
        play(&marks);
    }
}

fn marks_of_congestion() -> Scenario {
    Scenario::new(STATEFUL, |lab| play_marks(lab, out))
}

fn marks_of_congestion_untracked() -> Scenario {
    Scenario::new("", |lab| play_marks(lab, out))
}

fn play_pieces(lab: &mut Lab) {
    let mut id = 0x2000;
    for data in [0, 64, 100] {
        for sizes in
            [&[8][..], &[16], &[8, 8], &[16, 8], &[8, 8, 8], &[8, 16], &[24], &[24, 8], &[32]]
        {
            id += 1;
            let packet = out().tcp((id, 80), flags::SYN, 1, 0, &vec![7; data]).id(id);
            for part in packet.fragments(sizes) {
                lab.lan(&part);
            }
        }
    }
}

fn headers_in_pieces() -> Scenario {
    Scenario::new(STATEFUL, play_pieces)
}

fn headers_in_pieces_translated() -> Scenario {
    let rules = "
        *nat
        -A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.146
        COMMIT";
    Scenario::new(rules, play_pieces)
}

/// Where nothing tracks, PREROUTING and FORWARD see fragments one by one, and so does INPUT in IPv6.
const STATELESS: &str = "
    *mangle
    -A PREROUTING -p udp --dport 53 -j MARK --set-mark 5
    -A PREROUTING -p udp --dport 54 -j TOS --set-tos 0x10
    -A PREROUTING -m mark --mark 0 -j MARK --set-mark 6
    -A INPUT -m mark --mark 5
    -A INPUT -m mark --mark 6
    -A INPUT -m tos --tos 0x10
    -A OUTPUT -m length --length 2000:
    -A OUTPUT
    -A POSTROUTING -o lan0
    COMMIT
    *filter
    :INPUT DROP
    -A INPUT -p udp --dport 53 -m length --length 100: -j ACCEPT
    -A INPUT -p icmp -j ACCEPT
    -A INPUT -p icmpv6 -j ACCEPT
    -A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset
    -A INPUT -p udp --dport 54 -j REJECT
    -A INPUT
    -A FORWARD -p udp --dport 53
    -A FORWARD
    COMMIT";

fn play_for_the_gateway(
    lab: &mut Lab,
    to: &dyn Fn(u16) -> Packet,
    forward: &dyn Fn(u16) -> Packet,
) {
    let all = |lab: &mut Lab, parts: &[Packet]| parts.iter().for_each(|part| drop(lab.lan(part)));
    let mut id = 0x2000;
    let mut next = || {
        id += 1;
        id
    };
    let data = [7; 200];
    for port in [53, 54, 55] {
        all(lab, &to(next()).udp(1000, port, &data).fragments(&[64, 64]));
    }
    let mut parts = to(next()).udp(1000, 53, &data).fragments(&[64, 64]);
    parts.reverse();
    all(lab, &parts);
    // One is missing, one comes twice.
    let parts = to(next()).udp(1000, 53, &data).fragments(&[64, 64]);
    all(lab, &[&parts[..1], &parts[2..]].concat());
    all(lab, &[&parts[..1], &parts[1..2]].concat());
    // Two that hold the same bytes: none of it counts.
    let id = next();
    let parts = to(id).udp(1000, 53, &data).fragments(&[64, 64]);
    let other = to(id).udp(1000, 53, &data).fragments(&[56, 80]);
    all(lab, &[&parts[..1], &other[1..2], &parts[1..]].concat());
    all(lab, &to(next()).ping(9, 1, &[1; 3000]).fragments(&[1376, 1376]));
    all(lab, &to(next()).tcp((1000, 80), flags::SYN, 1, 0, &data).fragments(&[64, 64]));
    all(lab, &to(next()).tcp((1000, 81), flags::SYN, 1, 0, &data).fragments(&[64, 64]));
    all(lab, &forward(next()).udp(1000, 53, &data).fragments(&[64, 64]));
}

fn for_the_gateway() -> Scenario {
    let rules = STATELESS.replace("-A INPUT -p icmpv6 -j ACCEPT", "-A INPUT -f");
    Scenario::new(&rules, |lab| {
        let to = |id| Packet::new(INSIDE, ROUTER_IN).id(id);
        play_for_the_gateway(lab, &to, &|id| out().id(id));
    })
}

fn for_the_gateway_v6() -> Scenario {
    let rules = STATELESS.replace("-A OUTPUT", "-A OUTPUT -m frag\n-A OUTPUT");
    Scenario::new_v6(&rules, |lab| {
        let to = |id| Packet::new("fd00:1::2", "fd00:1::1").id(id);
        play_for_the_gateway(lab, &to, &|id| Packet::new("fd00:1::2", "fd00:2::9").id(id));
    })
}
