//! Owns the scenarios without connection tracking: a router as RFC 1812 has it.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};
use sluice_tests::router::Setup;
use sluice_tests::topology::LAN;

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN, ROUTER_OUT};

differential!(
    plain,
    time_to_live,
    no_route,
    martians,
    smaller_mtu,
    options,
    echo_options,
    redirects,
    redirects_by_interface,
    redirects_within_subnets,
    to_the_router,
    strict,
    loose
);

fn plain() -> Scenario {
    Scenario::new("", |lab| {
        let out = || Packet::new(INSIDE, OUTSIDE);
        lab.lan(&out().ping(7, 1, b"echo"));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).pong(7, 1, b"echo"));
        lab.lan(&out().udp(1000, 53, b"question").tos(0xb8));
        lab.lan(&out().udp(1000, 53, b""));
        lab.lan(&out().tcp((1000, 80), flags::SYN, 1, 0, b"").dont_fragment());
        lab.lan(&out().raw(47, &[0; 32]));
        lab.lan(&out().raw(255, b"x"));
        lab.lan(&Packet::new(INSIDE, FAR).udp(1000, 53, b"over the default route"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, &[7; 1472]));
        // A router does not look at the checksums of others.
        lab.lan(&out().udp(1000, 53, b"spoilt").spoil(9));
        for part in out().udp(1000, 53, &[7; 64]).fragments(&[16, 32]) {
            lab.lan(&part);
        }
    })
}

fn time_to_live() -> Scenario {
    Scenario::new("", |lab| {
        for ttl in [255, 2, 1, 0] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 33434, b"trace").ttl(ttl));
        }
        let last = || Packet::new(INSIDE, OUTSIDE).ttl(1);
        lab.lan(&last().ping(7, 1, b"echo").tos(0x10));
        lab.lan(&last().tcp((1000, 80), flags::SYN, 1, 0, b""));
        lab.lan(&last().udp(1000, 33434, &[7; 1200]));
        lab.lan(&last().options(&[1, 1, 1, 0]).udp(1000, 33434, b"options"));
        // No errors about errors, nor about any but the first fragment.
        let inner = Packet::new(OUTSIDE, INSIDE).udp(53, 1000, b"answer").bytes();
        lab.lan(&last().icmp_error(3, 3, 0, &inner));
        lab.lan(&last().pong(7, 1, b"echo"));
        for part in last().udp(1000, 53, &[7; 64]).fragments(&[32]) {
            lab.lan(&part);
        }
        // To the router itself the last hop is enough.
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(7, 2, b"echo").ttl(1));
    })
}

fn no_route() -> Scenario {
    let scenario = Scenario::new("", |lab| {
        for destination in [FAR, "172.16.1.1", "172.16.2.1", "172.16.3.1", "172.16.4.1"] {
            lab.lan(&Packet::new(INSIDE, destination).ping(7, 1, b"echo"));
            lab.lan(&Packet::new(INSIDE, destination).udp(1000, 53, b"question"));
        }
    });
    scenario.with(|mut setup| {
        setup.routes.clear();
        setup
            .with_route("172.16.0.0/12", "192.168.1.9")
            .with_refusing_route("unreachable", "172.16.1.0/24")
            .with_refusing_route("prohibit", "172.16.2.0/24")
            .with_refusing_route("blackhole", "172.16.3.0/24")
    })
}

fn martians() -> Scenario {
    Scenario::new("", |lab| {
        let sources = [
            "127.0.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "255.255.255.255",
            "224.0.0.1",
            "240.0.0.1",
            ROUTER_IN,
            ROUTER_OUT,
            OUTSIDE,
            "10.1.255.255",
            "169.254.1.1",
        ];
        for source in sources {
            lab.lan(&Packet::new(source, OUTSIDE).udp(1000, 53, b"from"));
        }
        let destinations = [
            "127.0.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.1.2.3",
            "240.0.0.1",
            "192.168.1.255",
            "192.168.1.0",
            "169.254.1.1",
        ];
        for destination in destinations {
            lab.lan(&Packet::new(INSIDE, destination).udp(1000, 53, b"to"));
        }
        // A packet that the router itself seems to have lost is answered as well as any.
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"a common one"));
    })
}

fn smaller_mtu() -> Scenario {
    let scenario = Scenario::new("", |lab| {
        for size in [572, 573, 1000, 1472] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, &vec![7; size]).dont_fragment());
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, &vec![7; size]));
        }
        // Fragments that are too large are cut again.
        for part in Packet::new(INSIDE, OUTSIDE).udp(1000, 53, &[7; 2000]).fragments(&[1200]) {
            lab.lan(&part);
        }
        // Options that are not to be copied are replaced in later fragments (RFC 791).
        let options = [0x07, 0x07, 0x04, 0, 0, 0, 0, 0];
        lab.lan(&Packet::new(INSIDE, OUTSIDE).options(&options).udp(1000, 53, &[7; 1000]));
        // The way back is wide enough.
        lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(53, 1000, &[7; 572]).dont_fragment());
    });
    scenario.with(|setup| setup.with_mtu("wan0", 600))
}

fn options() -> Scenario {
    Scenario::new("", |lab| {
        let with = |options: &[u8]| {
            Packet::new(INSIDE, OUTSIDE).options(options).udp(1000, 53, b"options")
        };
        // No-operations, end of list.
        lab.lan(&with(&[1, 1, 1, 0]));
        // Record route: room for two, no room, a pointer that is wrong.
        lab.lan(&with(&[7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0]));
        lab.lan(&with(&[7, 7, 8, 10, 0, 0, 1]));
        lab.lan(&with(&[7, 7, 3, 0, 0, 0, 0]));
        // Router alert, and one that nobody knows.
        lab.lan(&with(&[148, 4, 0, 0]));
        lab.lan(&with(&[0x9e, 4, 1, 2]));
        // A length that runs out of the header.
        lab.lan(&with(&[7, 39, 4, 0]));
        lab.lan(&with(&[7, 0, 4, 0]));
    })
}

/// What of a request's options comes back.
fn echo_options() -> Scenario {
    Scenario::new("", |lab| {
        let mut ping = |options: &[u8]| {
            lab.lan(&Packet::new(INSIDE, ROUTER_OUT).options(options).ping(7, 1, b"echo"));
        };
        ping(&[1, 1, 1, 0]);
        ping(&[148, 4, 0, 0]);
        ping(&[7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
        ping(&[1, 148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 1, 1, 1, 1]);
        ping(&[7, 7, 8, 10, 0, 0, 1, 1]);
    })
}

/// Packets that leave by where they came, and were not sent to the better next hop.
fn redirects() -> Scenario {
    let scenario = Scenario::new("", |lab| {
        let to = |source: &str, destination: &str| {
            Packet::new(source, destination).udp(1000, 53, b"the long way")
        };
        // To a neighbour of the sender's, then beyond one.
        lab.lan(&to(INSIDE, INSIDE_2));
        lab.lan(&to("10.1.0.4", "172.16.1.1").tos(0x10));
        // At once told again, then not yet.
        lab.lan(&to("10.1.0.5", INSIDE_2).options(&[1, 1, 1, 0]));
        // Not on this link, on it but to elsewhere, the last hop, source-routed, and broadcast.
        lab.lan(&to("172.16.9.9", "172.16.1.1"));
        lab.lan(&to("10.1.0.6", OUTSIDE));
        lab.lan(&to("10.1.0.7", INSIDE_2).ttl(1));
        lab.lan(&to("10.1.0.8", INSIDE_2).ttl(2));
        lab.lan(&to("10.1.0.9", "10.1.255.255"));
        // Whether a broadcast address has sent it is looked at only here.
        lab.lan(&to("10.1.255.255", INSIDE_2));
        lab.lan(&to("192.168.1.255", INSIDE_2));
        lab.lan(&to("10.1.255.255", OUTSIDE));
        // Errors make no errors.
        let inner = to(INSIDE_2, INSIDE).bytes();
        lab.lan(&Packet::new("10.1.0.10", INSIDE_2).icmp_error(3, 3, 0, &inner));
        lab.wan(&to(OUTSIDE, FAR));
    });
    scenario.with(|setup| {
        setup
            .with_sysctl("net.ipv4.conf.all.send_redirects", 1)
            .with_route("172.16.0.0/16", INSIDE_2)
    })
}

/// One link with two subnets: whether a redirect may name a router of the other.
fn play_subnets(lab: &mut sluice_tests::differential::Lab) {
    for subnet in ["10.1.0", "10.2.0"] {
        let destinations = ["172.16.1.1", "172.17.1.1", INSIDE_2, "10.2.0.7"];
        for (last, destination) in (20..).zip(destinations) {
            let source = format!("{subnet}.{last}");
            lab.lan(&Packet::new(&source, destination).udp(1000, 53, b"the long way"));
        }
    }
    lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"to elsewhere"));
}

fn with_subnets(setup: Setup) -> Setup {
    let mut setup =
        setup.with_route("172.16.0.0/16", INSIDE_2).with_route("172.17.0.0/16", "10.2.0.9");
    let senders = (20..24).flat_map(|last| [format!("10.1.0.{last}"), format!("10.2.0.{last}")]);
    for host in senders.chain(["10.2.0.7".into(), "10.2.0.9".into()]) {
        setup = setup.with_neighbour("lan0", &host, LAN.host_mac);
    }
    setup.interfaces[0].addresses.push("10.2.0.1/24".into());
    setup
}

/// The interface's own word counts where `all` says no.
fn redirects_by_interface() -> Scenario {
    Scenario::new("", play_subnets)
        .with(|setup| with_subnets(setup).with_sysctl("net.ipv4.conf.lan0.send_redirects", 1))
}

fn redirects_within_subnets() -> Scenario {
    Scenario::new("", play_subnets).with(|setup| {
        with_subnets(setup)
            .with_sysctl("net.ipv4.conf.all.send_redirects", 1)
            .with_sysctl("net.ipv4.conf.all.shared_media", 0)
    })
}

fn to_the_router() -> Scenario {
    Scenario::new("", |lab| {
        for address in [ROUTER_IN, ROUTER_OUT] {
            lab.lan(&Packet::new(INSIDE, address).ping(7, 1, b"echo"));
            lab.lan(&Packet::new(INSIDE, address).ping(7, 2, &[7; 1400]).tos(0x10));
            lab.lan(&Packet::new(INSIDE, address).udp(1000, 9, b"closed"));
            lab.lan(&Packet::new(INSIDE, address).tcp((1000, 9), flags::SYN, 5, 0, b""));
            lab.lan(&Packet::new(INSIDE, address).tcp((1000, 9), flags::ACK, 5, 9, b"x"));
            lab.lan(&Packet::new(INSIDE, address).raw(200, b"no such protocol"));
        }
        // Broken, for others, or an answer to nothing: silence.
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(7, 3, b"spoilt").spoil(9));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).udp(1000, 9, b"spoilt").spoil(9));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).pong(7, 3, b"echo"));
        lab.lan(&Packet::new(INSIDE, "10.1.255.255").ping(7, 3, b"echo"));
        lab.lan(&Packet::new(INSIDE, "255.255.255.255").udp(1000, 9, b"closed"));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).tcp((1000, 9), flags::RST, 5, 0, b""));
        // An echo request in pieces is put together first.
        for part in Packet::new(INSIDE, ROUTER_IN).ping(7, 4, &[7; 200]).fragments(&[104]) {
            lab.lan(&part);
        }
    })
}

/// Loose reverse-path filtering: there must be a way back, wherever it leads.
fn loose() -> Scenario {
    let scenario = Scenario::new("", |lab| {
        for source in [INSIDE, OUTSIDE, FAR, "172.16.0.1", "10.1.255.255", "192.168.1.255"] {
            lab.lan(&Packet::new(source, OUTSIDE).udp(1000, 53, b"from inside"));
            lab.wan(&Packet::new(source, INSIDE).udp(1000, 53, b"from outside"));
        }
    });
    scenario.with(|mut setup| {
        setup.routes.clear();
        setup
            .with_route("198.51.100.0/24", "192.168.1.1")
            .with_sysctl("net.ipv4.conf.all.rp_filter", 2)
    })
}

/// Strict reverse-path filtering: a packet must come from where its answer would go.
fn strict() -> Scenario {
    let scenario = Scenario::new("", |lab| {
        for source in [INSIDE, OUTSIDE, FAR, "172.16.0.1", "10.1.255.255", "192.168.1.255"] {
            lab.lan(&Packet::new(source, OUTSIDE).udp(1000, 53, b"from inside"));
            lab.wan(&Packet::new(source, INSIDE).udp(1000, 53, b"from outside"));
        }
    });
    scenario.with(|setup| setup.with_sysctl("net.ipv4.conf.all.rp_filter", 1))
}
