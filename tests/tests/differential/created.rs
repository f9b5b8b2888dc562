//! Owns the scenarios of connections that an operator makes (`conntrack -I`) and changes: packets follow them as they do
//! in the kernel.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::{Packet, flags};

use crate::{FAR, INSIDE, INSIDE_2, OUTSIDE, ROUTER_OUT};

differential!(
    udp_follows,
    udp_is_translated,
    a_tuple_is_taken,
    tcp_follows,
    tcp_states,
    tcp_is_changed,
    sctp_follows,
    queries_and_others,
    zones,
    ipv6,
);

/// Only what connections have been made for passes; what is new by its mark alone. The nat table translates nothing.
const CLOSED: &str = "
    *nat
    -A POSTROUTING -o wan0 -p tcp --dport 9999 -j MASQUERADE
    COMMIT
    *filter
    :FORWARD DROP [0:0]
    -A FORWARD -m conntrack --ctstate INVALID -j DROP
    -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A FORWARD -m connmark --mark 7 -j ACCEPT
    COMMIT";

fn out() -> Packet {
    Packet::new(INSIDE, OUTSIDE)
}

fn back() -> Packet {
    Packet::new(OUTSIDE, INSIDE)
}

/// `conntrack -I` of INSIDE to OUTSIDE.
fn made(words: &str) -> String {
    format!("conntrack -I -s {INSIDE} -d {OUTSIDE} {words}")
}

fn udp_follows() -> Scenario {
    Scenario::new(CLOSED, |lab| {
        let ports = |source: u16| format!("-p udp --sport {source} --dport 53 -t 100");
        lab.tool(&made(&format!("{} -u SEEN_REPLY", ports(1000))));
        lab.tool(&made(&ports(1001)));
        lab.tool(&made(&format!("{} -m 7", ports(1002))));
        lab.tool(&made(&format!("{} -u ASSURED", ports(1003))));
        lab.tool(&made(&format!("{} -u SEEN_REPLY,ASSURED", ports(1004))));
        lab.compare_timeouts();
        for port in 1000..1006 {
            lab.lan(&out().udp(port, 53, b"question"));
        }
        lab.compare_timeouts();
        for port in 1000..1006 {
            lab.wan(&back().udp(53, port, b"answer"));
            lab.lan(&out().udp(port, 53, b"again"));
            lab.lan(&out().udp(port, 53, b"and again"));
        }
        lab.compare_timeouts();
        lab.compare_counters("filter");
    })
}

fn udp_is_translated() -> Scenario {
    Scenario::new(CLOSED, |lab| {
        let made = |words: &str| made(&format!("-p udp -t 100 -u SEEN_REPLY {words}"));
        lab.tool(&made(&format!("--sport 1000 --dport 53 -n {ROUTER_OUT}")));
        lab.tool(&made(&format!("--sport 1001 --dport 53 -n {ROUTER_OUT}:7001")));
        // As they are saved.
        let saved = "--sport 1002 --dport 53 --reply-port-src 53 --reply-port-dst 7002";
        lab.tool(&made(&format!("{saved} -r {OUTSIDE} -n {ROUTER_OUT}")));
        let saved = "--sport 1003 --dport 53 --reply-port-src 5353 --reply-port-dst 1003";
        lab.tool(&made(&format!("{saved} -g 192.168.1.1 -q {INSIDE}")));
        lab.tool(&made(&format!("--sport 1004 --dport 53 -g {FAR}:5300 -n {ROUTER_OUT}:7004")));
        for port in 1000..1005 {
            lab.lan(&out().udp(port, 53, b"question"));
        }
        for (from, source, to) in
            [(OUTSIDE, 53, 1000), (OUTSIDE, 53, 7001), (OUTSIDE, 53, 7002), (FAR, 5300, 7004)]
        {
            lab.wan(&Packet::new(from, ROUTER_OUT).udp(source, to, b"answer"));
        }
        lab.wan(&Packet::new("192.168.1.1", INSIDE).udp(5353, 1003, b"answer"));
        let quoted = Packet::new(ROUTER_OUT, FAR).udp(7004, 5300, b"question").bytes();
        lab.wan(&Packet::new(FAR, ROUTER_OUT).icmp_error(3, 3, 0, &quoted));
        lab.compare_counters("filter");
    })
}

/// What is there already, in either direction, or as the answer to another.
fn a_tuple_is_taken() -> Scenario {
    Scenario::new(CLOSED, |lab| {
        let made = |words: &str| made(&format!("-p udp -t 100 -u SEEN_REPLY {words}"));
        let ports = "--sport 1000 --dport 53";
        lab.tool(&made(&format!("{ports} -n {ROUTER_OUT}:7000")));
        let again = made(ports).replace("-I", "-A");
        lab.tool(&again);
        for words in [
            made(ports),
            format!(
                "conntrack -I -p udp -t 9 -s {INSIDE_2} -d {OUTSIDE} --sport 5 --dport 53 -n {ROUTER_OUT}:7000"
            ),
            format!(
                "conntrack -I -p udp -t 9 -s {OUTSIDE} -d {ROUTER_OUT} --sport 53 --dport 7000"
            ),
            format!("conntrack -I -p udp -t 9 -s {OUTSIDE} -d {INSIDE} --sport 53 --dport 1000"),
        ] {
            lab.compare_failure(&words);
        }
        // Another port is found where none is asked for, of the same class.
        lab.tool(&format!(
            "conntrack -I -p udp -t 100 -u SEEN_REPLY -s {INSIDE_2} -d {OUTSIDE} --sport 2000 --dport 53 -n {ROUTER_OUT}"
        ));
        lab.lan(&out().udp(1000, 53, b"question"));
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(2000, 53, b"question"));
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(53, 2000, b"answer"));
    })
}

fn tcp_follows() -> Scenario {
    Scenario::new(CLOSED, |lab| {
        use flags::{ACK, FIN, RST};
        let ports =
            |source: u16| format!("-p tcp --sport {source} --dport 80 --state ESTABLISHED -t 90");
        lab.tool(&made(&format!("{} -u SEEN_REPLY,ASSURED", ports(1000))));
        lab.tool(&made(&format!("{} -u SEEN_REPLY", ports(1001))));
        lab.tool(&made(&format!("{} -m 7", ports(1002))));
        lab.compare_timeouts();
        for port in [1000, 1001, 1002] {
            // No window is known, and none closes.
            lab.lan(&out().tcp((port, 80), ACK, 100, 900, b"question"));
            lab.wan(&back().tcp((80, port), ACK, 900, 108, b"answer"));
            lab.lan(&out().tcp((port, 80), ACK, 4_000_000, 900, b"from elsewhere"));
            lab.wan(&back().tcp((80, port), ACK, 77, 1_000_000_000, b"likewise"));
        }
        lab.compare_timeouts();
        lab.lan(&out().tcp((1000, 80), FIN | ACK, 108, 906, b""));
        lab.wan(&back().tcp((80, 1000), FIN | ACK, 906, 109, b""));
        lab.lan(&out().tcp((1000, 80), ACK, 109, 907, b""));
        lab.wan(&back().tcp((80, 1001), RST | ACK, 906, 108, b""));
        lab.compare_timeouts();
        lab.compare_counters("filter");
    })
}

/// A segment of each kind meets each state.
fn tcp_states() -> Scenario {
    Scenario::new(CLOSED, |lab| {
        use flags::{ACK, FIN, RST, SYN};
        let states = [
            "NONE",
            "SYN_SENT",
            "SYN_RECV",
            "ESTABLISHED",
            "FIN_WAIT",
            "CLOSE_WAIT",
            "LAST_ACK",
            "TIME_WAIT",
            "CLOSE",
            "SYN_SENT2",
        ];
        for (number, state) in states.into_iter().enumerate() {
            let first = 1000 + 20 * number as u16;
            for (port, flags) in (first..).zip([SYN, SYN | ACK, ACK, FIN | ACK, RST]) {
                for (port, status) in [(port, "SEEN_REPLY"), (port + 10, "UNSET")] {
                    lab.tool(&made(&format!(
                        "-p tcp --sport {port} --dport 80 --state {state} -t 90 -u {status} -m 7"
                    )));
                    lab.note(&format!(": {state} {flags:#x} {status}"));
                    lab.lan(&out().tcp((port, 80), flags, 100, 900, b""));
                    lab.wan(&back().tcp((80, port), flags, 900, 101, b""));
                }
            }
        }
        lab.compare_timeouts();
    })
}

fn tcp_is_changed() -> Scenario {
    Scenario::new(crate::conntrack::STATEFUL, |lab| {
        use flags::{ACK, SYN};
        for port in [1000, 1001, 1002, 1003] {
            lab.lan(&out().tcp((port, 80), SYN, 100, 0, b""));
            lab.wan(&back().tcp((80, port), SYN | ACK, 900, 101, b""));
            lab.lan(&out().tcp((port, 80), ACK, 101, 901, b""));
        }
        let change = |port: u16, words: &str| {
            format!(
                "conntrack -U -s {INSIDE} -d {OUTSIDE} -p tcp --sport {port} --dport 80 {words}"
            )
        };
        lab.tool(&change(1001, "-t 4000"));
        lab.tool(&change(1002, "--state CLOSE"));
        lab.tool(&change(1003, "--state SYN_SENT -t 70"));
        lab.compare_timeouts();
        for port in [1000, 1001, 1002, 1003] {
            lab.lan(&out().tcp((port, 80), ACK, 9_000_000, 901, b"from elsewhere"));
            lab.wan(&back().tcp((80, port), ACK, 901, 101, b"answer"));
            lab.lan(&out().tcp((port, 80), SYN, 70_000, 0, b""));
        }
        lab.compare_timeouts();
    })
}

fn sctp_follows() -> Scenario {
    Scenario::new(CLOSED, |lab| {
        let data = [0, 3, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
        lab.tool(&made(
            "-p sctp --sport 1000 --dport 80 --state ESTABLISHED --orig-vtag 5 --reply-vtag 6 -t 90 -u SEEN_REPLY",
        ));
        lab.compare_timeouts();
        for tag in [0x0500_0000, 0x0600_0000, 5, 6] {
            lab.lan(&out().sctp((1000, 80), tag, &data));
            lab.wan(&back().sctp((80, 1000), tag, &data));
        }
        lab.compare_timeouts();
    })
}

fn queries_and_others() -> Scenario {
    Scenario::new(CLOSED, |lab| {
        lab.tool(&made("-p icmp --icmp-type 8 --icmp-code 0 --icmp-id 5 -t 90 -u SEEN_REPLY"));
        let translated = format!(
            "-p icmp --icmp-type 8 --icmp-code 0 --icmp-id 6 -t 90 -u SEEN_REPLY -n {ROUTER_OUT}"
        );
        lab.tool(&made(&translated));
        lab.tool(&made("-p 253 -t 90 -m 7"));
        lab.compare_timeouts();
        for id in [5, 6, 7] {
            lab.lan(&out().ping(id, 1, b"ping"));
        }
        lab.wan(&back().pong(5, 1, b"ping"));
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).pong(6, 1, b"ping"));
        lab.lan(&out().raw(253, b"anything"));
        lab.wan(&back().raw(253, b"anything"));
        lab.compare_timeouts();
    })
}

fn zones() -> Scenario {
    let rules = format!(
        "*raw
        -A PREROUTING -p udp --dport 54 -j CT --zone 5
        -A PREROUTING -p udp --sport 54 -j CT --zone 5
        -A PREROUTING -p udp --dport 55 -j CT --zone-orig 6
        COMMIT
        {CLOSED}"
    );
    Scenario::new(&rules, |lab| {
        let ports = |port: u16| format!("-p udp --sport 1000 --dport {port} -t 90 -u SEEN_REPLY");
        lab.tool(&made(&format!("{} -w 5", ports(54))));
        lab.tool(&made(&format!("{} --orig-zone 6", ports(55))));
        lab.tool(&made(&format!("{} -w 9", ports(53))));
        lab.compare_timeouts();
        for port in [53, 54, 55] {
            lab.lan(&out().udp(1000, port, b"question"));
            lab.wan(&back().udp(port, 1000, b"answer"));
        }
        lab.compare_timeouts();
    })
}

fn ipv6() -> Scenario {
    let rules = "
        *nat
        -A POSTROUTING -o wan0 -p tcp --dport 9999 -j MASQUERADE
        COMMIT
        *filter
        :FORWARD DROP [0:0]
        -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        COMMIT";
    Scenario::new_v6(rules, |lab| {
        let made = "conntrack -I -s fd00:1::2 -d fd00:2::9 -t 90 -u SEEN_REPLY";
        lab.tool(&format!("{made} -p udp --sport 1000 --dport 53"));
        lab.tool(&format!("{made} -p udp --sport 1001 --dport 53 -n [fd00:2::1]:7001"));
        lab.compare_timeouts();
        for port in [1000, 1001, 1002] {
            lab.lan(&Packet::new("fd00:1::2", "fd00:2::9").udp(port, 53, b"question"));
        }
        lab.wan(&Packet::new("fd00:2::9", "fd00:2::1").udp(53, 7001, b"answer"));
        lab.wan(&Packet::new("fd00:2::9", "fd00:1::2").udp(53, 1000, b"answer"));
        lab.compare_timeouts();
    })
}
