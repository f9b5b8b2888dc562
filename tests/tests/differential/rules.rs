//! Owns the scenarios of the rule language: matches, chains, verdicts, refusals.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN, ROUTER_OUT};

differential!(
    matches,
    user_chains,
    tables_in_order,
    tables_without_rules,
    groups,
    refusals,
    refusals_of_the_odd,
    local_chains
);

fn matches() -> Scenario {
    let rules = "
        *filter
        :FORWARD DROP [0:0]
        -A FORWARD -s 10.1.0.3 -j DROP
        -A FORWARD -p tcp --dport 22:25 -j ACCEPT
        -A FORWARD -p tcp --sport 1024: ! --dport 80 -d 198.51.100.0/24 -j ACCEPT
        -A FORWARD ! -d 198.51.100.0/24 ! -i wan0 -p udp --dport 53 -j ACCEPT
        -A FORWARD -p icmp --icmp-type echo-request -j ACCEPT
        -A FORWARD -p icmp --icmp-type 3/1 -j ACCEPT
        -A FORWARD -i w+ -o lan0 -p udp --sport 53 -j ACCEPT
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in [21, 22, 25, 26] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, port), flags::SYN, 1, 0, b""));
            lab.lan(&Packet::new(INSIDE_2, OUTSIDE).tcp((1000, port), flags::SYN, 1, 0, b""));
        }
        for (from, to) in [(1023, 81), (1024, 81), (1024, 80), (65535, 1)] {
            lab.lan(&Packet::new(INSIDE, FAR).tcp((from, to), flags::SYN, 1, 0, b""));
        }
        for destination in [FAR, OUTSIDE] {
            lab.lan(&Packet::new(INSIDE, destination).udp(1000, 53, b"question"));
        }
        lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(53, 1000, b"answer"));
        lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(1000, 53, b"question"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).ping(7, 1, b"echo"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).pong(7, 1, b"echo"));
        let inner = Packet::new(OUTSIDE, INSIDE).udp(1, 2, b"x").bytes();
        for code in [0, 1, 2] {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).icmp_error(3, code, 0, &inner));
        }
        // Later fragments have no ports to match.
        for part in Packet::new(INSIDE, OUTSIDE).udp(1000, 53, &[7; 64]).fragments(&[40]) {
            lab.lan(&part);
        }
    })
}

fn user_chains() -> Scenario {
    let rules = "
        *filter
        :FORWARD DROP [0:0]
        :WEB - [0:0]
        :INNER - [0:0]
        -A FORWARD -p tcp -j WEB
        -A FORWARD -p tcp --dport 81 -j ACCEPT
        -A FORWARD -p udp -j RETURN
        -A FORWARD -p udp -j ACCEPT
        -A WEB -p tcp --dport 80 -j ACCEPT
        -A WEB -p tcp --dport 81 -j RETURN
        -A WEB -j INNER
        -A WEB -p tcp --dport 83 -j ACCEPT
        -A INNER -p tcp --dport 82 -j ACCEPT
        -A INNER -p tcp --dport 83 -j RETURN
        -A INNER -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in 80..85 {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, port), flags::SYN, 1, 0, b""));
        }
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"to the policy"));
    })
}

/// ACCEPT ends one table only; DROP ends all.
fn tables_in_order() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -p udp --dport 1 -j DROP
        -A PREROUTING -p udp --dport 2 -j ACCEPT
        COMMIT
        *mangle
        -A PREROUTING -p udp --dport 2 -j DROP
        -A FORWARD -p udp --dport 3 -j DROP
        -A POSTROUTING -p udp --dport 4 -j DROP
        -A PREROUTING -j ACCEPT
        COMMIT
        *nat
        -A PREROUTING -p udp --dport 5 -j DNAT --to-destination 192.168.1.9:6
        -A PREROUTING -p udp --dport 7 -j DNAT --to-destination 192.168.1.9:8
        COMMIT
        *filter
        -A FORWARD -p udp --dport 5 -j DROP
        -A FORWARD -p udp --dport 8 -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
        for port in 1..10 {
            lab.lan(&Packet::new(INSIDE, FAR).udp(1000, port, b"which table"));
        }
    })
}

const REFUSALS: &str = "
    *filter
    -A FORWARD -p udp --dport 1 -j REJECT
    -A FORWARD -p udp --dport 2 -j REJECT --reject-with icmp-net-unreachable
    -A FORWARD -p udp --dport 3 -j REJECT --reject-with icmp-host-unreachable
    -A FORWARD -p udp --dport 4 -j REJECT --reject-with icmp-proto-unreachable
    -A FORWARD -p udp --dport 5 -j REJECT --reject-with icmp-net-prohibited
    -A FORWARD -p udp --dport 6 -j REJECT --reject-with icmp-host-prohibited
    -A FORWARD -p udp --dport 7 -j REJECT --reject-with icmp-admin-prohibited
    -A FORWARD -p tcp --dport 8 -j REJECT --reject-with tcp-reset
    -A FORWARD -j REJECT
    -A INPUT -p tcp --dport 8 -j REJECT --reject-with tcp-reset
    -A INPUT -p udp --dport 9 -j REJECT --reject-with icmp-host-prohibited
    COMMIT";

fn refusals() -> Scenario {
    Scenario::new(REFUSALS, |lab| {
        use flags::{ACK, FIN, RST, SYN};
        for port in 1..8 {
            lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, port, b"refused"));
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
            lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 8), first, 500, ack, data));
        }
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 80), SYN, 1, 0, b"").tos(0x10));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).ping(7, 1, b"echo"));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(99, &[7; 900]));
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).tcp((1000, 8), SYN, 500, 0, b""));
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(1000, 9, b"refused"));
    })
}

/// What must not be answered.
fn refusals_of_the_odd() -> Scenario {
    Scenario::new(REFUSALS, |lab| {
        let inner = Packet::new(OUTSIDE, INSIDE).udp(1, 2, b"x").bytes();
        lab.lan(&Packet::new(INSIDE, OUTSIDE).icmp_error(3, 3, 0, &inner));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 1, b"spoilt").spoil(9));
        lab.lan(&Packet::new(INSIDE, OUTSIDE).tcp((1000, 8), flags::SYN, 1, 0, b"").spoil(15));
        for part in Packet::new(INSIDE, OUTSIDE).udp(1000, 1, &[7; 64]).fragments(&[40]) {
            lab.lan(&part);
        }
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).udp(1000, 9, b"answered").ttl(1));
        for all in ["10.1.255.255", "192.168.1.255", "255.255.255.255"] {
            lab.lan(&Packet::new(INSIDE, all).udp(1000, 9, b"for all hosts"));
            lab.lan(&Packet::new(INSIDE, all).tcp((1000, 8), flags::SYN, 1, 0, b""));
            lab.lan(&Packet::new(INSIDE, all).raw(99, b"for all hosts"));
        }
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 1, b"too old to be refused").ttl(1));
    })
}

/// What the router sends by itself passes OUTPUT and POSTROUTING.
fn local_chains() -> Scenario {
    let rules = "
        *filter
        -A INPUT -p icmp --icmp-type echo-request -s 10.1.0.3 -j DROP
        -A OUTPUT -p icmp --icmp-type echo-reply -d 192.168.1.9 -j DROP
        -A OUTPUT -p icmp --icmp-type port-unreachable -d 10.1.0.3 -j DROP
        -A OUTPUT -p icmp --icmp-type time-exceeded -d 10.1.0.3 -j DROP
        -A OUTPUT -p tcp --sport 22 -j DROP
        COMMIT";
    Scenario::new(rules, |lab| {
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

/// A table that a dump declares counts what passes it, whether it has rules or not; nat connections, where some rule tracks
/// them. It makes room for clashing sources too.
fn tables_without_rules() -> Scenario {
    let empty = "
        *raw
        :PREROUTING ACCEPT [7:70]
        :OUTPUT ACCEPT [0:0]
        COMMIT
        *mangle
        :PREROUTING ACCEPT [0:0]
        :INPUT ACCEPT [0:0]
        :FORWARD ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        COMMIT
        *nat
        :PREROUTING ACCEPT [0:0]
        :INPUT ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        COMMIT
        *security
        :INPUT ACCEPT [0:0]
        :FORWARD ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        COMMIT
        *filter
        :INPUT - [0:0]
        :FORWARD ACCEPT [0:0]
        :OUTPUT - [0:0]
        COMMIT";
    Scenario::new(empty, |lab| {
        for _ in 0..2 {
            for n in 0..3 {
                lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000 + n, 53, b"question"));
                lab.wan(&Packet::new(OUTSIDE, INSIDE).udp(53, 1000 + n, b"answer"));
            }
            lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(7, 1, b"echo"));
            lab.lan(&Packet::new(INSIDE, ROUTER_IN).udp(1000, 53, b"nobody"));
            for table in ["raw", "mangle", "nat", "security", "filter"] {
                lab.compare_counters(table);
            }
            lab.tool("iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP");
        }
    })
}

/// What is sent to a multicast group that nobody here listens to ends before INPUT.
fn groups() -> Scenario {
    let rules = "
        *mangle
        :PREROUTING ACCEPT [0:0]
        COMMIT
        *filter
        :INPUT ACCEPT [0:0]
        -A INPUT -d 224.0.0.1
        -A INPUT -d 224.0.0.5
        -A INPUT -d 239.1.2.3
        -A INPUT -m conntrack --ctstate NEW -m pkttype --pkt-type multicast
        COMMIT";
    Scenario::new(rules, |lab| {
        for group in ["224.0.0.1", "224.0.0.2", "224.0.0.5", "224.0.0.251", "239.1.2.3"] {
            for source in [INSIDE, "0.0.0.0", OUTSIDE, ROUTER_IN, ROUTER_OUT, "10.1.255.255"] {
                lab.lan(&Packet::new(source, group).udp(5353, 5353, b"who is"));
                lab.lan(&Packet::new(source, group).raw(89, b"hello"));
            }
        }
        for source in [INSIDE, "0.0.0.0", OUTSIDE, ROUTER_IN, ROUTER_OUT, "127.0.0.1", "224.0.0.9"]
        {
            lab.lan(&Packet::new(source, "255.255.255.255").udp(68, 67, b"broadcast"));
            lab.lan(&Packet::new(source, "10.1.255.255").udp(68, 67, b"broadcast"));
            lab.lan(&Packet::new(source, "224.0.0.1").raw(2, b"query"));
            lab.lan(&Packet::new(source, "239.1.2.3").raw(2, b"query"));
        }
        lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(7, 1, b"echo"));
        lab.compare_counters("mangle");
        lab.compare_counters("filter");
    })
}
