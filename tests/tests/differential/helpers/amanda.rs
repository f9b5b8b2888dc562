//! Amanda: the server of a backup asks, and connects to the ports that it is told.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::{Packet, words};

use super::{Ends, INWARDS, MASQUERADE, MASQUERADED, PLAIN, PLAIN_V6, connect, rules};
use crate::{INSIDE, INSIDE_2, OUTSIDE, ROUTER_OUT};

differential!(plain, plain_v6, masqueraded, to_a_host_inside, odd_answers);

const ANSWER: &str =
    "Amanda 2.5 REP HANDLE 000-1 SEQ 1\nCONNECT DATA 1025 MESG 1026 INDEX 1027\nOPTIONS ;\n";

fn ask(lab: &mut Lab, ends: Ends, port: u16, answer: &[u8]) {
    ends.by_client(lab, |packet| packet.udp(port, 10_080, b"Amanda 2.5 REQ\n"));
    ends.by_server(lab, |packet| packet.udp(10_080, port, b"Amanda 2.5 ACK\n"));
    ends.by_server(lab, |packet| packet.udp(10_080, port, answer));
    ends.by_client(lab, |packet| packet.udp(port, 10_080, b"Amanda 2.5 ACK\n"));
}

fn backup(lab: &mut Lab, ends: Ends) {
    ask(lab, ends, 850, ANSWER.as_bytes());
    lab.compare_timeouts();
    connect(lab, ends, 6000, 1024, 1024);
    for port in [1025, 1026, 1027, 1025] {
        connect(lab, ends, 6000 + port, port, port);
    }
    ask(lab, ends, 851, b"CONNECT STATE 2000 DATA 2001\n");
    connect(lab, ends, 6005, 2000, 2000);
    connect(lab, ends, 6006, 2001, 2001);
}

fn plain() -> Scenario {
    Scenario::new(&rules(""), |lab| backup(lab, PLAIN))
}

fn plain_v6() -> Scenario {
    Scenario::new_v6(&rules(""), |lab| backup(lab, PLAIN_V6))
}

fn masqueraded() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        backup(lab, MASQUERADED);
        // The same ports of the same host are told to another.
        let other = Ends { client: INSIDE_2, ..MASQUERADED };
        ask(lab, MASQUERADED, 852, b"CONNECT DATA 3000\n");
        ask(lab, other, 853, b"CONNECT DATA 3000\n");
        connect(lab, MASQUERADED, 6010, 3000, 3000);
        connect(lab, other, 6011, 3000, 3000);
    })
}

fn to_a_host_inside() -> Scenario {
    let nat = "
        *nat
        -A PREROUTING -i wan0 -p udp --dport 10080 -j DNAT --to-destination 10.1.0.2
        COMMIT";
    Scenario::new(&rules(nat), |lab| {
        backup(lab, INWARDS);
        lab.wan(&Packet::new(OUTSIDE, ROUTER_OUT).udp(900, 10_080, b"Amanda 2.5 REQ\n"));
        // Without a checksum it stays without.
        let mut datagram = words(&[10_080, 900, 8 + ANSWER.len() as u16, 0]);
        datagram.extend(ANSWER.as_bytes());
        lab.lan(&Packet::new(INSIDE, OUTSIDE).raw(17, &datagram));
        connect(lab, INWARDS, 6020, 1026, 1026);
    })
}

fn odd_answers() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        for (number, answer) in (0..).zip([
            &b""[..],
            b"CONNECT ",
            b"CONNECT \nDATA 1025\n",
            b"CONNECT DATA 1025",
            b"CONNECT DATA 0 MESG 1025\n",
            b"CONNECT DATA x MESG 1025\n",
            b"CONNECT DATA 66561 MESG 1025\n",
            b"CONNECT DATA 010250 MESG 1025\n",
            b"CONNECT MESG 1026 DATA 1025 DATA 1024\n",
            b"connect DATA 1025\n",
            b"CONNECT DATA  1025\n",
            b"\0\0CONNECT\0CONNECT DATA 1025\0\n",
        ]) {
            ask(lab, PLAIN, 900 + number, answer);
            for port in [1024, 1025, 1026] {
                connect(lab, PLAIN, 6000 + 10 * number, port, port);
            }
        }
    })
}
