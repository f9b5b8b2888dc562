//! Calls as they are meant to be: from either end, translated, cleared, incoming, of two clients.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::flags::SYN;

use super::super::{INWARDS, MASQUERADED, PLAIN};
use super::*;
use crate::{FAR, INSIDE_2};

differential!(
    plain,
    masqueraded,
    to_a_server_inside,
    server_first,
    server_first_masqueraded,
    server_first_to_a_server_inside,
    cleared,
    cleared_masqueraded,
    over_with_its_control_connection,
    reopened,
    incoming,
    incoming_masqueraded,
    two_clients,
    two_clients_masqueraded,
    by_hand
);

fn both_ways(lab: &mut Lab, ends: Ends, port: u16) {
    for _ in 0..2 {
        from_client(lab, ends);
        from_client(lab, ends);
        from_server(lab, ends, port);
        lab.compare_timeouts();
    }
    // Another call between the same ends.
    ends.by_client(lab, |packet| gre(packet, 0x0101));
    ends.by_server(lab, |packet| gre(packet, 0x0101));
}

/// A call, and GRE that the client is the first to send.
fn client_begins(lab: &mut Lab, ends: Ends) {
    let mut control = call(lab, ends, PORT);
    lab.compare_expectations();
    both_ways(lab, ends, PORT);
    lab.compare_expectations();
    control.client(lab, &message(5, b"id"));
    control.server(lab, &message(6, b"id"));
}

fn server_begins(lab: &mut Lab, ends: Ends) {
    call(lab, ends, PORT);
    from_server(lab, ends, PORT);
    lab.compare_expectations();
    from_server(lab, ends, PORT);
    lab.compare_timeouts();
    both_ways(lab, ends, PORT);
}

fn plain() -> Scenario {
    Scenario::new(&rules(""), |lab| client_begins(lab, PLAIN))
}

fn masqueraded() -> Scenario {
    Scenario::new(&translated(""), |lab| client_begins(lab, MASQUERADED))
}

fn to_a_server_inside() -> Scenario {
    Scenario::new(&translated(""), |lab| client_begins(lab, INWARDS))
}

fn server_first() -> Scenario {
    Scenario::new(&rules(""), |lab| server_begins(lab, PLAIN))
}

fn server_first_masqueraded() -> Scenario {
    Scenario::new(&translated(""), |lab| server_begins(lab, MASQUERADED))
}

fn server_first_to_a_server_inside() -> Scenario {
    Scenario::new(&translated(""), |lab| server_begins(lab, INWARDS))
}

fn clearing(lab: &mut Lab, ends: Ends) {
    let mut control = call(lab, ends, PORT);
    from_client(lab, ends);
    from_server(lab, ends, PORT);
    control.client(lab, &about(CLEAR_REQUEST, &[CLIENT], 0));
    from_server(lab, ends, PORT);
    control.server(lab, &about(DISCONNECTED, &[SERVER, 0x0100], 0));
    lab.compare_timeouts();
    from_client(lab, ends);
    from_server(lab, ends, PORT);
    // Another, of which no GRE has come.
    control.client(lab, &about(OUTGOING_REQUEST, &[0x0202, 2], 0));
    let seen = if ends.are_translated() { PORT } else { 0x0202 };
    control.server(lab, &about(OUTGOING_REPLY, &[0x0303, seen], 1));
    lab.compare_expectations();
    control.server(lab, &about(DISCONNECTED, &[0x0303], 0));
    lab.compare_expectations();
    ends.by_client(lab, |packet| gre(packet, 0x0303));
    ends.by_server(lab, |packet| gre(packet, seen));
}

fn cleared() -> Scenario {
    Scenario::new(&rules(""), |lab| clearing(lab, PLAIN))
}

fn cleared_masqueraded() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        clearing(lab, MASQUERADED);
        lab.tool("conntrack -F");
        clearing(lab, INWARDS);
    })
}

fn over_with_its_control_connection() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        for ends in [MASQUERADED, INWARDS] {
            call(lab, ends, PORT);
            from_client(lab, ends);
            from_server(lab, ends, PORT);
            lab.tool("conntrack -D -p tcp --dport 1723");
            lab.compare_timeouts();
            from_client(lab, ends);
            from_server(lab, ends, PORT);
            lab.tool("conntrack -F");
            // With what is expected alone.
            call(lab, ends, PORT);
            lab.tool("conntrack -D -p tcp --dport 1723");
            lab.compare_expectations();
            from_server(lab, ends, PORT);
            lab.tool("conntrack -F");
        }
    })
}

/// The client's port is used again, and the session before is over.
fn reopened() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let mut control = call(lab, PLAIN, PORT);
        // GRE without calls between the same hosts goes too, when a control connection ends that has had no call.
        PLAIN.by_client(lab, |packet| packet.raw(47, &[0, 0, 8, 0, 1, 2, 3, 4]));
        from_client(lab, PLAIN);
        from_server(lab, PLAIN, PORT);
        control.close(lab);
        from_client(lab, PLAIN);
        let end = control.client.next + 10;
        PLAIN.by_client(lab, |packet| packet.tcp((PORT, 1723), SYN, end + 90_000, 0, b""));
        lab.compare_timeouts();
        from_client(lab, PLAIN);
        lab.tool("conntrack -D -p tcp --dport 1723");
    })
}

fn called(lab: &mut Lab, ends: Ends) {
    let mut control = begin(lab, ends, PORT);
    control.server(lab, &about(INCOMING_REQUEST, &[SERVER, 1], 0));
    control.client(lab, &about(INCOMING_REPLY, &[CLIENT, SERVER], 1));
    control.server(lab, &about(INCOMING_CONNECTED, &[CLIENT], 0));
    lab.compare_expectations();
    for _ in 0..2 {
        from_client(lab, ends);
        ends.by_server(lab, |packet| gre(packet, CLIENT));
    }
    control.server(lab, &about(DISCONNECTED, &[SERVER], 0));
    // An outgoing call before tells what the client's is taken for.
    control.client(lab, &about(OUTGOING_REQUEST, &[0x0202, 2], 0));
    control.server(lab, &about(INCOMING_REQUEST, &[SERVER, 1], 0));
    control.client(lab, &about(INCOMING_REPLY, &[CLIENT, SERVER], 1));
    control.server(lab, &about(INCOMING_CONNECTED, &[CLIENT], 0));
    lab.compare_expectations();
    ends.by_server(lab, |packet| gre(packet, CLIENT));
    from_client(lab, ends);
}

fn incoming() -> Scenario {
    Scenario::new(&rules(""), |lab| called(lab, PLAIN))
}

fn incoming_masqueraded() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        called(lab, MASQUERADED);
        lab.tool("conntrack -F");
        called(lab, INWARDS);
    })
}

fn two_clients() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let other = Ends { client: INSIDE_2, client_seen: INSIDE_2, ..PLAIN };
        let far = Ends { server: FAR, server_seen: FAR, ..PLAIN };
        for ends in [PLAIN, other, far] {
            call(lab, ends, PORT);
        }
        lab.compare_expectations();
        for ends in [PLAIN, other, far] {
            from_client(lab, ends);
            from_server(lab, ends, PORT);
        }
        // A second connection of the same client, with the same calls.
        let mut control = call(lab, PLAIN, PORT + 1);
        lab.compare_expectations();
        from_client(lab, PLAIN);
        control.server(lab, &about(DISCONNECTED, &[SERVER], 0));
        lab.compare_timeouts();
        from_client(lab, PLAIN);
        from_server(lab, PLAIN, PORT);
    })
}

fn two_clients_masqueraded() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        let other = Ends { client: INSIDE_2, ..MASQUERADED };
        let mut controls = [(MASQUERADED, PORT), (other, PORT + 1)].map(|(ends, port)| {
            let control = call(lab, ends, port);
            (ends, port, control)
        });
        lab.compare_expectations();
        for (ends, port, _) in &controls {
            from_server(lab, *ends, *port);
            from_client(lab, *ends);
            from_server(lab, *ends, *port);
        }
        lab.compare_timeouts();
        let (ends, port, control) = &mut controls[0];
        control.server(lab, &about(DISCONNECTED, &[SERVER], 0));
        from_client(lab, *ends);
        from_server(lab, *ends, *port);
        let (ends, port, _) = &controls[1];
        from_client(lab, *ends);
        from_server(lab, *ends, *port);
    })
}

/// What is expected is found and taken away by its keys.
fn by_hand() -> Scenario {
    Scenario::new(&translated(""), |lab| {
        call(lab, MASQUERADED, PORT);
        let ends = "expect -p gre -s 10.1.0.2 -d 192.168.1.9";
        let keys = "--srckey 0x707 --dstkey 0x909 --reply-key-src 0 --reply-key-dst 0";
        lab.tool(&format!("conntrack -G {ends} {keys}"));
        lab.compare_failure(&format!("conntrack -G {ends}"));
        lab.compare_failure(&format!("conntrack -D {ends} {}", keys.replace("0x707", "0x708")));
        // The tool has shown none, and fails.
        lab.compare_failure(&format!("conntrack -D {ends} {keys}"));
        lab.compare_expectations();
        from_client(lab, MASQUERADED);
        from_server(lab, MASQUERADED, PORT);
    })
}
