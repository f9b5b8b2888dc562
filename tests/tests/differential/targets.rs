//! Owns the scenarios of targets that write to packets and marks.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE};

differential!(
    ttl_and_tos,
    segment_sizes,
    clamped_to_the_path,
    stripped,
    marks_of_connections,
    shifted_marks,
    networks_mapped,
    untracked_and_on,
    refusals_are_related
);

fn ttl_and_tos() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -p udp --dport 1 -j TTL --ttl-set 10
        -A PREROUTING -p udp --dport 2 -j TTL --ttl-inc 200
        -A FORWARD -p udp --dport 3 -j TTL --ttl-dec 63
        -A FORWARD -p udp --dport 4 -j TOS --set-tos 0x10/0x3f
        -A FORWARD -p udp --dport 5 -j TOS --xor-tos 0xff
        -A FORWARD -p udp --dport 6 -j DSCP --set-dscp-class EF
        -A FORWARD -p udp --dport 7 -j ECN --ecn-ip-ect 2
        -A FORWARD -p udp --dport 4 -m tos --tos 0x10/0x3f -j TTL --ttl-set 77
        -A POSTROUTING -p tcp -j ECN --ecn-tcp-remove
        -A POSTROUTING -p udp --dport 8 -j CLASSIFY --set-class 1:2
        -A POSTROUTING -p udp --dport 8 -j CHECKSUM --checksum-fill
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in 1..9 {
            for ttl in [64, 100, 2] {
                lab.lan(
                    &Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"header").ttl(ttl).tos(0x8d),
                );
            }
        }
        for more in [0, 0x40, 0x80, 0xc0] {
            let packet = Packet::new(INSIDE, OUTSIDE);
            lab.lan(&packet.tcp((1000, 80), flags::SYN | more, 1, 0, b""));
        }
        for part in Packet::new(INSIDE, OUTSIDE).udp(1000, 4, &[7; 64]).fragments(&[40]) {
            lab.lan(&part);
        }
    })
}

const OPTIONS: [&[u8]; 6] = [
    &[],
    &[2, 4, 5, 180],
    &[2, 4, 2, 0],
    &[1, 1, 4, 2, 2, 4, 5, 180],
    &[1, 3, 3, 7],
    &[3, 3, 7, 1, 2, 4, 5, 180],
];

fn segments(lab: &mut sluice_tests::differential::Lab) {
    for options in OPTIONS {
        for port in [80, 81] {
            let packet = Packet::new(INSIDE, OUTSIDE);
            lab.lan(&packet.tcp_with((1000, port), flags::SYN, [1, 0], options, b""));
        }
        let packet = Packet::new(INSIDE, FAR);
        lab.lan(&packet.tcp_with((1000, 80), flags::SYN, [1, 0], options, b"data"));
    }
    lab.wan(&Packet::new(OUTSIDE, INSIDE).tcp_with(
        (80, 1000),
        flags::SYN | flags::ACK,
        [7, 2],
        &[2, 4, 5, 180],
        b"",
    ));
    lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), flags::ACK, 2, 8, b"data"));
}

fn segment_sizes() -> Scenario {
    let rules = "
        *mangle
        -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1000
        -A FORWARD -p tcp --tcp-flags SYN,RST SYN -m tcpmss --mss 1000 -j DSCP --set-dscp 1
        COMMIT";
    Scenario::new(rules, segments)
}

fn clamped_to_the_path() -> Scenario {
    let rules = "
        *mangle
        -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
        COMMIT
        *filter
        -A FORWARD -m conntrack --ctstate INVALID -j DROP
        COMMIT";
    Scenario::new(rules, segments)
}

fn stripped() -> Scenario {
    let rules = "
        *mangle
        -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 2,wscale,sack-permitted
        COMMIT";
    Scenario::new(rules, segments)
}

fn marks_of_connections() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -j CONNMARK --restore-mark
        -A PREROUTING -p udp --dport 1 -m mark --mark 0 -j MARK --set-mark 5
        -A PREROUTING -p udp --dport 2 -m mark --mark 0 -j CONNMARK --set-mark 0x16/0xff
        -A PREROUTING -p udp --dport 1 -j CONNMARK --save-mark --nfmask 0x4 --ctmask 0xff
        -A FORWARD -m mark --mark 5 -j DSCP --set-dscp 5
        -A FORWARD -m mark --mark 4 -j DSCP --set-dscp 4
        -A FORWARD -m mark --mark 0x16 -j DSCP --set-dscp 6
        -A FORWARD -m connmark --mark 0x16 -p udp --sport 2 -j DSCP --set-dscp 7
        -A FORWARD -m connmark ! --mark 0x16 -p udp --sport 2 -j DSCP --set-dscp 8
        -A POSTROUTING -p udp --dport 3 -j CONNMARK --xor-mark 1
        -A FORWARD -m connmark --mark 1 -p udp --dport 3 -j DSCP --set-dscp 9
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in [1, 1, 2, 2, 3, 3, 3] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"marked"));
        }
        for port in [1, 2, 3] {
            lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(port, 1000, b"answer"));
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"marked"));
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"marked"));
        }
    })
}

/// What a mark has become is read off the packets: six bits of it at a time, as their DSCP.
fn shifted_marks() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -p udp -m multiport --ports 1 -m connmark --mark 0 -j CONNMARK --set-xmark 0x3/0xf --left-shift-mark 2
        -A PREROUTING -p udp -m multiport --ports 2 -m connmark ! --mark 0 -j CONNMARK --set-xmark 0x1/0x1 --right-shift-mark 1
        -A PREROUTING -p udp -m multiport --ports 2 -m connmark --mark 0 -j CONNMARK --set-mark 0x88
        -A PREROUTING -p udp -m multiport --ports 3 -j MARK --set-mark 0x5a
        -A PREROUTING -p udp -m multiport --ports 3 -j CONNMARK --save-mark --nfmask 0xf0 --ctmask 0xff --right-shift-mark 4
        -A PREROUTING -p udp -m multiport --ports 4 -j MARK --set-mark 0x15
        -A PREROUTING -p udp -m multiport --ports 4 -j CONNMARK --save-mark --nfmask 0x7 --ctmask 0 --left-shift-mark 31
        -A PREROUTING -p udp -m multiport --ports 5 -m connmark --mark 0 -j CONNMARK --set-mark 0x12345678
        -A PREROUTING -p udp -m multiport --ports 5 -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf000 --right-shift-mark 12
        -A FORWARD -j CONNMARK --restore-mark --nfmask 0 --ctmask 0
        -A FORWARD -m connmark --mark 0xc -j DSCP --set-dscp 12
        -A FORWARD -m connmark --mark 0x44 -j DSCP --set-dscp 20
        -A FORWARD -m connmark --mark 0x22 -j DSCP --set-dscp 21
        -A FORWARD -m connmark --mark 5 -j DSCP --set-dscp 5
        -A FORWARD -m connmark --mark 0x80000000 -j DSCP --set-dscp 31
        -A FORWARD -m mark --mark 5 -j ECN --ecn-ip-ect 2
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in [1, 2, 3, 4, 5] {
            for _ in 0..4 {
                lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"shifted"));
            }
            lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(port, 1000, b"answer"));
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"shifted"));
        }
    })
}

fn networks_mapped() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -d 198.51.100.0/24 -j NETMAP --to 192.168.1.0/24
        -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j NETMAP --to 172.16.0.0/16
        COMMIT";
    Scenario::new(rules, |lab| {
        for source in [INSIDE, INSIDE_2] {
            // Two ways to one server, told apart by their ports.
            for (destination, port) in [("198.51.100.9", 53), (OUTSIDE, 54)] {
                lab.lan(&Packet::new(source, destination).udp(1000, port, b"mapped"));
                lab.lan(&Packet::new(source, destination).ping(port, 1, b"mapped"));
            }
        }
        lab.wan(&Packet::new(OUTSIDE, "172.16.0.2").udp(53, 1000, b"answer"));
        lab.wan(&Packet::new(OUTSIDE, "172.16.0.3").pong(53, 1, b"mapped"));
    })
}

/// NOTRACK does not end its table.
fn untracked_and_on() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -p udp --dport 1:2 -j CT --notrack
        -A PREROUTING -p udp --dport 2 -j DROP
        COMMIT
        *mangle
        -A FORWARD -m conntrack --ctstate UNTRACKED -j DSCP --set-dscp 1
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in 1..4 {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"tracked?"));
        }
    })
}

/// What REJECT answers belongs to the connection it is about, also where that never comes to be.
fn refusals_are_related() -> Scenario {
    let rules = "
        *mangle
        -A OUTPUT -m conntrack --ctstate RELATED -j DSCP --set-dscp 1
        -A OUTPUT -m conntrack --ctstate ESTABLISHED -j DSCP --set-dscp 2
        -A OUTPUT -m conntrack --ctstate NEW -j DSCP --set-dscp 3
        -A OUTPUT -m conntrack --ctstate INVALID -j DSCP --set-dscp 4
        COMMIT
        *filter
        -A INPUT -p tcp -j REJECT --reject-with tcp-reset
        -A INPUT -p udp -j REJECT
        -A FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset
        -A FORWARD -p udp --dport 53 -m length --length 40: -j REJECT
        COMMIT";
    Scenario::new(rules, |lab| {
        for to in ["10.1.0.1", OUTSIDE] {
            lab.lan(&Packet::new(INSIDE, to).tcp((1000, 80), flags::SYN, 1, 0, b""));
            lab.lan(&Packet::new(INSIDE, to).udp(1000, 53, b"a question that is long enough"));
        }
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1001, 53, b"short"));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(53, 1001, b"short"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1001, 53, b"a question that is long enough"));
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(1002, 53, b"late").ttl(1));
    })
}
