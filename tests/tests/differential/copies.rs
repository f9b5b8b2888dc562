//! Owns the scenarios of TEE: what is copied, what a copy meets on its way, and which way that is.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

use crate::{FAR, INSIDE, OUTSIDE, ROUTER_IN, ROUTER_OUT};

differential!(
    at_every_hook,
    past_output_and_postrouting,
    where_copies_come_from,
    ways_of_copies,
    too_big_for_their_way,
    in_fragments,
    of_translated_connections,
    v6_copies
);

fn udp(port: u16) -> Packet {
    Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"copied")
}

/// What was written before is in the copy, what is written after is not; a copy of what comes in has one hop less.
fn at_every_hook() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -p udp --dport 1 -j TEE --gateway 10.1.0.3
        COMMIT
        *mangle
        -A PREROUTING -p udp --dport 2 -j TOS --set-tos 0x10
        -A PREROUTING -p udp --dport 2 -j TEE --gateway 10.1.0.3
        -A PREROUTING -p udp --dport 2 -j TTL --ttl-set 9
        -A FORWARD -p udp --dport 3 -j TEE --gateway 192.168.1.1
        -A FORWARD -p udp --dport 3 -j TOS --set-tos 0x20
        -A POSTROUTING -p udp --dport 4 -j TEE --gateway 10.1.0.3
        -A POSTROUTING -p udp --dport 4 -j TEE --gateway 192.168.1.1
        -A INPUT -p icmp -j TEE --gateway 10.1.0.3
        -A OUTPUT -p icmp -j TEE --gateway 192.168.1.1
        -A FORWARD -p tcp --syn -j TCPMSS --set-mss 1000
        -A FORWARD -p tcp --syn -j TEE --gateway 10.1.0.3
        COMMIT
        *filter
        -A FORWARD -p udp --dport 5 -j TEE --gateway 10.1.0.3
        -A FORWARD -p udp --dport 5 -j DROP
        -A FORWARD -p udp --dport 6 -j TEE --gateway 10.1.0.3
        -A FORWARD -p udp --dport 6 -j REJECT
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in 1..7 {
            for ttl in [64, 2, 1] {
                lab.lan(&udp(port).ttl(ttl));
            }
            lab.lan(&udp(port).dont_fragment());
        }
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(1, 1, b"to the router"));
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).ping(1, 1, b"to the router"));
        for options in [&[][..], &[2, 4, 5, 180], &[1, 1, 4, 2]] {
            let packet = Packet::new(INSIDE, OUTSIDE);
            lab.lan(&packet.tcp_with((1000, 80), flags::SYN, [1, 0], options, b""));
        }
        lab.compare_counters("mangle");
    })
}

fn past_output_and_postrouting() -> Scenario {
    let rules = "
        *raw
        -A OUTPUT -m mark --mark 7
        COMMIT
        *mangle
        -A PREROUTING -p udp --dport 1:5 -j MARK --set-mark 7
        -A PREROUTING -p udp --dport 1:5 -j TEE --gateway 10.1.0.3
        -A PREROUTING -p udp --dport 1:5 -j MARK --set-mark 8
        -A OUTPUT -p udp -j TEE --gateway 192.168.1.1
        -A OUTPUT -m conntrack --ctstate UNTRACKED -o lan0 -j TTL --ttl-set 33
        -A POSTROUTING -m mark --mark 7 -p udp --dport 2 -j TTL --ttl-set 34
        -A POSTROUTING -p udp --dport 5 -j TEE --gateway 192.168.1.1
        -A OUTPUT -p udp --dport 1 -j TOS --set-tos 0x04
        COMMIT
        *nat
        -A OUTPUT -p udp -j DNAT --to-destination 192.168.1.1
        -A POSTROUTING -j MASQUERADE
        COMMIT
        *filter
        -A OUTPUT -p udp --dport 3 -j DROP
        -A OUTPUT -p udp --dport 4 -j REJECT
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in 1..6 {
            lab.lan(&udp(port));
            lab.lan(&udp(port));
        }
        for table in ["raw", "mangle", "nat", "filter"] {
            lab.compare_counters(table);
        }
    })
}

/// By the interface they leave by, as POSTROUTING has it.
fn where_copies_come_from() -> Scenario {
    let rules = "
        *raw
        :FROM - [0:0]
        -A OUTPUT -j FROM
        -A FROM -i lan0
        -A FROM -i wan0
        COMMIT
        *mangle
        :FROM - [0:0]
        -A PREROUTING -p udp --dport 1 -j TEE --gateway 10.1.0.3
        -A FORWARD -p udp --dport 2 -j TEE --gateway 10.1.0.3
        -A FORWARD -p udp --dport 3 -j TEE --gateway 192.168.1.1
        -A POSTROUTING -p udp --dport 4 -j TEE --gateway 10.1.0.3
        -A OUTPUT -p udp --dport 2 -j TOS --set-tos 0x10
        -A POSTROUTING -j FROM
        -A FROM -i lan0 -p udp --dport 1
        -A FROM -i wan0 -p udp --dport 1
        -A FROM -i lan0 -p udp --dport 2
        -A FROM -i wan0 -p udp --dport 2
        -A FROM -i lan0 -p udp --dport 3
        -A FROM -i wan0 -p udp --dport 3
        -A FROM -i lan0 -p udp --dport 4
        -A FROM -i wan0 -p udp --dport 4
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in 1..5 {
            lab.lan(&udp(port));
            lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(1000, port, b"copied"));
        }
        lab.compare_counters("raw");
        lab.compare_counters("mangle");
    })
}

fn ways_of_copies() -> Scenario {
    let rules = "
        *mangle
        -A FORWARD -p udp --dport 1 -j TEE --gateway 198.51.100.7
        -A FORWARD -p udp --dport 2 -j TEE --gateway 203.0.113.1
        -A FORWARD -p udp --dport 3 -j TEE --gateway 10.1.0.3 --oif lan0
        -A FORWARD -p udp --dport 4 -j TEE --gateway 10.1.0.3 --oif nope
        -A FORWARD -p udp --dport 5 -j TEE --gateway 192.168.1.1 --oif wan0
        -A FORWARD -p udp --dport 6 -j TEE --gateway 203.0.113.2 --oif lan0
        COMMIT";
    let scenario = Scenario::new(rules, |lab| {
        for port in 1..7 {
            lab.lan(&udp(port));
        }
    });
    scenario.with(|setup| {
        setup.with_refusing_route("blackhole", "203.0.113.1/32").with_neighbour(
            "lan0",
            OUTSIDE,
            "02:00:00:00:01:07",
        )
    })
}

/// The sender is told, though it allowed the packet to be cut.
fn too_big_for_their_way() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -j TEE --gateway 10.1.0.3
        COMMIT
        *filter
        -A FORWARD -m length --length 2000: -j DROP
        COMMIT";
    let scenario = Scenario::new(rules, |lab| {
        for length in [500, 1072, 1073, 1400] {
            lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(53, 1000, &vec![7; length]));
            lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, 1000, &vec![7; length]));
        }
    });
    scenario.with(|setup| setup.with_mtu("lan0", 1100))
}

fn fragmented(lab: &mut Lab) {
    for lengths in [&[800][..], &[400, 800, 1200], &[1200]] {
        for whole in [false, true] {
            let packet = Packet::new(INSIDE, OUTSIDE).udp(1000, 53, &[7; 1400]);
            let packet = if whole { packet.dont_fragment() } else { packet };
            for part in packet.fragments(lengths) {
                lab.lan(&part);
            }
        }
    }
}

/// A datagram that was put together is copied whole and cut again in its largest fragment's size.
fn in_fragments() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -j TEE --gateway 10.1.0.3
        -A PREROUTING -m conntrack --ctstate NEW -j TTL --ttl-set 70
        COMMIT";
    Scenario::new(rules, fragmented)
}

fn of_translated_connections() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -i wan0 -j TEE --gateway 10.1.0.3
        -A FORWARD -j TEE --gateway 192.168.1.1
        -A POSTROUTING -o wan0 -j TEE --gateway 10.1.0.3
        COMMIT
        *nat
        -A POSTROUTING -o wan0 -j TEE --gateway 10.1.0.3
        -A POSTROUTING -o wan0 -j MASQUERADE
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, FAR).ping(5, 1, b"question"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"question"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"question"));
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, 1000, b"answer"));
        lab.wan(&Packet::new(FAR, ROUTER_OUT).pong(5, 1, b"question"));
        let inner = Packet::new(ROUTER_OUT, OUTSIDE).udp(1000, 53, b"question");
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).icmp_error(3, 3, 0, &inner.bytes()));
    })
}

fn v6_copies() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -p udp --dport 1 -j TEE --gateway fd00:1::3
        -A FORWARD -p udp --dport 2 -j TEE --gateway fd00:2::fe
        -A FORWARD -p udp --dport 3 -j TEE --gateway 2001:db8::9 --oif wan0
        -A INPUT -p icmpv6 --icmpv6-type echo-request -j TEE --gateway fd00:1::3
        -A OUTPUT -p udp -m conntrack --ctstate UNTRACKED
        COMMIT
        *filter
        -A OUTPUT -p udp --dport 4 -j DROP
        COMMIT";
    let scenario = Scenario::new_v6(rules, |lab| {
        let (inside, outside) = ("fd00:1::2", "fd00:2::9");
        for port in 1..5 {
            for hops in [64, 2] {
                lab.lan(&Packet::new(inside, outside).udp(1000, port, b"copied").ttl(hops));
            }
            lab.wan(&Packet::new(outside, inside).udp(1000, port, &[7; 1400]));
        }
        lab.lan(&Packet::new(inside, "fd00:1::1").ping(1, 1, b"to the router"));
    });
    scenario.with(|setup| setup.with_mtu("lan0", 1400))
}
