//! TFTP, and connections without a helper.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::Packet;

use super::{Control, Ends, INWARDS, MASQUERADED, PLAIN, PLAIN_V6, STATES, connect, rules};
use crate::{FAR, INSIDE_2, OUTSIDE, ROUTER_OUT};

differential!(plain, plain_v6, translated, without_a_rule, known_by_name);

/// A request and what comes of it; the server answers from port 7000.
fn transfer(lab: &mut Lab, ends: Ends, port: u16, request: &[u8]) {
    ends.by_client(lab, |packet| packet.udp(port, 69, request));
    for _ in 0..2 {
        ends.by_server(lab, |packet| packet.udp(7000, port, b"\x00\x03\x00\x01data"));
        ends.by_client(lab, |packet| packet.udp(port, 7000, b"\x00\x04\x00\x01"));
    }
    // Not from another port once it has answered.
    ends.by_server(lab, |packet| packet.udp(7001, port, b"\x00\x03\x00\x01data"));
}

const REQUEST: &[u8] = b"\x00\x01name\x00octet\x00";

fn transfers(lab: &mut Lab, ends: Ends) {
    transfer(lab, ends, 2000, REQUEST);
    transfer(lab, ends, 2001, b"\x00\x02name\x00octet\x00");
    for (port, other) in
        (2010..).zip([&b"\x00\x03\x00\x01"[..], b"\x01\x00name", b"\x00", b"\x00\x01"])
    {
        ends.by_client(lab, |packet| packet.udp(port, 69, other));
        ends.by_server(lab, |packet| packet.udp(7000, port, b"\x00\x03\x00\x01data"));
    }
    // Asked twice, the answer comes to the second; and an answer from the port that was asked.
    for _ in 0..2 {
        ends.by_client(lab, |packet| packet.udp(2005, 69, REQUEST));
    }
    ends.by_server(lab, |packet| packet.udp(69, 2005, b"\x00\x05\x00\x01no\x00"));
    transfer(lab, ends, 2005, REQUEST);
}

fn plain() -> Scenario {
    Scenario::new(&rules(""), |lab| transfers(lab, PLAIN))
}

fn plain_v6() -> Scenario {
    Scenario::new_v6(&rules(""), |lab| transfers(lab, PLAIN_V6))
}

fn translated() -> Scenario {
    let nat = "
        *nat
        -A PREROUTING -i wan0 -p udp --dport 69 -j DNAT --to-destination 10.1.0.2
        -A POSTROUTING -o wan0 -j MASQUERADE
        COMMIT
        *filter
        -A INPUT -j DROP
        COMMIT";
    Scenario::new(&rules(nat), |lab| {
        transfers(lab, MASQUERADED);
        transfers(lab, INWARDS);
        let far = Ends { server: FAR, server_seen: FAR, ..MASQUERADED };
        transfer(lab, far, 2000, REQUEST);
        // Another port outside, as that is taken.
        let seen = lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(2000, 69, REQUEST));
        let drawn = seen.first().map_or(0, |seen| seen.ports().0);
        lab.drawn(drawn, 2222);
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(7005, drawn, b"\x00\x03\x00\x01data"));
        lab.lan(&Packet::new(INSIDE_2, OUTSIDE).udp(2000, 7005, b"\x00\x04\x00\x01"));
    })
}

/// Nobody has a helper that no rule has given it.
fn without_a_rule() -> Scenario {
    let rules = format!(
        "*raw
        -A PREROUTING -p tcp --dport 2121 -j CT --helper ftp
        -A PREROUTING -p udp --dport 69 -s 10.1.0.3 -j CT --helper tftp
        COMMIT
        {STATES}"
    );
    Scenario::new(&rules, |lab| {
        let mut control = Control::open(lab, PLAIN, 4000);
        control.server(lab, "227 (192,168,1,9,4,1)\r\n");
        connect(lab, PLAIN, 6001, 1025, 1025);
        transfer(lab, PLAIN, 2000, REQUEST);
        transfer(lab, Ends { client: INSIDE_2, client_seen: INSIDE_2, ..PLAIN }, 2000, REQUEST);
    })
}

/// What passes through announces nothing to helpers of the gateway's own questions, or to those that are taken and not
/// followed.
fn known_by_name() -> Scenario {
    let rules = "
        *raw
        -A PREROUTING -p udp --dport 137 -j CT --helper netbios-ns
        -A PREROUTING -p udp --dport 162 -j CT --helper snmp_trap
        -A PREROUTING -p tcp --dport 1720 -j CT --helper Q.931
        COMMIT
        *filter
        -A FORWARD -m conntrack --ctstate NEW
        -A FORWARD -m conntrack --ctstate RELATED
        -A FORWARD -m conntrack --ctstate ESTABLISHED
        COMMIT";
    Scenario::new(rules, |lab| {
        for _ in 0..2 {
            PLAIN.by_client(lab, |packet| packet.udp(137, 137, b"\x00\x01\x01\x10name"));
            PLAIN.by_server(lab, |packet| packet.udp(137, 137, b"\x00\x01\x85\x00name"));
        }
        lab.lan(&Packet::new(INSIDE_2, FAR).tcp((2000, 1720), 2, 1, 0, b""));
        lab.compare_counters("filter");
        lab.compare_counters("raw");
    })
}
