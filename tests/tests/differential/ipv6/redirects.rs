//! Packets that leave by the link they came from, and what their senders are told of the better way.

use super::{FAR, INSIDE, INSIDE_2, OUTSIDE, PARAMETER_PROBLEM, ROUTER_IN, STATEFUL};
use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};
use sluice_tests::topology::LAN;

differential!(
    who_is_told,
    how_often,
    beside_errors,
    shared_limit,
    tracked,
    changed_on_its_way,
    fragments
);

/// A router on the inside link, known by its link-local address.
const NEAR: &str = "fe80::3";
/// Beyond it.
const BEYOND: &str = "2001:db8:1::5";
/// Beyond a router whose address is not link-local: no redirect can name it.
const BEYOND_GLOBAL: &str = "2001:db8:2::5";

fn scenario(rules: &str, play: impl Fn(&mut Lab) + Sync + 'static) -> Scenario {
    Scenario::new_v6(rules, play).with(|mut setup| {
        for host in [NEAR, "fe80::99"] {
            setup = setup.with_neighbour("lan0", host, LAN.host_mac);
        }
        for last in (0x10..0x40).chain([0x353, 0x354]) {
            setup = setup.with_neighbour("lan0", &format!("fd00:1::{last:x}"), LAN.host_mac);
        }
        setup
            .with_route("2001:db8:1::/48", &format!("{NEAR} dev lan0"))
            .with_route("2001:db8:2::/48", INSIDE_2)
    })
}

fn to(source: &str, destination: &str) -> Packet {
    Packet::new(source, destination).udp(1000, 53, b"the long way")
}

fn who_is_told() -> Scenario {
    scenario("", |lab| {
        lab.lan(&to(INSIDE, INSIDE_2));
        lab.lan(&to("fd00:1::10", BEYOND).tos(0x10));
        lab.lan(&to("fd00:1::11", BEYOND_GLOBAL));
        // Not on this link, on it but to elsewhere, the last hop and the one before.
        lab.lan(&to("2001:db8:9::9", "fd00:1::20"));
        lab.lan(&to("2001:db8:2::9", "fd00:1::21"));
        lab.lan(&to("fd00:1::12", OUTSIDE));
        lab.lan(&to("fd00:1::13", "fd00:1::22").ttl(1));
        lab.lan(&to("fd00:1::13", "fd00:1::22").ttl(2));
        // As much as fits is quoted, in whole units of eight bytes.
        for size in [0, 1, 7, 8, 1100, 1152, 1153, 1160, 1400] {
            let data = vec![7; size];
            let source = format!("fd00:1::{:x}", 0x14 + size % 8);
            let destination = format!("fd00:1::{:x}", 0x20 + size % 16);
            lab.lan(&Packet::new(&source, &destination).udp(1000, 53, &data));
        }
        // From a link-local address; with a routing header; about an error.
        lab.lan(&to("fe80::99", "fd00:1::30"));
        let udp = to("fd00:1::17", "fd00:1::31").payload;
        let header = [17, 0, 4, 0, 0, 0, 0, 0];
        lab.lan(&Packet::new("fd00:1::17", "fd00:1::31").raw(43, &[&header, &udp[..]].concat()));
        let inner = to("fd00:1::32", "fd00:1::18").bytes();
        let error = Packet::new("fd00:1::18", "fd00:1::32");
        lab.lan(&error.icmp_error(PARAMETER_PROBLEM, 0, 0, &inner));
        // To the router itself nothing is redirected, and from outside nothing either.
        lab.lan(&to("fd00:1::19", ROUTER_IN));
        lab.wan(&to(OUTSIDE, FAR));
    })
}

fn how_often() -> Scenario {
    scenario("", |lab| {
        // By sender and by destination, six at once each.
        for _ in 0..8 {
            lab.lan(&to("fd00:1::10", "fd00:1::20"));
        }
        lab.lan(&to("fd00:1::10", "fd00:1::21"));
        lab.lan(&to("fd00:1::11", "fd00:1::20"));
        lab.lan(&to("fd00:1::11", "fd00:1::22"));
    })
}

/// Errors spend from the same buckets, those of the host's own stack too; each caps them at its own depth.
fn beside_errors() -> Scenario {
    let play = |lab: &mut Lab| {
        // No such port; no hop left; a redirect; an answer that is never held back.
        lab.lan(&to("fd00:1::10", ROUTER_IN));
        lab.lan(&to("fd00:1::10", "fd00:1::20"));
        lab.lan(&to("fd00:1::11", "fd00:1::20"));
        lab.lan(&to("fd00:1::12", OUTSIDE).ttl(1));
        lab.lan(&to("fd00:1::12", "fd00:1::21"));
        lab.lan(&to("fd00:1::13", "fd00:1::22"));
        lab.lan(&to("fd00:1::22", ROUTER_IN));
        lab.lan(&to("fd00:1::14", "fd00:1::22"));
        lab.lan(&Packet::new("fd00:1::15", ROUTER_IN).ping(7, 1, b"echo"));
        lab.lan(&to("fd00:1::15", "fd00:1::23"));
    };
    scenario("", play)
}

/// The host's stack and the gateway say six things at once between them.
fn shared_limit() -> Scenario {
    let play = |lab: &mut Lab| {
        for _ in 0..4 {
            lab.lan(&to("fd00:1::10", ROUTER_IN));
            lab.lan(&to("fd00:1::10", OUTSIDE).ttl(1));
        }
        for _ in 0..8 {
            lab.lan(&to("fd00:1::11", ROUTER_IN));
        }
    };
    scenario("", play).with(|setup| setup.with_sysctl("net.ipv6.icmp.ratelimit", 10_000))
}

fn tracked() -> Scenario {
    let rules = format!(
        "{STATEFUL}
        *mangle
        -A OUTPUT -p icmpv6 --icmpv6-type redirect -m conntrack --ctstate UNTRACKED -j DSCP --set-dscp 1
        COMMIT"
    );
    scenario(&rules, |lab| {
        for _ in 0..3 {
            lab.lan(&to(INSIDE, INSIDE_2));
            lab.lan(&Packet::new(INSIDE_2, INSIDE).udp(53, 1000, b"answer"));
        }
        lab.lan(&to("fd00:1::10", BEYOND));
        lab.lan(&Packet::new("fd00:1::11", BEYOND).tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.lan(&Packet::new("fd00:1::11", BEYOND).ping(7, 1, b"echo"));
    })
}

/// The quote is what it was when it was routed.
fn changed_on_its_way() -> Scenario {
    let rules = "
        *mangle
        -A PREROUTING -p udp --dport 54 -j DSCP --set-dscp 5
        -A FORWARD -p udp --dport 54 -j HL --hl-set 9
        -A FORWARD -p udp --dport 53 -j DSCP --set-dscp 7
        COMMIT
        *nat
        -A PREROUTING -d 2001:db8:5::53 -j DNAT --to-destination fd00:1::20
        -A PREROUTING -d 2001:db8:5::54 -j DNAT --to-destination fd00:1::21
        -A POSTROUTING -s fd00:1::10 -j SNAT --to-source fd00:1::1
        -A POSTROUTING -s fd00:1::13 -j MASQUERADE
        COMMIT
        *filter
        -A FORWARD -s fd00:1::12 -j DROP
        -A FORWARD -s fd00:1::14 -j REJECT
        COMMIT";
    scenario(rules, |lab| {
        // No more than six for a sender and for a destination, whatever time it takes.
        for (port, last) in [(53, 0x14), (54, 0x13)] {
            // Each from a port of its own: what is translated keeps it.
            for last in 0x10..=last {
                let source = format!("fd00:1::{last:x}");
                let from = 100 * port + last;
                for to in ["2001:db8:5::", "fd00:1::3"] {
                    let to = format!("{to}{port}");
                    lab.lan(&Packet::new(&source, &to).udp(from, port, b"on and back"));
                }
            }
        }
        lab.lan(&Packet::new("fd00:1::20", "fd00:1::11").udp(53, 5317, b"answer"));
    })
}

fn fragments() -> Scenario {
    scenario(STATEFUL, |lab| {
        for (source, size) in [("fd00:1::10", 100), ("fd00:1::11", 2000)] {
            let packet = Packet::new(source, INSIDE_2).udp(1000, 53, &vec![7; size]);
            for part in packet.fragments(&[48, 1200]) {
                lab.lan(&part);
            }
        }
    })
}
