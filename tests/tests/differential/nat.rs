//! Owns the scenarios of translation.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN, ROUTER_OUT};

differential!(
    snat,
    masquerade,
    port_clash,
    dnat,
    redirect,
    hairpin,
    mirror,
    errors_from_outside,
    errors_from_inside,
    own_errors,
    redirects,
    not_tracked,
    rules_gone
);

const SNAT: &str = "
    *nat
    -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j SNAT --to-source 192.168.1.146
    COMMIT";

fn snat() -> Scenario {
    Scenario::new(SNAT, everything_out)
}

fn masquerade() -> Scenario {
    let rules = "
        *nat
        -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j MASQUERADE
        COMMIT";
    Scenario::new(rules, everything_out)
}

/// Every protocol out, its answer in, and what must stay outside.
fn everything_out(lab: &mut Lab) {
    let out = || Packet::new(INSIDE, OUTSIDE);
    let back = || Packet::new(OUTSIDE, ROUTER_OUT);
    lab.lan(&out().tcp((1000, 80), flags::SYN, 1, 0, b""));
    lab.wan(&back().tcp((80, 1000), flags::SYN | flags::ACK, 9, 2, b""));
    lab.lan(&out().tcp((1000, 80), flags::ACK, 2, 10, b""));
    lab.lan(&out().tcp((1000, 80), flags::ACK | flags::PSH, 2, 10, b"GET /").dont_fragment());
    lab.wan(&back().tcp((80, 1000), flags::ACK, 10, 7, &[7; 1400]));
    lab.lan(&out().udp(1000, 53, b"question"));
    lab.wan(&back().udp(53, 1000, b"answer"));
    lab.lan(&out().ping(7, 1, b"echo"));
    lab.wan(&back().pong(7, 1, b"echo"));
    lab.lan(&out().raw(47, &[0, 0, 8, 0, 1, 2, 3, 4]));
    lab.wan(&back().raw(47, &[0, 0, 8, 0, 4, 3, 2, 1]));
    lab.lan(&out().raw(99, b"a protocol without ports"));
    lab.wan(&back().raw(99, b"and its answer"));
    // A checksum of 0 says that there is none, and stays so.
    let mut unsummed = out().udp(1001, 53, b"question");
    unsummed.payload[6..8].fill(0);
    lab.lan(&unsummed);
    // The last hop, and not NATed what no rule names.
    lab.lan(&out().udp(1002, 53, b"question").ttl(2));
    lab.lan(&Packet::new("10.2.0.2", OUTSIDE).udp(1000, 53, b"another net"));
    // Unasked: to the router itself, not to the inside.
    lab.wan(&back().udp(54, 1000, b"who are you"));
    lab.wan(&back().tcp((81, 1000), flags::SYN, 1, 0, b""));
    // A spoilt packet is nobody's, and is not translated.
    lab.lan(&out().udp(1000, 53, b"spoilt").spoil(9));
    // To the other side of the router.
    lab.lan(&Packet::new(INSIDE, FAR).udp(1000, 53, b"far"));
    lab.wan(&Packet::new(FAR, ROUTER_OUT).udp(53, 1000, b"back"));
}

/// The second of two flows that would look alike outside gets another port.
fn port_clash() -> Scenario {
    Scenario::new(SNAT, |lab| {
        for (first, from, to) in [(40000, 1024, 65535), (700, 600, 1023)] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(first, 53, b"first"));
            let out = lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(first, 53, b"second"));
            let port = out.first().expect("the second packet is gone").ports().0;
            assert!((from..=to).contains(&port), "{port} is not of the same class");
            assert_ne!(port, first);
            lab.drawn(port, first + 1);
            lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, first, b"to the first"));
            lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, port, b"to the second"));
            lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(first, 53, b"second again"));
        }
    })
}

fn dnat() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -d 192.168.1.146 -p tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80
        -A PREROUTING -d 192.168.1.146 -p udp --dport 5000:5010 -j DNAT --to-destination 10.1.0.3
        -A PREROUTING -i wan0 -p icmp -j DNAT --to-destination 10.1.0.2
        COMMIT";
    Scenario::new(rules, |lab| {
        let to = || Packet::new(OUTSIDE, ROUTER_OUT);
        lab.wan(&to().tcp((1000, 8080), flags::SYN, 1, 0, b""));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((80, 1000), flags::SYN | flags::ACK, 9, 2, b""));
        lab.wan(&to().tcp((1000, 8080), flags::ACK, 2, 10, b"GET /"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((80, 1000), flags::ACK, 10, 7, &[7; 700]));
        for port in [5000, 5010, 5011] {
            lab.wan(&to().udp(1000, port, b"in"));
        }
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(5010, 1000, b"out"));
        lab.wan(&to().ping(7, 1, b"echo"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).pong(7, 1, b"echo"));
        lab.wan(&to().tcp((1000, 81), flags::SYN, 1, 0, b""));
    })
}

/// Nobody listens on the router, so the answers show whose name they bear.
fn redirect() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080
        -A PREROUTING -p udp --dport 53 -j REDIRECT
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.lan(&Packet::new(INSIDE, FAR).udp(1000, 53, b"question"));
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 81), flags::SYN, 1, 0, b""));
    })
}

fn hairpin() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -d 192.168.1.146 -p tcp --dport 8080 -j DNAT --to-destination 10.1.0.3:80
        -A POSTROUTING -s 10.1.0.0/16 -j SNAT --to-source 192.168.1.146
        COMMIT";
    Scenario::new(rules, |lab| {
        let to = || Packet::new(INSIDE, ROUTER_OUT);
        let back = || Packet::new(INSIDE_2, ROUTER_OUT);
        lab.lan(&to().tcp((1000, 8080), flags::SYN, 1, 0, b""));
        lab.lan(&back().tcp((80, 1000), flags::SYN | flags::ACK, 9, 2, b""));
        lab.lan(&to().tcp((1000, 8080), flags::ACK, 2, 10, b"GET /"));
        lab.lan(&back().tcp((80, 1000), flags::ACK, 10, 7, b"page"));
        // The same service from outside.
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).tcp((1000, 8080), flags::SYN, 1, 0, b""));
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).tcp(
            (80, 1000),
            flags::SYN | flags::ACK,
            9,
            2,
            b"",
        ));
    })
}

/// Routers and servers outside complain about the translated packet; the inside host must be able
/// to read the complaint.
/// A host that talks to itself by way of the router, from a port to the same port: questions and answers look alike, and what
/// comes after the first packet is taken for answers.
fn mirror() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -i lan0 -j DNAT --to-destination 10.1.0.3
        -A POSTROUTING -o lan0 -j MASQUERADE
        COMMIT
        *filter
        -A FORWARD -m conntrack --ctdir ORIGINAL
        -A FORWARD -m conntrack --ctdir REPLY
        -A FORWARD -m conntrack --ctstate NEW
        -A FORWARD -m conntrack --ctstate ESTABLISHED
        COMMIT";
    Scenario::new(rules, |lab| {
        let mirrored = || Packet::new(INSIDE_2, ROUTER_IN);
        for _ in 0..3 {
            lab.lan(&mirrored().udp(1000, 1000, b"who am I"));
            lab.lan(&mirrored().raw(99, b"who am I"));
            lab.lan(&mirrored().udp(1000, 1001, b"not alike"));
        }
        lab.lan(&mirrored().tcp((1000, 1000), flags::SYN, 1, 0, b""));
        lab.lan(&mirrored().tcp((1000, 1000), flags::SYN | flags::ACK, 1, 2, b""));
        lab.lan(&mirrored().tcp((1000, 1000), flags::ACK, 2, 2, b""));
        lab.compare_counters("filter");
        lab.compare_counters("nat");
    })
}

fn errors_from_outside() -> Scenario {
    Scenario::new(SNAT, |lab| {
        let packets = [
            Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"question"),
            Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), flags::SYN, 1, 0, b""),
            Packet::new(INSIDE, OUTSIDE).ping(7, 1, b"echo"),
        ];
        for packet in packets {
            let out = lab.lan(&packet);
            let quoted = out.first().expect("nothing came out").packet().to_vec();
            for (source, kind, code, mtu) in
                [(OUTSIDE, 3, 3, 0), (FAR, 11, 0, 0), (FAR, 3, 4, 1300), (FAR, 4, 0, 0)]
            {
                lab.wan(&Packet::new(source, ROUTER_OUT).icmp_error(kind, code, mtu, &quoted));
            }
            // Only the eight bytes that RFC 792 asks for.
            let short = &quoted[..28];
            lab.wan(&Packet::new(FAR, ROUTER_OUT).icmp_error(3, 1, 0, short));
        }
        // About a flow that is not there.
        let stranger = Packet::new(ROUTER_OUT, OUTSIDE).udp(1, 2, b"never sent").bytes();
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).icmp_error(3, 3, 0, &stranger));
    })
}

fn errors_from_inside() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -i wan0 -p udp --dport 53 -j DNAT --to-destination 10.1.0.2:5353
        COMMIT";
    Scenario::new(rules, |lab| {
        let out = lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(1000, 53, b"question"));
        let quoted = out.first().expect("nothing came out").packet().to_vec();
        lab.lan(&Packet::new(INSIDE, OUTSIDE).icmp_error(3, 3, 0, &quoted));
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).icmp_error(11, 0, 0, &quoted));
    })
}

/// The router's own errors about packets it has translated quote what the sender sent.
fn own_errors() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -i wan0 -p udp --dport 53 -j DNAT --to-destination 10.1.0.2:5353
        -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j MASQUERADE
        COMMIT";
    let scenario = Scenario::new(rules, |lab| {
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(1000, 53, b"last hop").ttl(1));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"last hop").ttl(1));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, &[7; 1000]).dont_fragment());
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, &[7; 1000]));
        lab.lan(&Packet::new(INSIDE, "172.16.1.1").udp(1000, 53, b"prohibited"));
    });
    scenario
        .with(|setup| setup.with_mtu("wan0", 600).with_refusing_route("prohibit", "172.16.1.0/24"))
}

/// Redirects about translated connections would go round the translation; none is sent, none let through.
fn redirects() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -d 192.168.1.146 -p udp --dport 53 -j DNAT --to-destination 10.1.0.3
        -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j MASQUERADE
        COMMIT";
    let scenario = Scenario::new(rules, |lab| {
        // Translated, and back to the link it came from; its first packet, and one that is known.
        lab.lan(&Packet::new(INSIDE, ROUTER_OUT).udp(1000, 53, b"question"));
        lab.lan(&Packet::new(INSIDE, ROUTER_OUT).udp(1000, 53, b"question"));
        // Not translated, but might have been; then known not to be.
        lab.lan(&Packet::new("10.1.0.4", INSIDE_2).udp(1000, 53, b"question"));
        lab.lan(&Packet::new("10.1.0.4", INSIDE_2).udp(1000, 53, b"question"));
        // Another router's redirects, about a translated connection and about one that is not.
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"question"));
        let sent = Packet::new(ROUTER_OUT, OUTSIDE).udp(1000, 53, b"question").bytes();
        lab.wan(&Packet::new(FAR, ROUTER_OUT).icmp(5, 1, &[192, 168, 1, 9], &sent));
        lab.wan(&Packet::new(FAR, ROUTER_OUT).icmp_error(3, 1, 0, &sent));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(2000, 54, b"question"));
        let sent = Packet::new(OUTSIDE, INSIDE).udp(2000, 54, b"question").bytes();
        lab.lan(&Packet::new(INSIDE, OUTSIDE).icmp(5, 1, &[10, 1, 0, 3], &sent));
    });
    scenario.with(|setup| setup.with_sysctl("net.ipv4.conf.all.send_redirects", 1))
}

fn not_tracked() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -p udp --dport 53 -j NOTRACK
        COMMIT
        *nat
        -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j SNAT --to-source 192.168.1.146
        COMMIT
        *filter
        :FORWARD DROP [0:0]
        -A FORWARD -m conntrack --ctstate UNTRACKED -j ACCEPT
        -A FORWARD -p tcp -j ACCEPT
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"untranslated"));
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, 1000, b"to the router"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 54, b"dropped"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), flags::SYN, 1, 0, b""));
        // Fragments are put together before raw looks at them.
        for part in Packet::new(INSIDE, OUTSIDE).udp(1000, 53, &[7; 64]).fragments(&[40]) {
            lab.lan(&part);
        }
    })
}

/// A connection keeps its translation when the rule that gave it is gone; new ones get none.
fn rules_gone() -> Scenario {
    let rules = "
        *nat
        -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j SNAT --to-source 192.168.1.146
        COMMIT
        *filter
        -A FORWARD -m conntrack --ctstate INVALID -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"translated"));
        lab.load_rules(
            "*nat
             -A POSTROUTING -s 10.1.0.0/16 -o lan0 -j SNAT --to-source 10.1.0.1
             COMMIT",
        );
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"still translated"));
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, 1000, b"answer"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1001, 53, b"not translated"));
        lab.load_rules("*filter\n-A FORWARD -p udp --dport 53 -j DROP\n-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT");
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"dropped"));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).udp(1000, 53, b"to the router"));
    })
}
