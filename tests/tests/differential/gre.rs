//! Owns the scenarios of GRE: calls of PPTP (RFC 2637) that no helper has announced, other versions, headers cut short.
//! What a packet's state was is read off its DSCP.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, words};

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_OUT};

differential!(
    versions_and_lengths,
    calls_both_ways,
    a_call_of_zero_is_as_none,
    versions_and_lengths_v6,
    calls_both_ways_v6,
    masqueraded,
    masqueraded_versions,
    masqueraded_v6,
    to_a_server_inside,
    to_a_server_inside_v6,
    errors,
    errors_translated,
    errors_v6,
    in_fragments,
    lives,
    given_and_listed
);

const GRE: u8 = 47;
const PPP: u16 = 0x880b;

const STATES: &str = "
    *mangle
    -A FORWARD -m conntrack --ctstate NEW -j DSCP --set-dscp 1
    -A FORWARD -m conntrack --ctstate ESTABLISHED -j DSCP --set-dscp 2
    -A FORWARD -m conntrack --ctstate RELATED -j DSCP --set-dscp 3
    -A FORWARD -m conntrack --ctstate INVALID -j DSCP --set-dscp 4
    COMMIT";

const INSIDE_V6: &str = "fd00:1::2";
const OUTSIDE_V6: &str = "fd00:2::9";

fn rules(more: &str) -> String {
    format!("{STATES}\n{more}")
}

/// The first words of a header that carries `kind`, and some data.
fn header(version: u8, kind: u16, call: u16) -> Vec<u8> {
    [&[0x30, version][..], &words(&[kind, 12, call]), &[0, 0, 0, 1], b"some data..."].concat()
}

fn call(number: u16) -> Vec<u8> {
    header(1, PPP, number)
}

fn gre(from: &str, to: &str, bytes: &[u8]) -> Packet {
    Packet::new(from, to).raw(GRE, bytes)
}

/// Every version, cut to every length that matters, from both ends.
fn every_kind(lab: &mut Lab, [inside, outside]: [&str; 2], [outside_seen, inside_seen]: [&str; 2]) {
    for version in 0..8 {
        for kind in [PPP, 0x0800] {
            let bytes = header(version, kind, 0x0707);
            for length in [22, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0] {
                lab.lan(&gre(inside, outside_seen, &bytes[..length]));
                lab.wan(&gre(outside, inside_seen, &bytes[..length]));
            }
        }
    }
}

fn versions_and_lengths() -> Scenario {
    let ends = [INSIDE, OUTSIDE];
    Scenario::new(&rules(""), move |lab| every_kind(lab, ends, [OUTSIDE, INSIDE]))
}

fn versions_and_lengths_v6() -> Scenario {
    let ends = [INSIDE_V6, OUTSIDE_V6];
    Scenario::new_v6(&rules(""), move |lab| every_kind(lab, ends, [OUTSIDE_V6, INSIDE_V6]))
}

/// To the kernel each direction of a call is a connection of its own.
fn both_ways(lab: &mut Lab, inside: &str, outside: &str) {
    for _ in 0..3 {
        lab.lan(&gre(inside, outside, &call(7)));
        lab.wan(&gre(outside, inside, &call(9)));
    }
    lab.wan(&gre(outside, inside, &call(7)));
    lab.lan(&gre(inside, outside, &call(9)));
    lab.lan(&gre(inside, outside, &call(8)));
    lab.lan(&gre(inside, outside, &call(0xffff)));
}

fn calls_both_ways() -> Scenario {
    Scenario::new(&rules(""), |lab| both_ways(lab, INSIDE, OUTSIDE))
}

fn calls_both_ways_v6() -> Scenario {
    Scenario::new_v6(&rules(""), |lab| both_ways(lab, INSIDE_V6, OUTSIDE_V6))
}

fn a_call_of_zero_is_as_none() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        lab.lan(&gre(INSIDE, OUTSIDE, &call(0)));
        lab.wan(&gre(OUTSIDE, INSIDE, &header(0, 0x0800, 5)));
        lab.lan(&gre(INSIDE, OUTSIDE, &header(3, 0x0800, 5)));
        lab.wan(&gre(OUTSIDE, INSIDE, &call(0)));
    })
}

const MASQUERADE: &str = "
    *nat
    -A POSTROUTING -o wan0 -j MASQUERADE
    COMMIT
    *filter
    -A INPUT -j DROP
    COMMIT";

fn masqueraded() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        for _ in 0..2 {
            for number in [7, 8, 0] {
                lab.lan(&gre(INSIDE, OUTSIDE, &call(number)));
                lab.lan(&gre(INSIDE, FAR, &call(number)));
            }
        }
        // The answer to a call has another number, and so another connection; zero is that of all that have none.
        for number in [7, 9, 0] {
            lab.wan(&gre(OUTSIDE, ROUTER_OUT, &call(number)));
        }
        // Nobody else can have the same call.
        for number in [7, 9, 0] {
            lab.lan(&gre(INSIDE_2, OUTSIDE, &call(number)));
        }
        lab.wan(&gre(OUTSIDE, ROUTER_OUT, &header(0, 0x0800, 1)));
        lab.wan(&gre(FAR, ROUTER_OUT, &header(0, 0x0800, 1)));
    })
}

fn masqueraded_versions() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        lab.lan(&gre(INSIDE, OUTSIDE, &header(0, 0x0800, 1)));
        every_kind(lab, [INSIDE, OUTSIDE], [OUTSIDE, ROUTER_OUT]);
        every_kind(lab, [INSIDE_2, FAR], [FAR, ROUTER_OUT]);
    })
}

fn masqueraded_v6() -> Scenario {
    Scenario::new_v6(&rules(MASQUERADE), |lab| {
        let seen = lab.lan(&gre(INSIDE_V6, OUTSIDE_V6, &header(0, 0x0800, 1)));
        assert!(!seen.is_empty());
        every_kind(lab, [INSIDE_V6, OUTSIDE_V6], [OUTSIDE_V6, "fd00:2::1"]);
        for number in [7, 8] {
            lab.lan(&gre(INSIDE_V6, OUTSIDE_V6, &call(number)));
        }
    })
}

fn to_a_server_inside() -> Scenario {
    let nat = "
        *nat
        -A PREROUTING -i wan0 -p gre -j DNAT --to-destination 10.1.0.2
        COMMIT";
    Scenario::new(&rules(nat), |lab| {
        for _ in 0..2 {
            lab.wan(&gre(OUTSIDE, ROUTER_OUT, &call(7)));
            lab.lan(&gre(INSIDE, OUTSIDE, &call(7)));
            lab.lan(&gre(INSIDE, OUTSIDE, &call(0)));
        }
        every_kind(lab, [INSIDE, OUTSIDE], [OUTSIDE, ROUTER_OUT]);
        every_kind(lab, [INSIDE, FAR], [FAR, ROUTER_OUT]);
    })
}

fn to_a_server_inside_v6() -> Scenario {
    let nat = "
        *nat
        -A PREROUTING -i wan0 -p gre -j DNAT --to-destination fd00:1::2
        COMMIT";
    Scenario::new_v6(&rules(nat), |lab| {
        for _ in 0..2 {
            lab.wan(&gre(OUTSIDE_V6, "fd00:2::1", &call(7)));
            lab.lan(&gre(INSIDE_V6, OUTSIDE_V6, &call(7)));
        }
        every_kind(lab, [INSIDE_V6, OUTSIDE_V6], [OUTSIDE_V6, "fd00:2::1"]);
    })
}

/// Errors from outside about what comes out there, with as much of it as that many bytes of layer 4.
fn refused(lab: &mut Lab, [from, to, to_seen]: [&str; 3], header_length: usize) {
    for bytes in [call(7), call(0), header(0, 0x0800, 5), header(2, PPP, 5)] {
        let seen = lab.lan(&gre(from, to, &bytes));
        let Some(quote) = seen.first().map(|seen| seen.packet().to_vec()) else { continue };
        let kind = if header_length == 40 { 1 } else { 3 };
        for length in [22, 8, 7, 4, 3, 0] {
            let quote = &quote[..header_length + length];
            lab.wan(&Packet::new(to, to_seen).icmp_error(kind, 1, 0, quote));
        }
    }
}

fn errors() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        refused(lab, [INSIDE, OUTSIDE, INSIDE], 20);
        // About a call that nobody has.
        let quote = gre(INSIDE, OUTSIDE, &call(99)).bytes();
        lab.wan(&Packet::new(OUTSIDE, INSIDE).icmp_error(3, 1, 0, &quote));
    })
}

fn errors_translated() -> Scenario {
    let nat = "
        *nat
        -A PREROUTING -i wan0 -p gre -j DNAT --to-destination 10.1.0.2
        -A POSTROUTING -o wan0 -j MASQUERADE
        COMMIT";
    Scenario::new(&rules(nat), |lab| {
        refused(lab, [INSIDE, OUTSIDE, ROUTER_OUT], 20);
        for bytes in [call(7), call(0), header(0, 0x0800, 5), header(2, PPP, 5)] {
            let seen = lab.wan(&gre(FAR, ROUTER_OUT, &bytes));
            let Some(quote) = seen.first().map(|seen| seen.packet().to_vec()) else { continue };
            for length in [22, 8, 7, 4, 3, 0] {
                lab.lan(&Packet::new(INSIDE, FAR).icmp_error(3, 1, 0, &quote[..20 + length]));
            }
            // A version that was never sent, in the quote.
            let mut quote = quote.clone();
            quote[21] = 5;
            lab.lan(&Packet::new(INSIDE, FAR).icmp_error(3, 1, 0, &quote));
        }
    })
}

fn errors_v6() -> Scenario {
    Scenario::new_v6(&rules(""), |lab| refused(lab, [INSIDE_V6, OUTSIDE_V6, INSIDE_V6], 40))
}

fn in_fragments() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        for number in [7, 8, 7] {
            for part in gre(INSIDE, OUTSIDE, &call(number)).fragments(&[8, 8]) {
                lab.lan(&part);
            }
        }
        for part in gre(OUTSIDE, ROUTER_OUT, &call(0)).fragments(&[8]) {
            lab.wan(&part);
        }
        lab.lan(&gre(INSIDE, OUTSIDE, &header(0, 0x0800, 5)));
        for part in gre(OUTSIDE, ROUTER_OUT, &header(0, 0x0800, 5)).fragments(&[8]) {
            lab.wan(&part);
        }
    })
}

fn lives() -> Scenario {
    let rules = rules("*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT");
    Scenario::new(&rules, |lab| {
        let outwards = gre(INSIDE, OUTSIDE, &header(0, 0x0800, 5));
        let back = gre(OUTSIDE, INSIDE, &header(0, 0x0800, 5));
        lab.lan(&outwards);
        lab.lan(&gre(INSIDE, OUTSIDE, &call(7)));
        lab.lan(&gre(INSIDE, OUTSIDE, &header(1, 0x0800, 7)));
        lab.compare_timeouts();
        for _ in 0..2 {
            lab.wan(&back);
            lab.compare_timeouts();
            lab.lan(&outwards);
            lab.compare_timeouts();
        }
    })
    .with(|setup| {
        setup
            .with_sysctl("net.netfilter.nf_conntrack_gre_timeout", 2000)
            .with_sysctl("net.netfilter.nf_conntrack_gre_timeout_stream", 5000)
    })
}

/// As the tool gives connections, with keys, and finds them.
fn given_and_listed() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        lab.lan(&gre(INSIDE, OUTSIDE, &call(0x77)));
        lab.lan(&gre(INSIDE_2, OUTSIDE, &header(0, 0x0800, 5)));
        lab.tool("conntrack -I -p gre -s 10.1.0.9 -d 192.168.1.9 --srckey 0 --dstkey 0x88 -t 2000");
        lab.lan(&gre(INSIDE_2, OUTSIDE, &call(9)));
        lab.tool("conntrack -D -p gre -s 10.1.0.3 --dstkey 9");
        lab.lan(&gre(INSIDE_2, OUTSIDE, &call(9)));
    })
}
