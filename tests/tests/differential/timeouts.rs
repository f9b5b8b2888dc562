//! Owns the scenarios of timeout policies: what they follow packet by packet is how long connections have to live.

use std::time::Duration;

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, flags};

use crate::synproxy::greeted;
use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_IN};

differential!(
    through_the_states_of_tcp,
    a_life_cut_short,
    exchanges,
    only_those_who_met_it,
    the_first_rule_counts,
    in_a_zone_and_translated,
    behind_synproxy,
    v6_exchanges
);

/// Each more than some seconds from any other.
const POLICIES: &str = r#"
    [timeouts.tcp]
    protocol = "tcp"
    family = "ipv4"
    syn_sent = 1100
    syn_recv = 1200
    established = 9000
    fin_wait = 1300
    close_wait = 1400
    last_ack = 1500
    time_wait = 1600
    close = 1700
    syn_sent2 = 1800
    retrans = 5000
    unacknowledged = 6000
    [timeouts.udp]
    protocol = "udp"
    family = "ipv4"
    unreplied = 2100
    replied = 2200
    [timeouts.icmp]
    protocol = "icmp"
    family = "ipv4"
    timeout = 2300
    [timeouts.gre]
    protocol = "gre"
    family = "ipv4"
    unreplied = 2400
    replied = 2500
    [timeouts.any]
    protocol = "generic"
    family = "ipv4"
    timeout = 2600
    [timeouts.half]
    protocol = "udp"
    family = "ipv4"
    replied = 2700
    [timeouts.tcp6]
    protocol = "tcp"
    family = "ipv6"
    syn_recv = 3100
    established = 3200
    [timeouts.udp6]
    protocol = "udp"
    family = "ipv6"
    unreplied = 3300
    [timeouts.icmp6]
    protocol = "icmpv6"
    family = "ipv6"
    timeout = 3400
"#;

const ALL: &str = "
    -A PREROUTING -p tcp -j CT --timeout tcp
    -A PREROUTING -p udp -j CT --timeout udp
    -A PREROUTING -p icmp -j CT --timeout icmp
    -A PREROUTING -p gre -j CT --timeout gre
    -A PREROUTING -p 99 -j CT --timeout any";

fn scenario(raw: &str, more: &str, play: impl Fn(&mut Lab) + Sync + 'static) -> Scenario {
    let rules = format!(
        "*raw\n{raw}\nCOMMIT\n*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n{more}"
    );
    Scenario::new(&rules, play).with(|setup| setup.with_timeouts(POLICIES))
}

fn out() -> Packet {
    Packet::new(INSIDE, OUTSIDE)
}

fn back() -> Packet {
    Packet::new(OUTSIDE, INSIDE)
}

fn through_the_states_of_tcp() -> Scenario {
    scenario(ALL, "", |lab| {
        use flags::{ACK, FIN, SYN};
        let (ports, answer) = ((1000, 80), (80, 1000));
        let said = |lab: &mut Lab, from_inside: bool, flags, seq, ack, data: &[u8]| {
            match from_inside {
                true => lab.lan(&out().tcp(ports, flags, seq, ack, data)),
                false => lab.wan(&back().tcp(answer, flags, seq, ack, data)),
            };
            lab.compare_timeouts();
        };
        said(lab, true, SYN, 100, 0, b"");
        said(lab, true, SYN, 100, 0, b"");
        said(lab, false, SYN | ACK, 500, 101, b"");
        said(lab, true, ACK, 101, 501, b"");
        for round in 0..3 {
            said(lab, true, ACK, 101 + 4 * round, 501, b"data");
            said(lab, false, ACK, 501, 105 + 4 * round, b"");
        }
        // The same again and again.
        for _ in 0..4 {
            said(lab, false, ACK, 501, 113, b"");
        }
        said(lab, true, ACK, 113, 501, b"more");
        said(lab, false, ACK, 501, 117, b"");
        said(lab, true, FIN | ACK, 117, 501, b"");
        said(lab, false, ACK, 501, 118, b"");
        said(lab, false, FIN | ACK, 501, 118, b"");
        said(lab, true, ACK, 118, 502, b"");
    })
}

fn a_life_cut_short() -> Scenario {
    scenario(ALL, "", |lab| {
        use flags::{ACK, FIN, RST, SYN};
        for port in [1000, 1001, 1002] {
            lab.lan(&out().tcp((port, 80), SYN, 100, 0, b""));
            lab.wan(&back().tcp((80, port), SYN | ACK, 500, 101, b""));
            lab.lan(&out().tcp((port, 80), ACK, 101, 501, b""));
        }
        lab.compare_timeouts();
        lab.wan(&back().tcp((80, 1000), RST, 501, 0, b""));
        lab.compare_timeouts();
        // Both ends close outside the window: it need not rest for as long.
        lab.lan(&out().tcp((1001, 80), FIN | ACK, 900_101, 501, b""));
        lab.wan(&back().tcp((80, 1001), FIN | ACK, 900_501, 101, b""));
        lab.compare_timeouts();
        // A closed window.
        lab.wan(&back().tcp((80, 1002), ACK, 501, 101, b"").window(0));
        lab.compare_timeouts();
        // Picked up in midstream, and both ends opening at once.
        lab.lan(&out().tcp((1003, 80), ACK, 100, 200, b""));
        lab.lan(&out().tcp((3000, 3001), SYN, 100, 0, b""));
        lab.wan(&back().tcp((3001, 3000), SYN, 500, 0, b""));
        lab.compare_timeouts();
    })
}

fn exchanges() -> Scenario {
    scenario(ALL, "", |lab| {
        for _ in 0..2 {
            lab.lan(&out().udp(1000, 53, b"question"));
            lab.lan(&out().udp(1001, 53, b"never answered"));
            lab.lan(&out().ping(7, 1, b"question"));
            lab.lan(&out().raw(99, b"any protocol"));
            lab.lan(&out().raw(47, &[0; 8]));
            lab.lan(&Packet::new(INSIDE, ROUTER_IN).ping(8, 1, b"to the router"));
            lab.compare_timeouts();
            lab.wan(&back().udp(53, 1000, b"answer"));
            lab.wan(&back().pong(7, 1, b"question"));
            lab.wan(&back().raw(99, b"and back"));
            lab.wan(&back().raw(47, &[0; 8]));
            lab.compare_timeouts();
            lab.wait(Duration::from_millis(2200));
        }
    })
}

/// What a connection has it has from its first packet; the rule may be gone then, or come too late.
fn only_those_who_met_it() -> Scenario {
    scenario("-A PREROUTING -p udp --sport 1000 -j CT --timeout half", "", |lab| {
        let both = |lab: &mut Lab| {
            for port in [1000, 1001] {
                lab.lan(&out().udp(port, 53, b"question"));
                lab.wan(&back().udp(53, port, b"answer"));
            }
            lab.compare_timeouts();
        };
        both(lab);
        lab.load_rules("*raw\n-A PREROUTING -p udp --sport 1001 -j CT --timeout udp\nCOMMIT");
        lab.wait(Duration::from_millis(2200));
        both(lab);
        lab.load_rules("*raw\n-A PREROUTING -p udp -j CT --timeout udp\nCOMMIT");
        both(lab);
        lab.lan(&out().udp(1002, 53, b"question"));
        lab.lan(&Packet::new(INSIDE_2, FAR).udp(1000, 53, b"question"));
        lab.compare_timeouts();
    })
}

fn the_first_rule_counts() -> Scenario {
    let raw = "
        -A PREROUTING -p udp --sport 1000 -j CT --zone 5
        -A PREROUTING -p udp --sport 1001 -j CT --timeout udp
        -A PREROUTING -p udp -j CT --timeout half";
    scenario(raw, "", |lab| {
        for port in [1000, 1001, 1002] {
            lab.lan(&out().udp(port, 53, b"question"));
        }
        lab.compare_timeouts();
    })
}

fn in_a_zone_and_translated() -> Scenario {
    let raw = "
        -A PREROUTING -i lan0 -p tcp -j CT --timeout tcp --zone-orig 5
        -A PREROUTING -i lan0 -p udp -j CT --timeout udp --ctevents new";
    let nat = "*nat\n-A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.146\nCOMMIT\n";
    scenario(raw, nat, |lab| {
        use flags::{ACK, SYN};
        let router = || Packet::new(OUTSIDE, crate::ROUTER_OUT);
        lab.lan(&out().tcp((1000, 80), SYN, 100, 0, b""));
        lab.wan(&router().tcp((80, 1000), SYN | ACK, 500, 101, b""));
        lab.compare_timeouts();
        for round in 0..3 {
            lab.lan(&out().tcp((1000, 80), ACK, 101 + round, 501, b"x"));
            lab.wan(&router().tcp((80, 1000), ACK, 501, 102 + round, b""));
            lab.lan(&out().udp(1000, 53, b"question"));
            lab.wan(&router().udp(53, 1000, b"answer"));
        }
        lab.compare_timeouts();
        lab.wait(Duration::from_millis(2200));
        lab.lan(&out().udp(1000, 53, b"question"));
        lab.compare_timeouts();
    })
}

/// What SYNPROXY begins follows none: CT passes over its SYN.
fn behind_synproxy() -> Scenario {
    let rules = format!(
        "*raw
        -A PREROUTING -p tcp --syn -j CT --notrack
        {ALL}
        -A OUTPUT -p tcp -j CT --timeout tcp
        COMMIT
        *filter
        -A FORWARD -p tcp --dport 80 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY --mss 1400
        -A FORWARD -m conntrack --ctstate INVALID -j DROP
        COMMIT"
    );
    let scenario = Scenario::new(&rules, |lab| {
        use flags::{ACK, SYN};
        let (ports, answer) = ((1000, 80), (80, 1000));
        let greeting = greeted(lab, &out().tcp(ports, SYN, 100, 0, b"")).expect("greeted").seq;
        let ack = |seq, data: &[u8]| out().tcp(ports, ACK, seq, greeting.wrapping_add(1), data);
        lab.lan(&ack(101, b""));
        lab.compare_timeouts();
        lab.wan(&back().tcp(answer, SYN | ACK, 500, 101, b""));
        lab.compare_timeouts();
        lab.lan(&ack(101, b"data"));
        lab.wan(&back().tcp(answer, ACK, 501, 105, b""));
        lab.compare_timeouts();
    });
    scenario.with(|setup| {
        setup.with_timeouts(POLICIES).with_sysctl("net.netfilter.nf_conntrack_tcp_loose", 0)
    })
}

fn v6_exchanges() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -p tcp -j CT --timeout tcp6
        -A PREROUTING -p udp -j CT --timeout udp6
        -A PREROUTING -p icmpv6 -j CT --timeout icmp6
        COMMIT
        *filter
        -A FORWARD -m conntrack --ctstate INVALID -j DROP
        COMMIT";
    let scenario = Scenario::new_v6(rules, |lab| {
        use flags::{ACK, SYN};
        let (out, back) =
            (|| Packet::new("fd00:1::2", "fd00:2::9"), || Packet::new("fd00:2::9", "fd00:1::2"));
        lab.lan(&out().tcp((1000, 80), SYN, 100, 0, b""));
        lab.lan(&out().udp(1000, 53, b"question"));
        lab.lan(&out().ping(7, 1, b"question"));
        lab.compare_timeouts();
        lab.wan(&back().tcp((80, 1000), SYN | ACK, 500, 101, b""));
        lab.wan(&back().udp(53, 1000, b"answer"));
        lab.wan(&back().pong(7, 1, b"question"));
        lab.compare_timeouts();
        lab.lan(&out().tcp((1000, 80), ACK, 101, 501, b""));
        lab.compare_timeouts();
    });
    scenario.with(|setup| setup.with_timeouts(POLICIES))
}
