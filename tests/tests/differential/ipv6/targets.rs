//! Targets over IPv6, as `../targets.rs` has them over IPv4.

use super::{FAR, INSIDE, INSIDE_2, OUTSIDE, back, out};
use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

differential!(
    hop_limit_and_class,
    segment_sizes,
    clamped_to_the_path,
    stripped,
    marks_of_connections,
    networks_mapped,
    untracked_and_on,
    refusals_are_related
);

fn hop_limit_and_class() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -p udp --dport 1 -j HL --hl-set 10
        -A PREROUTING -p udp --dport 2 -j HL --hl-inc 200
        -A FORWARD -p udp --dport 3 -j HL --hl-dec 63
        -A FORWARD -p udp --dport 4 -j TOS --set-tos 0x10/0x3f
        -A FORWARD -p udp --dport 5 -j TOS --xor-tos 0xff
        -A FORWARD -p udp --dport 6 -j DSCP --set-dscp-class EF
        -A FORWARD -p udp --dport 4 -m tos --tos 0x10/0x3f -j HL --hl-set 77
        -A POSTROUTING -p udp --dport 8 -j CLASSIFY --set-class 1:2
        -A POSTROUTING -p udp --dport 8 -j CHECKSUM --checksum-fill
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for port in 1..9 {
            for ttl in [64, 100, 2] {
                lab.lan(&out().udp(1000, port, b"header").ttl(ttl).tos(0x8d));
            }
        }
        lab.lan(&out().udp(1000, 6, b"header").options(&[5, 2, 0, 0]));
        for part in out().udp(1000, 4, &[7; 64]).fragments(&[40]) {
            lab.lan(&part);
        }
    })
}

const OPTIONS: [&[u8]; 6] = [
    &[],
    &[2, 4, 5, 160],
    &[2, 4, 2, 0],
    &[1, 1, 4, 2, 2, 4, 5, 160],
    &[1, 3, 3, 7],
    &[1, 3, 3, 7, 2, 4, 5, 160],
];

fn segments(lab: &mut Lab) {
    for options in OPTIONS {
        for port in [80, 81] {
            lab.lan(&out().tcp_with((1000, port), flags::SYN, [1, 0], options, b""));
        }
        let packet = Packet::new(INSIDE, FAR);
        lab.lan(&packet.tcp_with((1000, 80), flags::SYN, [1, 0], options, b"data"));
    }
    let answer = flags::SYN | flags::ACK;
    lab.wan(&back().tcp_with((80, 1000), answer, [7, 2], &[2, 4, 5, 160], b""));
    lab.lan(&out().tcp((1000, 80), flags::ACK, 2, 8, b"data"));
}

fn segment_sizes() -> Scenario {
    let rules = "
        *mangle
        -A FORWARD -p tcp --dport 80 --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1000
        -A FORWARD -p tcp --dport 80 --tcp-flags SYN,RST SYN -m tcpmss --mss 1000 -j DSCP --set-dscp 1
        -A FORWARD -p tcp --dport 81 --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 900
        -A FORWARD -p tcp --dport 81 --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1100
        -A FORWARD -p tcp --dport 81 --tcp-option 2 -m tcpmss --mss 900 -j DSCP --set-dscp 2
        -A FORWARD -p tcp --dport 81 -m length --length 64 -j DSCP --set-dscp 3
        COMMIT";
    Scenario::new_v6(rules, segments)
}

fn clamped_to_the_path() -> Scenario {
    let rules = "
        *mangle
        -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
        COMMIT
        *filter
        -A FORWARD -m conntrack --ctstate INVALID -j DROP
        COMMIT";
    Scenario::new_v6(rules, segments)
}

fn stripped() -> Scenario {
    let rules = "
        *mangle
        -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 2,wscale,sack-permitted
        COMMIT";
    Scenario::new_v6(rules, segments)
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
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for port in [1, 1, 2, 2, 3] {
            lab.lan(&out().udp(1000, port, b"marked"));
        }
        for port in [1, 2, 3] {
            lab.wan(&back().udp(port, 1000, b"answer"));
            lab.lan(&out().udp(1000, port, b"marked"));
            lab.lan(&out().udp(1000, port, b"marked"));
        }
    })
}

fn networks_mapped() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -d 2001:db8::/64 -j NETMAP --to fd00:2::/64
        -A POSTROUTING -s fd00:1::/64 -o wan0 -j NETMAP --to 2001:db8:1::/64
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for source in [INSIDE, INSIDE_2] {
            for (destination, port) in [("2001:db8::9", 53), (OUTSIDE, 54)] {
                lab.lan(&Packet::new(source, destination).udp(1000, port, b"mapped"));
                lab.lan(&Packet::new(source, destination).ping(port, 1, b"mapped"));
            }
        }
        lab.wan(&Packet::new(OUTSIDE, "2001:db8:1::2").udp(53, 1000, b"answer"));
        lab.wan(&Packet::new(OUTSIDE, "2001:db8:1::3").pong(53, 1, b"mapped"));
    })
}

fn untracked_and_on() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -p udp --dport 1:2 -j CT --notrack
        -A PREROUTING -p udp --dport 2 -j DROP
        COMMIT
        *mangle
        -A FORWARD -m conntrack --ctstate UNTRACKED -j DSCP --set-dscp 1
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for port in 1..4 {
            lab.lan(&out().udp(1000, port, b"tracked?"));
        }
    })
}

/// What REJECT answers belongs to the connection it is about.
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
        -A FORWARD -p udp --dport 53 -m length --length 60: -j REJECT
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for to in ["fd00:1::1", OUTSIDE] {
            lab.lan(&Packet::new(INSIDE, to).tcp((1000, 80), flags::SYN, 1, 0, b""));
            lab.lan(&Packet::new(INSIDE, to).udp(1000, 53, b"a question that is long enough"));
        }
        lab.lan(&out().udp(1001, 53, b"short"));
        lab.wan(&back().udp(53, 1001, b"short"));
        lab.lan(&out().udp(1001, 53, b"a question that is long enough"));
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(1002, 53, b"late").ttl(1));
    })
}
