//! Owns the scenarios of IPv6: forwarding, errors, tracking, translation, refusals, fragments.

use std::time::Duration;

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

differential!(
    plain,
    hop_limit,
    routes_that_refuse,
    martians,
    smaller_mtu,
    extension_headers,
    to_the_router,
    tcp_life,
    udp_and_echo_states,
    related,
    bad_checksums,
    fragments,
    fragments_cut_anew,
    snat,
    masquerade,
    port_clash,
    dnat,
    errors_from_outside,
    errors_from_inside,
    own_errors,
    refusals,
    refusals_of_the_odd,
    local_chains
);

/// An inside host.
const INSIDE: &str = "fd00:1::2";
/// Another one.
const INSIDE_2: &str = "fd00:1::3";
/// An outside host, on the router's own net.
const OUTSIDE: &str = "fd00:2::9";
/// An outside host behind the default route.
const FAR: &str = "2001:db8::7";
/// The router's inside address.
const ROUTER_IN: &str = "fd00:1::1";
/// The router's outside address.
const ROUTER_OUT: &str = "fd00:2::1";

/// A firewall with state: out is allowed, back is what belongs to it.
const STATEFUL: &str = "
    *filter
    :FORWARD DROP [0:0]
    -A FORWARD -m conntrack --ctstate INVALID -j DROP
    -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A FORWARD -i lan0 -m conntrack --ctstate NEW -j ACCEPT
    COMMIT";

const SNAT: &str = "
    *nat
    -A POSTROUTING -s fd00:1::/64 -o wan0 -j SNAT --to-source fd00:2::1
    COMMIT";

const UNREACHABLE: u8 = 1;
const TOO_BIG: u8 = 2;
const TIME_EXCEEDED: u8 = 3;
const PARAMETER_PROBLEM: u8 = 4;

fn out() -> Packet {
    Packet::new(INSIDE, OUTSIDE)
}

fn back() -> Packet {
    Packet::new(OUTSIDE, INSIDE)
}

fn plain() -> Scenario {
    Scenario::new_v6("", |lab| {
        lab.lan(&out().ping(7, 1, b"echo"));
        lab.wan(&back().pong(7, 1, b"echo"));
        lab.lan(&out().udp(1000, 53, b"question").tos(0xb8));
        lab.lan(&out().udp(1000, 53, b""));
        lab.lan(&out().tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.lan(&out().raw(47, &[0; 32]));
        lab.lan(&out().raw(255, b"x"));
        // No next header.
        lab.lan(&out().raw(59, b""));
        lab.lan(&Packet::new(INSIDE, FAR).udp(1000, 53, b"over the default route"));
        lab.lan(&out().udp(1000, 53, &[7; 1452]));
        lab.lan(&out().udp(1000, 53, b"spoilt").spoil(9));
        // A sum of 0 is no sum at all here, and a router does not look.
        let mut unsummed = out().udp(1000, 53, b"unsummed");
        unsummed.payload[6..8].fill(0);
        lab.lan(&unsummed);
        for part in out().udp(1000, 53, &[7; 64]).fragments(&[16, 32]) {
            lab.lan(&part);
        }
        // A flow label is kept.
        let mut labelled = out().udp(1000, 53, b"labelled").bytes();
        labelled[1..4].copy_from_slice(&[0x0a, 0xbc, 0xde]);
        lab.lan_bytes(0x86dd, &labelled);
        // Longer than the packet says, and shorter.
        let mut padded = out().udp(1000, 53, b"padded").bytes();
        padded.extend([0; 9]);
        lab.lan_bytes(0x86dd, &padded);
        lab.lan_bytes(0x86dd, &out().udp(1000, 53, b"cut").bytes()[..50]);
    })
}

fn hop_limit() -> Scenario {
    Scenario::new_v6("", |lab| {
        for limit in [255, 2, 1, 0] {
            lab.lan(&out().udp(1000, 33434, b"trace").ttl(limit));
        }
        let last = || out().ttl(1);
        lab.lan(&last().ping(7, 1, b"echo").tos(0x10));
        lab.lan(&last().tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.lan(&last().udp(1000, 53, &[7; 1400]));
        lab.lan(&last().raw(59, b""));
        lab.lan(&Packet::new(INSIDE, FAR).udp(1, 2, b"far").ttl(1));
        lab.wan(&Packet::new(FAR, INSIDE).udp(1, 2, b"from far").ttl(1));
        // No error about an error, one about an echo reply, none of which has a first fragment's ports.
        let inner = back().udp(1, 2, b"x").bytes();
        lab.lan(&last().icmp_error(UNREACHABLE, 4, 0, &inner));
        lab.lan(&last().pong(7, 1, b"echo"));
        for part in last().udp(1000, 53, &[7; 64]).fragments(&[32]) {
            lab.lan(&part);
        }
        // The router's own address needs no hop.
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(7, 1, b"echo").ttl(1));
        lab.lan(&Packet::new(INSIDE, ROUTER_OUT).ping(7, 1, b"echo").ttl(1));
    })
}

fn routes_that_refuse() -> Scenario {
    let scenario = Scenario::new_v6("", |lab| {
        for net in ["fd00:9:0", "fd00:9:1", "fd00:9:2", "fd00:9:3", "fd00:8:1"] {
            let to = format!("{net}::1");
            lab.lan(&Packet::new(INSIDE, &to).udp(1000, 53, b"question"));
            lab.lan(&Packet::new(INSIDE, &to).ping(7, 1, b"echo").tos(0x10));
            lab.wan(&Packet::new(OUTSIDE, &to).tcp((1000, 80), flags::SYN, 1, 0, b""));
        }
        // Out of an interface without a neighbour's answer is not compared: nobody may be asked here.
        lab.lan(&Packet::new(INSIDE, "fd00:9:1::1").udp(1000, 53, &[7; 1400]));
    });
    scenario.with(|mut setup| {
        setup.routes.clear();
        setup
            .with_route("fd00:9::/32", OUTSIDE)
            .with_refusing_route("unreachable", "fd00:9:1::/48")
            .with_refusing_route("prohibit", "fd00:9:2::/48")
            .with_refusing_route("blackhole", "fd00:9:3::/48")
    })
}

fn martians() -> Scenario {
    Scenario::new_v6("", |lab| {
        // Whoever sends from a link-local address cannot be told: nobody here answers for it.
        let sources =
            ["::", "::1", "ff02::1", "ff0e::1", ROUTER_IN, ROUTER_OUT, OUTSIDE, "fe80::99"];
        for source in sources {
            lab.lan(&Packet::new(source, OUTSIDE).udp(1000, 53, b"from"));
        }
        for source in ["::ffff:10.1.0.2", "::10.1.0.2", "fec0::1", "2002:7f00:1::1"] {
            lab.lan(&Packet::new(source, OUTSIDE).udp(1000, 53, b"from"));
        }
        for destination in ["::", "::1", "ff0e::1", "ff05::2", "::ffff:192.168.1.9"] {
            lab.lan(&Packet::new(INSIDE, destination).udp(1000, 53, b"to"));
        }
        lab.lan(&out().udp(1000, 53, b"a common one"));
    })
}

fn smaller_mtu() -> Scenario {
    let scenario = Scenario::new_v6("", |lab| {
        for size in [1232, 1233, 1300, 1452] {
            lab.lan(&out().udp(1000, 53, &vec![7; size]));
            lab.lan(&out().ping(7, 1, &vec![7; size]));
        }
        for part in out().udp(1000, 53, &[7; 2000]).fragments(&[1400]) {
            lab.lan(&part);
        }
        // An error that is too big is answered too? The kernel says.
        let inner = back().udp(1, 2, &[7; 1400]).bytes();
        let mut error = out().icmp_error(UNREACHABLE, 4, 0, &inner);
        error.payload.extend([0; 200]);
        lab.lan(&error);
        // The last hop and too big: which is said?
        lab.lan(&out().udp(1000, 53, &[7; 1400]).ttl(1));
        lab.wan(&back().udp(53, 1000, &[7; 1232]));
        lab.lan(&Packet::new(INSIDE, FAR).udp(1000, 53, &[7; 1400]));
    });
    scenario.with(|setup| setup.with_mtu("wan0", 1280))
}

fn extension_headers() -> Scenario {
    Scenario::new_v6("", |lab| {
        // Hop-by-hop: padding, router alert, one to skip, one to drop, two that must be told.
        for options in [
            &[1, 4, 0, 0, 0, 0][..],
            &[5, 2, 0, 0, 1, 0],
            &[0x1e, 4, 0, 0, 0, 0],
            &[0x5e, 4, 0, 0, 0, 0],
            &[0x9e, 4, 0, 0, 0, 0],
            &[0xde, 4, 0, 0, 0, 0],
            &[1, 9, 0, 0, 0, 0],
            &[1, 4, 0, 7, 0, 0],
            &[5, 3, 0, 0, 0, 0],
            &[0xc2, 4, 0, 0, 0, 9],
            &[0xc2, 4, 0, 1, 0, 0],
            &[0, 0, 0x9e, 2, 0, 0],
        ] {
            lab.lan(&out().options(options).udp(1000, 53, b"options"));
        }
        // To the router itself too.
        for options in [&[5, 2, 0, 0, 1, 0][..], &[0x9e, 4, 0, 0, 0, 0]] {
            lab.lan(&Packet::new(INSIDE, ROUTER_IN).options(options).ping(7, 1, b"echo"));
        }
        // Destination options and routing headers are the receiver's.
        let udp = out().udp(1000, 53, b"behind").payload;
        lab.lan(&out().raw(60, &[&[17, 0, 1, 4, 0, 0, 0, 0], &udp[..]].concat()));
        lab.lan(&out().raw(60, &[&[17, 0, 0x9e, 4, 0, 0, 0, 0], &udp[..]].concat()));
        lab.lan(&out().raw(43, &[&[17, 0, 4, 0, 0, 0, 0, 0], &udp[..]].concat()));
    })
}

fn to_the_router() -> Scenario {
    Scenario::new_v6("", |lab| {
        for address in [ROUTER_IN, ROUTER_OUT] {
            let to = || Packet::new(INSIDE, address);
            lab.lan(&to().ping(7, 1, b"echo"));
            lab.lan(&to().ping(7, 2, &[7; 1400]).tos(0x10));
            lab.lan(&to().udp(1000, 9, b"closed"));
            lab.lan(&to().tcp((1000, 9), flags::SYN, 5, 0, b""));
            lab.lan(&to().tcp((1000, 9), flags::ACK, 5, 9, b"x"));
            lab.lan(&to().raw(200, b"no such protocol"));
        }
        let to = || Packet::new(INSIDE, ROUTER_IN);
        lab.lan(&to().ping(7, 3, b"spoilt").spoil(9));
        lab.lan(&to().udp(1000, 9, b"spoilt").spoil(9));
        lab.lan(&to().pong(7, 3, b"echo"));
        lab.lan(&to().tcp((1000, 9), flags::RST, 5, 0, b""));
        for part in to().ping(7, 4, &[7; 200]).id(0x2001).fragments(&[104]) {
            lab.lan(&part);
        }
        lab.wan(&Packet::new(FAR, ROUTER_OUT).ping(7, 1, b"from far"));
    })
}

fn tcp_life() -> Scenario {
    Scenario::new_v6(STATEFUL, |lab| {
        use flags::{ACK, FIN, RST, SYN};
        lab.lan(&out().tcp((1000, 80), SYN, 100, 0, b""));
        lab.wan(&back().tcp((80, 1000), SYN | ACK, 500, 101, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 101, 501, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 101, 501, b"request"));
        lab.wan(&back().tcp((80, 1000), ACK, 501, 108, b"answer"));
        // Beyond the window.
        lab.wan(&back().tcp((80, 1000), ACK, 501 + 100_000, 108, b"far"));
        lab.wan(&back().tcp((80, 1000), FIN | ACK, 507, 108, b""));
        lab.lan(&out().tcp((1000, 80), FIN | ACK, 108, 508, b""));
        lab.wan(&back().tcp((80, 1000), ACK, 508, 109, b""));
        // Others stay half open, and reset.
        lab.lan(&out().tcp((1001, 80), SYN, 100, 0, b""));
        lab.wan(&back().tcp((80, 1001), SYN | ACK, 500, 101, b""));
        lab.lan(&out().tcp((1002, 80), SYN, 100, 0, b""));
        lab.wan(&back().tcp((80, 1002), RST | ACK, 0, 101, b""));
        lab.wan(&back().tcp((1003, 22), SYN, 1, 0, b""));
        lab.lan(&out().tcp((1004, 80), SYN | ACK, 1, 0, b""));
    })
}

fn udp_and_echo_states() -> Scenario {
    let scenario = Scenario::new_v6(STATEFUL, |lab| {
        lab.lan(&out().udp(1000, 53, b"one"));
        lab.wan(&back().udp(53, 1000, b"answer"));
        lab.lan(&out().udp(1000, 53, b"two"));
        lab.wan(&back().udp(54, 1000, b"from another port"));
        lab.wan(&Packet::new(FAR, INSIDE).udp(53, 1000, b"from another host"));
        lab.lan(&out().udp(1001, 53, b"unanswered"));
        lab.wait(Duration::from_millis(2500));
        lab.wan(&back().udp(53, 1001, b"too late"));
        lab.lan(&out().ping(7, 1, b"echo"));
        lab.wan(&back().pong(7, 1, b"echo"));
        lab.wan(&back().pong(8, 1, b"another id"));
        lab.wan(&back().ping(7, 1, b"from outside"));
        lab.lan(&out().pong(9, 1, b"unasked"));
        // Node information; types that are no questions.
        lab.lan(&out().icmp(139, 0, &[0, 7, 0, 1], &[0; 12]));
        lab.wan(&back().icmp(140, 0, &[0, 7, 0, 1], &[0; 12]));
        lab.lan(&out().icmp(200, 0, &[0, 7, 0, 1], &[0; 4]));
        lab.lan(&out().icmp(127, 0, &[0, 7, 0, 1], &[0; 4]));
        lab.lan(&out().raw(58, &[128, 0]));
        lab.lan(&out().raw(99, b"any protocol"));
        lab.wan(&back().raw(99, b"and back"));
        lab.lan(&out().options(&[1, 4, 0, 0, 0, 0]).udp(1002, 53, b"behind options"));
        lab.wan(&back().udp(53, 1002, b"answer"));
    });
    scenario.with(|setup| setup.with_sysctl("net.netfilter.nf_conntrack_udp_timeout", 1))
}

fn related() -> Scenario {
    Scenario::new_v6(STATEFUL, |lab| {
        let udp = out().udp(1000, 53, b"question");
        lab.lan(&udp);
        let from = |to| Packet::new(FAR, to);
        for (kind, code) in [(1, 4), (1, 0), (2, 0), (3, 0), (4, 1), (100, 0)] {
            lab.wan(&from(INSIDE).icmp_error(kind, code, 1300, &udp.bytes()));
        }
        let unknown = out().udp(1001, 53, b"never sent");
        lab.wan(&from(INSIDE).icmp_error(UNREACHABLE, 4, 0, &unknown.bytes()));
        lab.wan(&from(INSIDE).icmp_error(UNREACHABLE, 4, 0, &udp.bytes()[..44]));
        lab.wan(&from(INSIDE).icmp_error(UNREACHABLE, 4, 0, &udp.bytes()).spoil(50));
        let answer = back().udp(53, 1000, b"answer");
        lab.wan(&answer);
        lab.lan(&out().icmp_error(UNREACHABLE, 4, 0, &answer.bytes()));
        lab.wan(&from(INSIDE_2).icmp_error(UNREACHABLE, 4, 0, &udp.bytes()));
        lab.wan(&from(INSIDE).icmp_error(PARAMETER_PROBLEM, 0, 0, &udp.bytes()));
    })
}

fn bad_checksums() -> Scenario {
    let rules = "
        *filter
        :FORWARD DROP [0:0]
        -A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        lab.lan(&out().udp(1000, 53, b"right"));
        lab.lan(&out().udp(1000, 53, b"wrong").spoil(10));
        lab.lan(&out().tcp((1000, 80), flags::SYN, 1, 0, b"").spoil(15));
        lab.lan(&out().ping(7, 1, b"wrong").spoil(10));
        lab.lan(&out().ping(7, 1, b"right"));
        lab.lan(&out().raw(99, b"whatever"));
        let mut unsummed = out().udp(1001, 53, b"unsummed");
        unsummed.payload[6..8].fill(0);
        lab.lan(&unsummed);
    })
}

fn fragments() -> Scenario {
    Scenario::new_v6(STATEFUL, |lab| {
        for part in &out().udp(1000, 53, &[7; 2000]).id(0x2001).fragments(&[800, 800]) {
            lab.lan(part);
        }
        let mut answer = back().udp(53, 1000, &[9; 2000]).id(0x2002).fragments(&[1208]);
        answer.reverse();
        for part in &answer {
            lab.wan(part);
        }
        // The first fragment holds no whole header.
        for part in out().tcp((1000, 80), flags::SYN, 1, 0, b"").id(0x2003).fragments(&[8]) {
            lab.lan(&part);
        }
        let parts = out().ping(7, 1, &[7; 100]).id(0x2004).fragments(&[40]);
        for part in [&parts[0], &parts[0], &parts[1]] {
            lab.lan(part);
        }
        // Overlapping: lost (RFC 5722).
        let mut parts = out().udp(1001, 53, &[7; 100]).id(0x2005).fragments(&[48, 48]);
        parts[1].fragment -= 1;
        for part in &parts {
            lab.lan(part);
        }
    })
}

fn fragments_cut_anew() -> Scenario {
    let scenario = Scenario::new_v6(STATEFUL, |lab| {
        // One is larger than the way out: the sender is told.
        for part in out().udp(1000, 53, &[7; 2000]).id(0x2001).fragments(&[1400]) {
            lab.lan(&part);
        }
        for part in out().udp(1001, 53, &[7; 2000]).id(0x2002).fragments(&[1200]) {
            lab.lan(&part);
        }
        // The last hop, in fragments.
        for part in out().udp(1002, 53, &[7; 1000]).id(0x2003).ttl(1).fragments(&[400, 400]) {
            lab.lan(&part);
        }
    });
    scenario.with(|setup| setup.with_mtu("wan0", 1280))
}

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

const REFUSALS: &str = "
    *filter
    -A FORWARD -p udp --dport 1 -j REJECT
    -A FORWARD -p udp --dport 2 -j REJECT --reject-with icmp6-no-route
    -A FORWARD -p udp --dport 3 -j REJECT --reject-with icmp6-adm-prohibited
    -A FORWARD -p udp --dport 4 -j REJECT --reject-with icmp6-addr-unreachable
    -A FORWARD -p udp --dport 5 -j REJECT --reject-with icmp6-policy-fail
    -A FORWARD -p udp --dport 6 -j REJECT --reject-with icmp6-reject-route
    -A FORWARD -p tcp --dport 8 -j REJECT --reject-with tcp-reset
    -A FORWARD -j REJECT
    -A INPUT -p tcp --dport 8 -j REJECT --reject-with tcp-reset
    -A INPUT -p udp --dport 9 -j REJECT --reject-with icmp6-adm-prohibited
    COMMIT";

fn refusals() -> Scenario {
    Scenario::new_v6(REFUSALS, |lab| {
        use flags::{ACK, FIN, RST, SYN};
        for port in 1..7 {
            lab.lan(&out().udp(1000, port, b"refused"));
        }
        for (first, ack, data) in [
            (SYN, 0, &b""[..]),
            (SYN, 0, b"fast open"),
            (ACK, 77, b"data"),
            (FIN | ACK, 77, b""),
            (FIN, 0, b""),
            (RST, 0, b""),
            (SYN | ACK, 77, b""),
        ] {
            lab.lan(&out().tcp((1000, 8), first, 500, ack, data));
        }
        lab.lan(&out().tcp((1000, 80), SYN, 1, 0, b"").tos(0x10));
        lab.lan(&out().tcp((1000, 8), SYN, 1, 0, b"").tos(0xb8).ttl(3));
        lab.lan(&out().ping(7, 1, b"echo"));
        lab.lan(&out().raw(99, &[7; 900]));
        lab.lan(&out().udp(1000, 1, &[7; 1400]));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).tcp((1000, 8), SYN, 500, 0, b""));
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(1000, 9, b"refused"));
    })
}

fn refusals_of_the_odd() -> Scenario {
    Scenario::new_v6(REFUSALS, |lab| {
        let inner = back().udp(1, 2, b"x").bytes();
        lab.lan(&out().icmp_error(UNREACHABLE, 4, 0, &inner));
        lab.lan(&out().udp(1000, 1, b"spoilt").spoil(9));
        lab.lan(&out().tcp((1000, 8), flags::SYN, 1, 0, b"").spoil(15));
        lab.lan(&out().raw(6, &[0; 12]));
        for part in out().udp(1000, 1, &[7; 64]).id(0x2001).fragments(&[40]) {
            lab.lan(&part);
        }
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).udp(1000, 9, b"answered").ttl(1));
        lab.lan(&out().udp(1000, 1, b"too old to be refused").ttl(1));
    })
}

/// What the router sends by itself passes OUTPUT and POSTROUTING.
fn local_chains() -> Scenario {
    let rules = "
        *filter
        -A INPUT -p icmpv6 --icmpv6-type echo-request -s fd00:1::3 -j DROP
        -A OUTPUT -p icmpv6 --icmpv6-type echo-reply -d fd00:2::9 -j DROP
        -A OUTPUT -p icmpv6 --icmpv6-type port-unreachable -d fd00:1::3 -j DROP
        -A OUTPUT -p icmpv6 --icmpv6-type time-exceeded -d fd00:1::3 -j DROP
        -A OUTPUT -p tcp --sport 22 -j DROP
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        for source in [INSIDE, INSIDE_2] {
            lab.lan(&Packet::new(source, ROUTER_IN).ping(7, 1, b"echo"));
            lab.lan(&Packet::new(source, ROUTER_IN).udp(1000, 9, b"closed"));
            lab.lan(&Packet::new(source, OUTSIDE).udp(1000, 9, b"last hop").ttl(1));
        }
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).ping(7, 1, b"echo"));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).tcp((1000, 22), flags::SYN, 1, 0, b""));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).tcp((1000, 23), flags::SYN, 1, 0, b""));
    })
}
