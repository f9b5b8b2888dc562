//! LOG's lines about IPv6, as `../logs.rs` has those about IPv4.

use super::{FAR, INSIDE, OUTSIDE, ROUTER_IN, ROUTER_OUT, out};
use crate::logs::{TCP_OPTIONS, TOLD};
use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{FRAGMENT, ICMPV6, Packet, TCP, UDP, flags};

differential!(headers, messages, extensions, cut_short, hooks, fragments, tracked_fragments);

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const ESP: u8 = 50;
const AH: u8 = 51;
const NONE: u8 = 59;
const DESTINATION: u8 = 60;

fn headers() -> Scenario {
    Scenario::new_v6(TOLD, |lab| {
        for options in TCP_OPTIONS {
            lab.lan(&out().tcp_with((1000, 80), flags::SYN, [7, 0], options, b"told"));
        }
        for more in [0, 1, 2, 4, 8, 16, 32, 64, 128, 255] {
            lab.lan(&out().tcp((1000, 80), more, 7, 4_000_000_000, b"told"));
        }
        lab.lan(&out().udp(1000, 53, b"told").tos(0xff).ttl(2));
        lab.lan(&out().udp(1000, 53, &[7; 1400]));
        for protocol in [2, 47, 50, 58, 132, 136, 139, 140, 255] {
            lab.lan(
                &out().raw(protocol, &[1, 2, 3, 4, 0xf5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
            );
        }
        let mut labelled = out().udp(1000, 53, b"flow").bytes();
        labelled[1..4].copy_from_slice(&[0x5a, 0xbc, 0xde]);
        lab.lan_bytes(0x86dd, &labelled);
        lab.compare_log();
    })
}

/// ICMPv6 of every type, with and without what they should hold.
fn messages() -> Scenario {
    Scenario::new_v6(TOLD, |lab| {
        let quoted = Packet::new(OUTSIDE, INSIDE).tcp((80, 1000), flags::ACK, 1, 2, b"quoted");
        let fragment = Packet::new(OUTSIDE, INSIDE).udp(80, 1000, &[7; 64]).fragments(&[40]);
        let quoted = quoted.bytes();
        let twice = Packet::new(OUTSIDE, INSIDE).icmp_error(1, 4, 0, &quoted).bytes();
        let options =
            Packet::new(OUTSIDE, INSIDE).options(&[5, 2, 0, 0]).udp(53, 9, b"old").bytes();
        lab.lan(&out().ping(7, 70, b"told"));
        lab.lan(&out().pong(7, 70, b"told"));
        for inner in [&quoted, &twice, &options, &fragment[0].bytes(), &fragment[1].bytes()] {
            for (kind, code) in [(1, 4), (2, 0), (3, 0), (4, 1)] {
                lab.lan(&out().icmp(kind, code, &[1, 2, 3, 4], inner));
            }
        }
        for length in [0, 39, 40, 43, 47] {
            lab.lan(&out().icmp(1, 4, &[0; 4], &quoted[..length]));
        }
        for kind in [0, 100, 127, 130, 131, 132, 143, 200, 255] {
            lab.lan(&out().icmp(kind, 0, &[0; 4], &[0; 16]));
        }
        lab.compare_log();
    })
}

/// Headers one behind the other: each names the next.
fn chained(headers: &[(u8, &[u8])], last: (u8, &[u8])) -> Packet {
    let mut bytes = last.1.to_vec();
    let mut next = last.0;
    for (kind, rest) in headers.iter().rev() {
        let mut header = vec![next];
        header.extend(*rest);
        header.extend(bytes);
        (bytes, next) = (header, *kind);
    }
    out().raw(next, &bytes)
}

const PADDED: &[u8] = &[0, 1, 4, 0, 0, 0, 0];
const ROUTED: &[u8] = &[0, 4, 0, 0, 0, 0, 0];
const SIGNED: &[u8] = &[4, 0, 0, 0xf1, 2, 3, 4, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const FIRST: &[u8] = &[0, 0, 1, 0, 0, 0, 9];
const LATER: &[u8] = &[0, 0, 0x51, 0xab, 0xcd, 0, 9];
const ATOMIC: &[u8] = &[0, 0, 0, 0xab, 0xcd, 0, 9];

fn extensions() -> Scenario {
    Scenario::new_v6(TOLD, |lab| {
        let segment =
            [3, 232, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x10, 1, 0, 0, 0, 0, 9, 2, 4, 5, 180];
        let datagram = [3, 232, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4];
        let ends: [(u8, &[u8]); 6] = [
            (TCP, &segment),
            (UDP, &datagram),
            (ICMPV6, &[128, 0, 0, 0, 0, 1, 0, 2]),
            (ESP, &[0xf1, 2, 3, 4, 0, 0, 0, 1]),
            (NONE, &[]),
            (132, &datagram),
        ];
        for last in ends {
            for header in [
                (HOP_BY_HOP, PADDED),
                (DESTINATION, PADDED),
                (ROUTING, ROUTED),
                (AH, SIGNED),
                (FRAGMENT, FIRST),
                (FRAGMENT, LATER),
                (FRAGMENT, ATOMIC),
            ] {
                lab.lan(&chained(&[header], last));
                lab.lan(&chained(&[header, (DESTINATION, PADDED)], last));
                lab.lan(&chained(&[(DESTINATION, PADDED), header, (AH, SIGNED)], last));
            }
        }
        lab.compare_log();
    })
}

fn cut_short() -> Scenario {
    Scenario::new_v6(TOLD, |lab| {
        for protocol in [TCP, UDP, ICMPV6, ESP, 136] {
            for length in [0, 3, 4, 7, 8, 11, 12, 19, 20] {
                lab.lan(&out().raw(protocol, &[0x60; 24][..length]));
            }
        }
        // Behind a first fragment's header, what has to be read must be there.
        let read: &[u8] = &[TCP, UDP, ICMPV6, ESP];
        for (part, protocols) in [(FIRST, read), (LATER, &[TCP, UDP, ICMPV6, ESP, AH, DESTINATION])]
        {
            for &protocol in protocols {
                for length in [0, 2, 7, 8, 12] {
                    lab.lan(&chained(&[(FRAGMENT, part)], (protocol, &[0; 12][..length])));
                }
            }
        }
        let mut header = vec![3, 232, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0xf0, 0x10, 1, 0, 0, 0, 0, 9];
        lab.lan(&out().raw(TCP, &header));
        header.resize(60, 1);
        lab.lan(&out().raw(TCP, &header));
        lab.compare_log();
    })
}

fn hooks() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING ! -p icmpv6 -j LOG --log-prefix \"TAG raw: \" --log-level debug
        COMMIT
        *mangle
        -A FORWARD -j HL --hl-set 7
        -A FORWARD -j LOG --log-prefix \"TAG written: \" --log-macdecode
        -A POSTROUTING ! -p icmpv6 -j LOG --log-prefix \"TAG out: \" --log-macdecode
        -A POSTROUTING -p icmpv6 --icmpv6-type echo-reply -j LOG --log-prefix \"TAG leaves: \"
        -A INPUT -p udp -j LOG --log-prefix \"TAG in: \" --log-macdecode --log-level alert
        -A INPUT -p icmpv6 --icmpv6-type echo-request -j LOG --log-prefix \"TAG asked: \"
        -A OUTPUT -p icmpv6 --icmpv6-type echo-reply -j LOG --log-prefix \"TAG answered: \"
        COMMIT
        *nat
        -A PREROUTING -p udp --dport 7 -j DNAT --to-destination [fd00:2::fe]:53
        -A POSTROUTING -p udp --dport 9 -j LOG --log-prefix \"TAG new: \"
        -A POSTROUTING -o wan0 -p udp -j SNAT --to-source fd00:2::1
        COMMIT
        *filter
        -A INPUT -p udp -j DROP
        -A FORWARD -p udp --dport 8 -j LOG --log-prefix TAG
        -A FORWARD -j LOG --log-prefix \"TAG last: \"
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for port in 7..10 {
            for _ in 0..2 {
                lab.lan(&out().udp(1000, port, b"hooks"));
            }
        }
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(9, 1000, b"answer"));
        lab.lan(&Packet::new(INSIDE, FAR).tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).udp(1000, 53, b"for the router"));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(1, 1, b"asked"));
        lab.compare_log();
    })
}

fn packets() -> Vec<Packet> {
    vec![
        out().udp(1000, 53, &[7; 64]),
        out().ping(1, 1, &[7; 64]),
        out().raw(ESP, &[7; 64]),
        out().tcp_with((1000, 80), flags::SYN, [7, 0], &[2, 4, 5, 180], &[7; 64]),
    ]
}

fn send_parts(lab: &mut Lab, packets: Vec<Packet>) {
    for packet in packets {
        for part in packet.id(77).fragments(&[40]) {
            lab.lan(&part);
        }
    }
    lab.compare_log();
}

fn fragments() -> Scenario {
    Scenario::new_v6(TOLD, |lab| {
        let options = [
            chained(&[(DESTINATION, PADDED)], (UDP, &[7; 64])),
            out().udp(1000, 53, &[7; 64]).options(&[5, 2, 0, 0]),
        ];
        send_parts(lab, [packets(), options.into()].concat());
    })
}

fn tracked_fragments() -> Scenario {
    let rules = format!("{TOLD}\n*filter\n-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT");
    Scenario::new_v6(&rules, |lab| send_parts(lab, packets()))
}
