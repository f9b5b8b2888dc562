//! Refusals, and the packets of the router itself.

use super::{INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN, ROUTER_OUT, UNREACHABLE, back, out};
use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};

differential!(sources_of_the_routers_own, refusals, refusals_of_the_odd, local_chains);

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

/// Nothing but `rpfilter` looks whether a source is the router's own.
fn sources_of_the_routers_own() -> Scenario {
    let rules = "
        *mangle
        :PREROUTING ACCEPT [0:0]
        -A PREROUTING -p ipv6-icmp -m rpfilter --accept-local
        -A PREROUTING -p ipv6-icmp -m rpfilter --accept-local --loose
        -A PREROUTING -p ipv6-icmp -m rpfilter
        -A PREROUTING -p udp -m rpfilter --accept-local
        -A PREROUTING -p udp -m rpfilter --accept-local --loose
        -A PREROUTING -p udp -m rpfilter
        -A PREROUTING -p udp
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"question"));
        for source in [ROUTER_IN, ROUTER_OUT] {
            lab.wan(&Packet::new(source, INSIDE).udp(1000, 53, b"own"));
            lab.lan(&Packet::new(source, OUTSIDE).udp(1000, 53, b"own"));
        }
        let quote = Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"question").bytes();
        lab.wan(&Packet::new(ROUTER_OUT, INSIDE).icmp_error(3, 1, 0, &quote));
        lab.compare_tool("ip6tables-save -c -t mangle");
    })
}
