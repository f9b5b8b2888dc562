//! Translation, and errors about translated packets.

use super::{
    FAR, INSIDE, INSIDE_2, OUTSIDE, PARAMETER_PROBLEM, ROUTER_OUT, SNAT, TIME_EXCEEDED, TOO_BIG,
    UNREACHABLE, out,
};
use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

differential!(
    snat,
    masquerade,
    port_clash,
    dnat,
    errors_from_outside,
    errors_from_inside,
    own_errors
);

fn snat() -> Scenario {
    Scenario::new_v6(SNAT, everything_out)
}

fn masquerade() -> Scenario {
    let rules = "
        *nat
        -A POSTROUTING -s fd00:1::/64 -o wan0 -j MASQUERADE
        COMMIT";
    Scenario::new_v6(rules, everything_out)
}

/// Every protocol out, its answer in, and what must stay outside.
fn everything_out(lab: &mut Lab) {
    let back = || Packet::new(OUTSIDE, ROUTER_OUT);
    lab.lan(&out().tcp((1000, 80), flags::SYN, 1, 0, b""));
    lab.wan(&back().tcp((80, 1000), flags::SYN | flags::ACK, 9, 2, b""));
    lab.lan(&out().tcp((1000, 80), flags::ACK | flags::PSH, 2, 10, b"GET /"));
    lab.wan(&back().tcp((80, 1000), flags::ACK, 10, 7, &[7; 1400]));
    lab.lan(&out().udp(1000, 53, b"question"));
    lab.wan(&back().udp(53, 1000, b"answer"));
    lab.lan(&out().ping(7, 1, b"echo"));
    lab.wan(&back().pong(7, 1, b"echo"));
    lab.lan(&out().raw(99, b"a protocol without ports"));
    lab.wan(&back().raw(99, b"and its answer"));
    lab.lan(&out().udp(1002, 53, b"question").ttl(2));
    lab.lan(&Packet::new("fd00:5::2", OUTSIDE).udp(1000, 53, b"another net"));
    lab.wan(&back().udp(54, 1000, b"who are you"));
    lab.wan(&back().tcp((81, 1000), flags::SYN, 1, 0, b""));
    lab.lan(&out().udp(1000, 53, b"spoilt").spoil(9));
    lab.lan(&Packet::new(INSIDE, FAR).udp(1000, 53, b"far"));
    lab.wan(&Packet::new(FAR, ROUTER_OUT).udp(53, 1000, b"back"));
    for part in out().udp(1003, 53, &[7; 2000]).id(0x2001).fragments(&[1200]) {
        lab.lan(&part);
    }
}

fn port_clash() -> Scenario {
    Scenario::new_v6(SNAT, |lab| {
        for (first, from, to) in [(40000, 1024, 65535), (700, 600, 1023)] {
            lab.lan(&out().udp(first, 53, b"first"));
            let seen = lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(first, 53, b"second"));
            let port = seen.first().expect("the second packet is gone").ports().0;
            assert!((from..=to).contains(&port), "{port} is not of the same class");
            assert_ne!(port, first);
            lab.drawn(port, first + 1);
            lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, first, b"to the first"));
            lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, port, b"to the second"));
        }
    })
}

fn dnat() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -d fd00:2::1 -p tcp --dport 8080 -j DNAT --to-destination [fd00:1::2]:80
        -A PREROUTING -d fd00:2::1 -p udp --dport 5000:5010 -j DNAT --to-destination fd00:1::3
        -A PREROUTING -i wan0 -p icmpv6 --icmpv6-type echo-request -j DNAT --to-destination fd00:1::2
        -A PREROUTING -i lan0 -p udp --dport 53 -j REDIRECT --to-ports 5353
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        let to = || Packet::new(OUTSIDE, ROUTER_OUT);
        lab.wan(&to().tcp((1000, 8080), flags::SYN, 1, 0, b""));
        lab.lan(&out().tcp((80, 1000), flags::SYN | flags::ACK, 9, 2, b""));
        lab.wan(&to().tcp((1000, 8080), flags::ACK, 2, 10, b"GET /"));
        for port in [5000, 5010, 5011] {
            lab.wan(&to().udp(1000, port, b"in"));
        }
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(5010, 1000, b"out"));
        lab.wan(&to().ping(7, 1, b"echo"));
        lab.lan(&out().pong(7, 1, b"echo"));
        // Nobody listens on the port it was redirected to.
        lab.lan(&out().udp(1000, 53, b"redirected"));
    })
}

fn errors_from_outside() -> Scenario {
    Scenario::new_v6(SNAT, |lab| {
        let packets = [
            out().udp(1000, 53, b"question"),
            out().tcp((1000, 80), flags::SYN, 1, 0, b""),
            out().ping(7, 1, b"echo"),
        ];
        for packet in packets {
            let seen = lab.lan(&packet);
            let quoted = seen.first().expect("nothing came out").packet().to_vec();
            for (source, kind, code, mtu) in [
                (OUTSIDE, UNREACHABLE, 4, 0),
                (FAR, TIME_EXCEEDED, 0, 0),
                (FAR, TOO_BIG, 0, 1300),
                (FAR, PARAMETER_PROBLEM, 1, 6),
            ] {
                lab.wan(&Packet::new(source, ROUTER_OUT).icmp_error(kind, code, mtu, &quoted));
            }
            let short = &quoted[..48];
            lab.wan(&Packet::new(FAR, ROUTER_OUT).icmp_error(UNREACHABLE, 0, 0, short));
        }
        let stranger = Packet::new(ROUTER_OUT, OUTSIDE).udp(1, 2, b"never sent").bytes();
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).icmp_error(UNREACHABLE, 4, 0, &stranger));
    })
}

fn errors_from_inside() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -i wan0 -p udp --dport 53 -j DNAT --to-destination [fd00:1::2]:5353
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        let seen = lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(1000, 53, b"question"));
        let quoted = seen.first().expect("nothing came out").packet().to_vec();
        lab.lan(&out().icmp_error(UNREACHABLE, 4, 0, &quoted));
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).icmp_error(TIME_EXCEEDED, 0, 0, &quoted));
    })
}

fn own_errors() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -i wan0 -p udp --dport 53 -j DNAT --to-destination [fd00:1::2]:5353
        -A POSTROUTING -s fd00:1::/64 -o wan0 -j MASQUERADE
        COMMIT";
    let scenario = Scenario::new_v6(rules, |lab| {
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(1000, 53, b"last hop").ttl(1));
        lab.lan(&out().udp(1000, 53, b"last hop").ttl(1));
        lab.lan(&out().udp(1000, 53, &[7; 1400]));
        // Known by now, and still too big.
        lab.lan(&out().udp(1001, 53, b"small"));
        lab.lan(&out().udp(1001, 53, &[7; 1400]));
        lab.lan(&Packet::new(INSIDE, "fd00:7::1").udp(1000, 53, b"prohibited"));
    });
    scenario
        .with(|setup| setup.with_mtu("wan0", 1280).with_refusing_route("prohibit", "fd00:7::/64"))
}
