//! Owns the comparison of LOG's lines: what the kernel writes to its log about a packet, Sluice writes to its file.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{ICMP, Packet, flags};

use crate::{FAR, INSIDE, OUTSIDE, ROUTER_IN};

differential!(headers, cut_short, hooks, fragments, tracked_fragments);

/// Every packet twice, with all options and with none.
pub(crate) const TOLD: &str = "
    *mangle
    -A PREROUTING -m length --length 0:1400 -j MARK --set-mark 0x51
    -A FORWARD -j LOG --log-prefix \"TAG all: \" --log-ip-options --log-tcp-options --log-tcp-sequence --log-level 6
    -A FORWARD -j LOG --log-prefix \"TAG none: \"
    COMMIT";

pub(crate) const TCP_OPTIONS: [&[u8]; 4] =
    [&[], &[2, 4, 5, 180], &[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], &[3, 3, 7, 9, 9, 0, 0, 0]];

/// Options that no router writes to: a router alert (RFC 2113) and padding.
const ALERT: [u8; 8] = [1, 1, 148, 4, 0, 0, 1, 0];

fn out() -> Packet {
    Packet::new(INSIDE, OUTSIDE)
}

fn headers() -> Scenario {
    Scenario::new(TOLD, |lab| {
        for options in TCP_OPTIONS {
            lab.lan(&out().tcp_with((1000, 80), flags::SYN, [7, 0], options, b"told"));
        }
        for more in 0..=255 {
            if more & 0x38 == 0x10 {
                lab.lan(&out().tcp((1000, 80), more, 7, 4_000_000_000, b"told"));
            }
        }
        for reserved in [1, 2, 4, 8, 15] {
            let mut header = vec![3, 232, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50 | reserved, 0x10];
            header.extend([1, 0, 0, 0, 0, 9]);
            lab.lan(&out().raw(6, &header));
        }
        lab.lan(&out().udp(1000, 53, b"told").tos(0xff).ttl(2));
        lab.lan(&out().udp(1000, 53, b"told").dont_fragment());
        lab.lan(&out().udp(1000, 53, b"told").options(&ALERT));
        lab.lan(&out().udp(1000, 53, &[7; 1400]));
        for protocol in [2, 47, 50, 51, 132, 136, 255] {
            lab.lan(
                &out().raw(protocol, &[1, 2, 3, 4, 0xf5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
            );
        }
        errors(lab);
        lab.compare_log();
    })
}

/// Messages of every type, with and without what they should hold.
fn errors(lab: &mut Lab) {
    let quoted = Packet::new(OUTSIDE, INSIDE).tcp((80, 1000), flags::ACK, 1, 2, b"quoted").bytes();
    let twice = Packet::new(OUTSIDE, INSIDE).icmp_error(3, 1, 0, &quoted).bytes();
    let options = Packet::new(OUTSIDE, INSIDE).options(&[1, 1, 1, 1]).udp(53, 9, b"old").bytes();
    lab.lan(&out().ping(7, 70, b"told"));
    lab.lan(&out().pong(7, 70, b"told"));
    for inner in [&quoted, &twice, &options] {
        for (kind, code) in [(3, 1), (3, 4), (4, 0), (5, 1), (11, 0), (12, 0)] {
            lab.lan(&out().icmp(kind, code, &[1, 2, 3, 4], inner));
        }
    }
    for length in [0, 7, 19, 20, 27, 28] {
        lab.lan(&out().icmp(3, 1, &[0; 4], &quoted[..length]));
    }
    for kind in [6, 9, 10, 13, 14, 15, 17, 18, 19, 200] {
        lab.lan(&out().icmp(kind, 0, &[0; 4], &[]));
        lab.lan(&out().icmp(kind, 0, &[0; 4], &[0; 16]));
    }
}

fn cut_short() -> Scenario {
    Scenario::new(TOLD, |lab| {
        for protocol in [ICMP, 6, 17, 50, 51, 136] {
            for length in [0, 3, 4, 7, 8, 11, 12, 19, 20] {
                lab.lan(&out().raw(protocol, &[0x60; 24][..length]));
            }
        }
        // The header says that there are more options than there are.
        let mut header = vec![3, 232, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0xf0, 0x10, 1, 0, 0, 0, 0, 9];
        lab.lan(&out().raw(6, &header));
        header.resize(59, 1);
        lab.lan(&out().raw(6, &header));
        header.push(1);
        lab.lan(&out().raw(6, &header));
        lab.compare_log();
    })
}

fn hooks() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -j LOG --log-prefix \"TAG raw: \" --log-level debug
        COMMIT
        *mangle
        -A FORWARD -j TTL --ttl-set 7
        -A FORWARD -j LOG --log-prefix \"TAG written: \" --log-macdecode
        -A POSTROUTING -j LOG --log-prefix \"TAG out: \" --log-macdecode
        -A INPUT -j LOG --log-prefix \"TAG in: \" --log-macdecode --log-level alert
        COMMIT
        *nat
        -A PREROUTING -p udp --dport 7 -j DNAT --to-destination 192.168.1.1:53
        -A POSTROUTING -p udp --dport 9 -j LOG --log-prefix \"TAG new: \"
        -A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.146
        COMMIT
        *filter
        -A INPUT -j DROP
        -A FORWARD -p udp --dport 8 -j LOG
        -A FORWARD -p udp --dport 8 -j LOG --log-prefix TAG
        -A FORWARD -j LOG --log-prefix \"TAG last: \"
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in 7..10 {
            for _ in 0..2 {
                lab.lan(&out().udp(1000, port, b"hooks"));
            }
        }
        lab.wan(&Packet::new(OUTSIDE, "192.168.1.146").udp(9, 1000, b"answer"));
        lab.lan(&Packet::new(INSIDE, FAR).tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).udp(1000, 53, b"for the router"));
        lab.lan(&Packet::new(INSIDE, "255.255.255.255").udp(1000, 53, b"for all"));
        lab.compare_log();
    })
}

fn parts(lab: &mut Lab) {
    for packet in [
        out().udp(1000, 53, &[7; 64]),
        out().ping(1, 1, &[7; 64]),
        out().raw(50, &[7; 64]),
        out().raw(51, &[7; 64]),
        out().udp(1000, 53, &[7; 64]).options(&ALERT).dont_fragment(),
        out().tcp_with((1000, 80), flags::SYN, [7, 0], &[2, 4, 5, 180], &[7; 64]),
    ] {
        for part in packet.id(77).fragments(&[40]) {
            lab.lan(&part);
        }
    }
    lab.compare_log();
}

fn fragments() -> Scenario {
    Scenario::new(TOLD, parts)
}

fn tracked_fragments() -> Scenario {
    let rules = format!("{TOLD}\n*filter\n-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT");
    Scenario::new(&rules, parts)
}
