//! Addresses that mean something on their own link only, and the one that every router of a subnet has.

use super::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN, STATEFUL};
use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};
use sluice_tests::topology::{LAN, WAN};

differential!(
    beyond_the_link,
    at_the_link,
    subnet_routers,
    subnet_routers_tracked,
    groups,
    redirected
);

/// A host's link-local address.
const HOST: &str = "fe80::99";
/// The router's own on the inside link, made of its MAC.
const ROUTER: &str = "fe80::ff:fe00:101";

fn with_host(scenario: Scenario) -> Scenario {
    scenario.with(|setup| {
        let setup = setup.with_neighbour("lan0", HOST, LAN.host_mac);
        setup.with_neighbour("wan0", HOST, WAN.host_mac)
    })
}

fn beyond_the_link() -> Scenario {
    with_host(Scenario::new_v6(STATEFUL, |lab| {
        for destination in [OUTSIDE, FAR] {
            let to = || Packet::new(HOST, destination);
            lab.lan(&to().udp(1000, 53, b"question"));
            lab.lan(&to().ping(7, 1, b"echo").tos(0x10));
            lab.lan(&to().tcp((1000, 80), flags::SYN, 1, 0, b""));
            lab.lan(&to().udp(1000, 53, &[7; 1400]));
            lab.lan(&to().udp(1000, 53, b"last hop").ttl(1));
            for part in to().udp(1000, 53, &[7; 64]).fragments(&[32]) {
                lab.lan(&part);
            }
        }
        // Nor from the other link.
        lab.wan(&Packet::new(HOST, INSIDE).udp(1000, 53, b"question"));
        lab.wan(&Packet::new(HOST, INSIDE).udp(1000, 53, b"last hop").ttl(1));
        lab.lan(&Packet::new(INSIDE, "fe80::77").udp(1000, 53, b"to another link"));
    }))
}

fn at_the_link() -> Scenario {
    with_host(Scenario::new_v6(STATEFUL, |lab| {
        lab.lan(&Packet::new(HOST, INSIDE_2).udp(1000, 53, b"on the link"));
        for router in [ROUTER, ROUTER_IN] {
            lab.lan(&Packet::new(HOST, router).ping(7, 1, b"echo"));
            lab.lan(&Packet::new(HOST, router).raw(200, b"no such protocol"));
        }
        lab.lan(&Packet::new(INSIDE, ROUTER).ping(7, 1, b"echo"));
    }))
}

fn play(lab: &mut sluice_tests::differential::Lab) {
    for router in ["fd00:1::", "fd00:2::", "fe80::"] {
        for source in [INSIDE, HOST] {
            let to = || Packet::new(source, router);
            lab.lan(&to().ping(7, 1, b"echo"));
            lab.lan(&to().ping(7, 2, &[7; 1400]).tos(0x10));
            lab.lan(&to().ping(7, 3, b"last hop").ttl(1));
        }
    }
    lab.wan(&Packet::new(OUTSIDE, "fd00:2::").ping(7, 1, b"echo"));
    lab.wan(&Packet::new(FAR, "fd00:1::").ping(7, 1, b"echo"));
    lab.wan(&Packet::new("fd00:1::", INSIDE).udp(1000, 53, b"from it"));
}

fn subnet_routers() -> Scenario {
    with_host(Scenario::new_v6("", play))
}

fn subnet_routers_tracked() -> Scenario {
    with_host(Scenario::new_v6(STATEFUL, play))
}

/// What is sent to a multicast group that nobody here listens to ends before INPUT.
fn groups() -> Scenario {
    let rules = "
        *mangle
        :PREROUTING ACCEPT [0:0]
        COMMIT
        *filter
        :INPUT ACCEPT [0:0]
        -A INPUT -d ff02::1
        -A INPUT -d ff02::2
        -A INPUT -d ff05::2
        -A INPUT -d ff02::1:ff00:1
        -A INPUT -d ff02::1:ff00:0
        -A INPUT -d ff00::/8
        COMMIT";
    with_host(Scenario::new_v6(rules, |lab| {
        let groups = ["ff02::1", "ff02::2", "ff05::2", "ff02::5", "ff02::fb", "ff0e::99"];
        let solicited =
            ["ff02::1:ff00:1", "ff02::1:ff00:101", "ff02::1:ff00:0", "ff02::1:ff77:7777"];
        // Of the sender's node, of no scope, and no groups at all.
        let odd = ["ff01::1", "ff01::5", "ff00::5", "::1", "::"];
        for group in groups.into_iter().chain(solicited).chain(odd) {
            for source in [INSIDE, HOST, OUTSIDE, "::1", "ff02::1", "ff0e::7", "::"] {
                lab.lan(&Packet::new(source, group).udp(5353, 5353, b"who is"));
            }
        }
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(7, 1, b"echo"));
        lab.compare_tool("ip6tables-save -c -t mangle");
        lab.compare_tool("ip6tables-save -c -t filter");
    }))
}

/// REDIRECT chooses an address that means something as far as the one that was asked.
fn redirected() -> Scenario {
    let rules = "
        *nat
        -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5353
        COMMIT
        *filter
        -A INPUT -d fd00:1::1
        -A INPUT -d fe80::/10
        -A INPUT -j REJECT
        COMMIT";
    with_host(Scenario::new_v6(rules, |lab| {
        let asked =
            [FAR, ROUTER_IN, ROUTER, "ff02::1", "ff01::1", "ff05::2", "ff0e::99", "fec0::7"];
        for (port, destination) in (1000..).zip(asked) {
            for source in [INSIDE, HOST] {
                lab.lan(&Packet::new(source, destination).udp(port, 53, b"question"));
            }
        }
        lab.compare_tool("ip6tables-save -c -t filter");
        lab.compare_tool("ip6tables-save -c -t nat");
    }))
}
