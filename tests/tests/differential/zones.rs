//! Owns the scenarios of CT's zones. The connections left in the table, which every scenario compares, say their zones.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN, ROUTER_OUT};

differential!(
    both_sides_in_one,
    apart_by_interface,
    of_one_direction,
    by_mark,
    the_first_rule_counts,
    one_tuple_in_two,
    errors_belong_to_theirs,
    v6_zones
);

/// What a packet's state was is read off its DSCP.
const STATES: &str = "
    *mangle
    -A FORWARD -m conntrack --ctstate NEW -j DSCP --set-dscp 1
    -A FORWARD -m conntrack --ctstate ESTABLISHED -j DSCP --set-dscp 2
    -A FORWARD -m conntrack --ctstate RELATED -j DSCP --set-dscp 3
    -A FORWARD -m conntrack --ctstate INVALID -j DSCP --set-dscp 4
    -A FORWARD -m conntrack --ctstate UNTRACKED -j DSCP --set-dscp 5
    COMMIT";

fn rules(raw: &str, more: &str) -> String {
    format!("*raw\n{raw}\nCOMMIT\n{STATES}\n{more}")
}

fn exchange(lab: &mut Lab) {
    for _ in 0..2 {
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"question"));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(53, 1000, b"answer"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).ping(7, 1, b"question"));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).pong(7, 1, b"question"));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(8, 1, b"to the router"));
    }
    let (ports, back) = ((1000, 80), (80, 1000));
    lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp(ports, flags::SYN, 1, 0, b""));
    lab.wan(&Packet::new(OUTSIDE, INSIDE).tcp(back, flags::SYN | flags::ACK, 7, 2, b""));
    lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp(ports, flags::ACK, 2, 8, b"data"));
    lab.wan(&Packet::new(OUTSIDE, INSIDE).tcp(back, flags::ACK, 8, 6, b"data"));
    for part in Packet::new(INSIDE, OUTSIDE).udp(1000, 54, &[7; 900]).fragments(&[400]) {
        lab.lan(&part);
    }
}

fn both_sides_in_one() -> Scenario {
    Scenario::new(&rules("-A PREROUTING -j CT --zone 5", ""), exchange)
}

/// Answers in another zone are no answers.
fn apart_by_interface() -> Scenario {
    Scenario::new(&rules("-A PREROUTING -i lan0 -j CT --zone 5", ""), exchange)
}

fn of_one_direction() -> Scenario {
    let raw = "
        -A PREROUTING -i lan0 -p udp -j CT --zone-orig 6
        -A PREROUTING -i wan0 -p icmp -j CT --zone-orig 7
        -A PREROUTING -i lan0 -p icmp -j CT --zone-reply 7
        -A PREROUTING -p tcp -j CT --zone-reply 65535
        -A OUTPUT -j CT --zone-reply 9";
    let nat = "
        *nat
        -A POSTROUTING -p udp -o wan0 -j MASQUERADE
        COMMIT";
    Scenario::new(&rules(raw, nat), |lab| {
        exchange(lab);
        for _ in 0..2 {
            lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, 1000, b"answer"));
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"question"));
        }
    })
}

fn by_mark() -> Scenario {
    let raw = "
        -A PREROUTING -i lan0 -j MARK --set-mark 0x10008
        -A PREROUTING -i wan0 -p udp -j MARK --set-mark 8
        -A PREROUTING -j CT --zone mark
        -A PREROUTING -p icmp -j MARK --set-mark 9";
    Scenario::new(&rules(raw, ""), exchange)
}

fn the_first_rule_counts() -> Scenario {
    let raw = "
        -A PREROUTING -p udp -j CT --zone 5
        -A PREROUTING -p udp -j CT --zone 6
        -A PREROUTING -p udp -j CT --notrack
        -A PREROUTING -p icmp -j CT --notrack
        -A PREROUTING -p icmp -j CT --zone 6
        -A PREROUTING -p tcp -j CT --zone 0
        -A PREROUTING -p tcp -j CT --zone 6";
    Scenario::new(&rules(raw, ""), exchange)
}

/// Two packets that differ in their TOS alone are of two connections. Outside they are in one zone, where a clash gives the
/// second another port.
fn one_tuple_in_two() -> Scenario {
    let raw = "
        -A PREROUTING -i lan0 -m tos --tos 0x10 -j CT --zone-orig 1
        -A PREROUTING -i lan0 -m tos --tos 0x20 -j CT --zone-orig 2
        -A PREROUTING -i lan0 -m tos --tos 0x30 -j CT --zone 3";
    let nat = "
        *nat
        -A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.146
        COMMIT";
    Scenario::new(&rules(raw, nat), |lab| {
        let ask = |lab: &mut Lab, tos| {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(3000, 53, b"question").tos(tos))
        };
        ask(lab, 0x10);
        let drawn = ask(lab, 0x20).first().map_or(0, |seen| seen.ports().0);
        lab.drawn(drawn, 2222);
        // In a zone of its own nothing is taken.
        ask(lab, 0x30);
        for _ in 0..2 {
            lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, 3000, b"answer"));
            lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, drawn, b"answer"));
            for tos in [0x10, 0x20, 0x30] {
                ask(lab, tos);
            }
        }
    })
}

fn errors_belong_to_theirs() -> Scenario {
    let raw = "
        -A PREROUTING -i lan0 -s 10.1.0.2 -j CT --zone 5
        -A PREROUTING -i lan0 -s 10.1.0.3 -j CT --zone-orig 6
        -A PREROUTING -i wan0 -p icmp -m tos --tos 0x10 -j CT --zone 5";
    let nat = "
        *nat
        -A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.146
        COMMIT
        *filter
        -A FORWARD -p udp --dport 99 -j REJECT
        -A FORWARD -p tcp --dport 99 -j REJECT --reject-with tcp-reset
        -A OUTPUT -m conntrack --ctstate RELATED
        COMMIT";
    Scenario::new(&rules(raw, nat), |lab| {
        for (source, port) in [(INSIDE, 1000), (INSIDE_2, 1001)] {
            lab.lan(&Packet::new(source, FAR).udp(port, 53, b"question"));
            lab.lan(&Packet::new(source, FAR).udp(port, 53, b"question").ttl(1));
            lab.lan(&Packet::new(source, FAR).udp(port, 99, b"question"));
            lab.lan(&Packet::new(source, FAR).tcp((port, 99), flags::SYN, 1, 0, b""));
            let inner = Packet::new(ROUTER_OUT, FAR).udp(port, 53, b"question");
            for tos in [0, 0x10] {
                let error = Packet::new(OUTSIDE, ROUTER_OUT);
                lab.wan(&error.icmp_error(3, 3, 0, &inner.bytes()).tos(tos));
            }
        }
        lab.compare_counters("filter");
    })
}

fn v6_zones() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -i lan0 -j CT --zone-orig 5
        COMMIT
        *mangle
        -A FORWARD -m conntrack --ctstate ESTABLISHED -j DSCP --set-dscp 2
        COMMIT
        *nat
        -A POSTROUTING -o wan0 -j MASQUERADE
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        let (inside, outside, router) = ("fd00:1::2", "fd00:2::9", "fd00:2::1");
        for _ in 0..3 {
            lab.lan(&Packet::new(inside, outside).udp(1000, 53, b"question"));
            lab.wan(&Packet::new(outside, router).udp(53, 1000, b"answer"));
            lab.lan(&Packet::new(inside, outside).ping(7, 1, b"question"));
            lab.wan(&Packet::new(outside, router).pong(7, 1, b"question"));
        }
    })
}
