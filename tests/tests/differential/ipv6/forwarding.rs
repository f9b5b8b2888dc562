//! Forwarding, and the errors a router sends.

use super::{FAR, INSIDE, OUTSIDE, ROUTER_IN, ROUTER_OUT, UNREACHABLE, back, out};
use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};

differential!(
    plain,
    hop_limit,
    routes_that_refuse,
    martians,
    smaller_mtu,
    extension_headers,
    to_the_router
);

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
