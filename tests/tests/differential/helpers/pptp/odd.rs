//! What goes wrong, or otherwise than usual.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario, Seen};
use sluice_tests::frame::Packet;
use sluice_tests::frame::flags::{ACK, PSH, RST};

use super::super::{INWARDS, MASQUERADED, PLAIN};
use super::*;
use crate::{FAR, INSIDE_2, OUTSIDE, ROUTER_OUT};

differential!(
    refused,
    out_of_turn,
    malformed,
    cut_into_segments,
    in_fragments,
    another_call,
    said_twice,
    one_end_alone_translated,
    other_messages,
    dropped_by_a_rule,
    without_its_gre,
    errors,
    errors_masqueraded,
    names_and_marks,
    in_a_zone
);

fn refused() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        for ends in [MASQUERADED, INWARDS] {
            let mut control = begin(lab, ends, PORT);
            control.client(lab, &about(OUTGOING_REQUEST, &[CLIENT, 1], 0));
            control.server(lab, &about(OUTGOING_REPLY, &[SERVER, PORT], 7));
            lab.compare_expectations();
            // Once refused, it is not granted.
            control.server(lab, &about(OUTGOING_REPLY, &[SERVER, PORT], 1));
            control.server(lab, &about(INCOMING_REQUEST, &[SERVER, 1], 0));
            control.client(lab, &about(INCOMING_REPLY, &[CLIENT, SERVER], 3));
            control.server(lab, &about(INCOMING_CONNECTED, &[CLIENT], 0));
            lab.compare_expectations();
            from_client(lab, ends);
            lab.tool("conntrack -F");
        }
        // A session that was refused, and one that has ended.
        let mut control = Control::connect(lab, MASQUERADED, PORT, 1723);
        control.client(lab, &message(START_REQUEST, &[1, 0]));
        control.server(lab, &message(START_REPLY, &[1, 0, 4]));
        control.client(lab, &about(OUTGOING_REQUEST, &[CLIENT, 1], 0));
        control.server(lab, &message(START_REPLY, &[1, 0, 1]));
        control.client(lab, &message(STOP_REQUEST, &[1]));
        control.client(lab, &about(OUTGOING_REQUEST, &[CLIENT, 1], 0));
        control.server(lab, &message(STOP_REPLY, &[1]));
        control.server(lab, &message(START_REPLY, &[1, 0, 1]));
        control.client(lab, &message(START_REQUEST, &[1, 0]));
        control.server(lab, &message(START_REPLY, &[1, 0, 1]));
        control.client(lab, &about(OUTGOING_REQUEST, &[CLIENT, 1], 0));
        control.server(lab, &about(OUTGOING_REPLY, &[SERVER, PORT], 1));
        lab.compare_expectations();
    })
}

/// Messages that nobody waits for, from the wrong end, about calls that there are not.
fn out_of_turn() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        let mut control = begin(lab, MASQUERADED, PORT);
        control.server(lab, &about(OUTGOING_REPLY, &[SERVER, PORT], 1));
        control.client(lab, &about(INCOMING_REPLY, &[CLIENT, SERVER], 1));
        control.server(lab, &about(INCOMING_CONNECTED, &[CLIENT], 0));
        for number in 0..17 {
            control.client(lab, &about(number, &[0x0404, 0x0505], 1));
            control.server(lab, &about(number, &[0x0505, 0x0404], 1));
        }
        lab.compare_expectations();
        control.client(lab, &about(OUTGOING_REQUEST, &[CLIENT, 1], 0));
        control.server(lab, &about(OUTGOING_REPLY, &[SERVER, CLIENT], 1));
        lab.compare_expectations();
        // The server asks, and the client grants.
        let mut control = begin(lab, INWARDS, PORT);
        control.server(lab, &about(OUTGOING_REQUEST, &[CLIENT, 1], 0));
        control.client(lab, &about(OUTGOING_REPLY, &[SERVER, CLIENT], 1));
        lab.compare_expectations();
    })
}

fn malformed() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        let mut control = begin(lab, MASQUERADED, PORT);
        let request = about(OUTGOING_REQUEST, &[CLIENT, 1], 0);
        for at in [2, 3, 4, 7, 8, 9] {
            let mut bytes = request.clone();
            bytes[at] ^= 0x20;
            control.client(lab, &bytes);
        }
        // Its length, and what is reserved, are not looked at.
        for at in [0, 1, 10, 11] {
            let mut bytes = request.clone();
            bytes[at] ^= 0x20;
            control.client(lab, &bytes);
        }
        for length in [0, 1, 3, 7, 8, 11, 12, 13, 14, 100, 167] {
            control.client(lab, &request[..length]);
        }
        control.client(lab, &[&request[..], b"and more"].concat());
        control.client(lab, &[b" ", &request[..]].concat());
        let reply = about(OUTGOING_REPLY, &[SERVER, PORT], 1);
        for length in [12, 14, 16, 17, 31] {
            control.server(lab, &reply[..length]);
            lab.compare_expectations();
        }
        control.server(lab, &[reply, about(DISCONNECTED, &[SERVER], 0)].concat());
        lab.compare_expectations();
    })
}

/// A message in two segments is none.
fn cut_into_segments() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        let mut control = begin(lab, MASQUERADED, PORT);
        let request = about(OUTGOING_REQUEST, &[CLIENT, 1], 0);
        control.client(lab, &request[..20]);
        control.client(lab, &request[20..]);
        control.client(lab, &request);
        let reply = about(OUTGOING_REPLY, &[SERVER, PORT], 1);
        control.server(lab, &reply[..31]);
        control.server(lab, &reply[31..]);
        lab.compare_expectations();
        // Two in one: the first counts.
        control.server(lab, &[message(6, b"id"), reply].concat());
        lab.compare_expectations();
    })
}

fn in_fragments() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        let mut control = begin(lab, MASQUERADED, PORT);
        for lengths in [&[24, 8][..], &[32], &[96]] {
            let request = about(OUTGOING_REQUEST, &[CLIENT, 1], 0);
            let (next, ack) = (control.client.next, control.client.heard);
            let packet = Packet::new(control.ends.client, control.ends.server_seen);
            let packet = packet.tcp((PORT, 1723), PSH | ACK, next, ack, &request);
            for part in packet.id(0x4321).fragments(lengths) {
                lab.lan(&part);
            }
            control.client.next += request.len() as u32;
            control.server.heard = control.client.next;
        }
        let reply = about(OUTGOING_REPLY, &[SERVER, PORT], 1);
        let (next, ack) = (control.server.next, control.server.heard);
        let packet = Packet::new(control.ends.server, control.ends.client_seen);
        let packet = packet.tcp((1723, PORT), PSH | ACK, next, ack, &reply);
        for part in packet.fragments(&[24, 8]) {
            lab.wan(&part);
        }
        lab.compare_expectations();
        let client = Packet::new(control.ends.client, control.ends.server_seen);
        for part in gre(client, SERVER).fragments(&[8]) {
            lab.lan(&part);
        }
        let server = Packet::new(control.ends.server, control.ends.client_seen);
        for part in gre(server, PORT).fragments(&[8]) {
            lab.wan(&part);
        }
    })
}

/// A second call on the same connection, which the kernel does not follow.
fn another_call() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        for ends in [PLAIN, INWARDS] {
            // Whom nobody translates: from outside.
            let ends =
                Ends { client_seen: if ends.outwards { ROUTER_OUT } else { OUTSIDE }, ..ends };
            for gre_between in [false, true] {
                let mut control = call(lab, ends, PORT);
                if gre_between {
                    from_client(lab, ends);
                    from_server(lab, ends, PORT);
                }
                control.client(lab, &about(OUTGOING_REQUEST, &[0x0202, 2], 0));
                let seen = if ends.are_translated() { PORT } else { 0x0202 };
                control.server(lab, &about(OUTGOING_REPLY, &[0x0303, seen], 1));
                lab.compare_expectations();
                ends.by_client(lab, |packet| gre(packet, 0x0303));
                from_client(lab, ends);
                from_server(lab, ends, PORT);
                control.server(lab, &about(DISCONNECTED, &[0x0303], 0));
                lab.compare_timeouts();
                lab.tool("conntrack -F");
            }
        }
    })
}

fn said_twice() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        let mut control = begin(lab, MASQUERADED, PORT);
        let before = control.client;
        control.client(lab, &about(OUTGOING_REQUEST, &[CLIENT, 1], 0));
        control.client = before;
        control.client(lab, &about(OUTGOING_REQUEST, &[CLIENT, 1], 0));
        for _ in 0..2 {
            let before = control.server;
            control.server(lab, &about(OUTGOING_REPLY, &[SERVER, PORT], 1));
            lab.compare_expectations();
            control.server = before;
        }
        from_client(lab, MASQUERADED);
        from_server(lab, MASQUERADED, PORT);
        // It is expected once more.
        control.server(lab, &about(OUTGOING_REPLY, &[SERVER, PORT], 1));
        lab.compare_expectations();
        from_server(lab, MASQUERADED, PORT);
        lab.compare_expectations();
    })
}

/// Rules translate either the control connection or GRE.
fn one_end_alone_translated() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        lab.load_rules(&rules("*nat\n-A POSTROUTING -o wan0 -p gre -j MASQUERADE\nCOMMIT"));
        call(lab, PLAIN, PORT);
        from_client(lab, PLAIN);
        PLAIN.by_server(lab, |packet| gre(packet, CLIENT));
        MASQUERADED.by_server(lab, |packet| gre(packet, CLIENT));
        lab.tool("conntrack -F");
        lab.load_rules(&rules(
            "*nat\n-A POSTROUTING -o wan0 -p tcp -j MASQUERADE --to-ports 4660\nCOMMIT",
        ));
        call(lab, MASQUERADED, PORT);
        from_client(lab, MASQUERADED);
        from_server(lab, MASQUERADED, PORT);
        let mut control = begin(
            lab,
            Ends { client: INSIDE_2, server: FAR, server_seen: FAR, ..MASQUERADED },
            PORT,
        );
        control.client(lab, &about(OUTGOING_REQUEST, &[CLIENT, 1], 0));
    })
}

fn other_messages() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        for ends in [MASQUERADED, INWARDS] {
            let mut control = call(lab, ends, PORT);
            from_client(lab, ends);
            from_server(lab, ends, PORT);
            for number in [5, 6, 14, 15] {
                control.client(lab, &about(number, &[SERVER, 0], 0));
                control.server(lab, &about(number, &[PORT, 0], 0));
            }
            control.client(lab, &about(CLEAR_REQUEST, &[CLIENT], 0));
            control.client(lab, &message(STOP_REQUEST, &[1]));
            control.server(lab, &message(STOP_REPLY, &[1]));
            from_server(lab, ends, PORT);
            control.close(lab);
            from_client(lab, ends);
            lab.tool("conntrack -F");
        }
    })
}

/// Who is dropped has met what was expected all the same.
fn dropped_by_a_rule() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        for ends in [MASQUERADED, INWARDS] {
            let mut control = call(lab, ends, PORT);
            lab.load_rules(&translated("-A FORWARD -p gre -j DROP"));
            from_client(lab, ends);
            lab.compare_expectations();
            lab.load_rules(&translated(""));
            from_client(lab, ends);
            from_server(lab, ends, PORT);
            // Said again, it is expected again.
            control.server(lab, &about(OUTGOING_REPLY, &[SERVER, PORT], 1));
            lab.compare_expectations();
            from_server(lab, ends, PORT);
            from_client(lab, ends);
            lab.tool("conntrack -F");
        }
    })
}

/// With the connection of GRE goes what is known of its keys.
fn without_its_gre() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        for ends in [MASQUERADED, INWARDS] {
            call(lab, ends, PORT);
            from_client(lab, ends);
            from_server(lab, ends, PORT);
            lab.tool("conntrack -D -p gre");
            from_server(lab, ends, PORT);
            from_client(lab, ends);
            lab.tool("conntrack -F");
        }
        let seen = from_client(lab, PLAIN);
        assert!(!seen.is_empty(), "GRE without any control connection");
    })
}

/// Errors from both ends about what has come out there.
fn wrong(lab: &mut Lab, ends: Ends) {
    call(lab, ends, PORT);
    let out = from_client(lab, ends);
    let back = from_server(lab, ends, PORT);
    let quote = |seen: &[Seen]| seen.first().map(|seen| seen.packet().to_vec()).unwrap_or_default();
    let (out, back) = (quote(&out), quote(&back));
    for length in [40, 28, 27] {
        ends.by_server(lab, |packet| packet.icmp_error(3, 1, 0, &out[..length.min(out.len())]));
        ends.by_client(lab, |packet| packet.icmp_error(3, 1, 0, &back[..length.min(back.len())]));
    }
}

fn errors() -> Scenario {
    Scenario::new(&rules(""), |lab| wrong(lab, PLAIN))
}

fn errors_masqueraded() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        wrong(lab, MASQUERADED);
        lab.tool("conntrack -F");
        wrong(lab, INWARDS);
    })
}

fn names_and_marks() -> Scenario {
    let rules = format!(
        "*raw
        -A PREROUTING -p tcp --dport 1723 -j CT --helper pptp
        COMMIT
        {NAT}
        *mangle
        -A PREROUTING -p tcp --dport 1723 -j CONNMARK --set-mark 7
        -A FORWARD -m connmark --mark 7 -m helper --helper pptp -j TOS --set-tos 0x1c
        COMMIT
        *filter
        -A INPUT -j DROP
        -A FORWARD -m helper --helper pptp
        -A FORWARD -m helper --helper pptp-1723
        -A FORWARD -p gre -m connmark --mark 7
        -A FORWARD -p gre -m conntrack --ctproto gre --ctstate DNAT,SNAT
        -A FORWARD -p gre -m conntrack --ctstatus EXPECTED -j ACCEPT
        -A FORWARD -p tcp -j ACCEPT
        -A FORWARD -j DROP
        COMMIT"
    );
    Scenario::new(&rules, |lab| {
        for ends in [MASQUERADED, INWARDS] {
            from_client(lab, ends);
            call(lab, ends, PORT);
            from_client(lab, ends);
            from_server(lab, ends, PORT);
            lab.compare_counters("filter");
            lab.tool("conntrack -F");
        }
    })
}

fn in_a_zone() -> Scenario {
    let rules = format!(
        "*raw
        -A PREROUTING -j CT --zone 5
        -A PREROUTING -p tcp --dport 1723 -j CT --zone 5 --helper pptp
        COMMIT
        {STATES}
        {NAT}"
    );
    Scenario::new(&rules, |lab| {
        for ends in [MASQUERADED, INWARDS] {
            let mut control = call(lab, ends, PORT);
            lab.compare_expectations();
            from_server(lab, ends, PORT);
            from_client(lab, ends);
            control.server(lab, &about(DISCONNECTED, &[SERVER], 0));
            from_client(lab, ends);
            // A reset ends it as well.
            let next = control.client.next;
            ends.by_client(lab, |packet| packet.tcp((PORT, 1723), RST | ACK, next, 0, b""));
        }
    })
}
