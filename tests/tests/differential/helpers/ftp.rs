//! FTP without translation.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::Packet;
use sluice_tests::frame::flags::{ACK, RST, SYN};

use super::{Control, Ends, HELPERS, PLAIN, PLAIN_V6, connect, connect_back, rules};
use crate::{INSIDE, INSIDE_2, OUTSIDE};

differential!(passive, active, extended, extended_v6, lines_that_announce_nothing, marks_and_names);

fn passive() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let mut control = Control::open(lab, PLAIN, 4000);
        control.client(lab, "PASV\r\n");
        control.server(lab, "227 Entering Passive Mode (192,168,1,9,4,1).\r\n");
        // Another's, or to another port, is not expected.
        let other = Packet::new(INSIDE_2, OUTSIDE);
        lab.lan(&other.tcp((6000, 1025), SYN, 1, 0, b""));
        connect(lab, PLAIN, 6000, 1026, 1026);
        connect(lab, PLAIN, 6001, 1025, 1025);
        // Once.
        connect(lab, PLAIN, 6002, 1025, 1025);
        control.server(lab, "227 =192,168,1,9,4,2\r\n");
        control.server(lab, "227 without (192,168,1,9,4,3)\r\n");
        connect(lab, PLAIN, 6003, 1026, 1026);
        connect(lab, PLAIN, 6004, 1027, 1027);
        control.close(lab);
    })
}

fn active() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let mut control = Control::open(lab, PLAIN, 4000);
        control.client(lab, "PORT 10,1,0,2,8,1\r\n");
        connect_back(lab, PLAIN, 2049, 2049);
        control.client(lab, "port 10,1,0,2,8,2\r\n");
        control.close(lab);
        // What a connection expects goes with it.
        let out = (4000, 21);
        PLAIN.by_client(lab, |packet| packet.tcp(out, SYN, 90_000, 0, b""));
        connect_back(lab, PLAIN, 2050, 2050);
        // An error about an expected connection.
        let mut control = Control::open(lab, PLAIN, 4001);
        control.client(lab, "PORT 10,1,0,2,8,3\r\n");
        let syn = PLAIN.by_server(lab, |packet| packet.tcp((20, 2051), SYN, 100, 0, b""));
        let quoted = syn.first().map(|seen| seen.packet().to_vec()).unwrap_or_default();
        lab.lan(&Packet::new(INSIDE, OUTSIDE).icmp_error(3, 3, 0, &quoted));
        PLAIN.by_client(lab, |packet| packet.tcp((2051, 20), RST | ACK, 0, 101, b""));
    })
}

fn extended() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let mut control = Control::open(lab, PLAIN, 4000);
        control.client(lab, "EPSV\r\n");
        control.server(lab, "229 Entering Extended Passive Mode (|||1025|)\r\n");
        connect(lab, PLAIN, 6001, 1025, 1025);
        control.client(lab, "EPRT |1|10.1.0.2|2049|\r\n");
        connect_back(lab, PLAIN, 2049, 2049);
        control.client(lab, "EPRT !1!10.1.0.2!2050!\r\n");
        connect_back(lab, PLAIN, 2050, 2050);
    })
}

fn extended_v6() -> Scenario {
    Scenario::new_v6(&rules(""), |lab| {
        let mut control = Control::open(lab, PLAIN_V6, 4000);
        control.server(lab, "229 Entering Extended Passive Mode (|||1025|)\r\n");
        connect(lab, PLAIN_V6, 6001, 1025, 1025);
        control.client(lab, "EPRT |2|fd00:1::2|2049|\r\n");
        connect_back(lab, PLAIN_V6, 2049, 2049);
        control.client(lab, "EPRT |2|fd00:1::3|2050|\r\n");
        connect_back(lab, PLAIN_V6, 2050, 2050);
        control.client(lab, "EPRT |2|fd00:1:0:0::0.0.0.2|2051|\r\n");
        connect_back(lab, PLAIN_V6, 2051, 2051);
        control.client(lab, "PORT 253,0,0,1,8,4\r\n");
        connect_back(lab, PLAIN_V6, 2052, 2052);
    })
}

fn lines_that_announce_nothing() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let mut control = Control::open(lab, PLAIN, 4000);
        // Not the client's own address, or half of a command.
        control.client(lab, "PORT 10,1,0,3,8,1\r\n");
        control.client(lab, "EPRT |1|10.1.0.3|2049|\r\n");
        connect_back(lab, Ends { client: INSIDE_2, client_seen: INSIDE_2, ..PLAIN }, 2049, 2049);
        for text in
            ["P", "PORT", "PORT 10,1,0,2,8", "EPRT |2|::1|5|\r\n", "PORT 1\r\n", "EPRT \r\n"]
        {
            control.client(lab, text);
        }
        for text in ["227", "227 none\r\n", "229 (|||0|)\r\n", "22"] {
            control.server(lab, text);
        }
        // What does not begin a line, and what is behind it.
        control.client(lab, "NOOP");
        control.client(lab, "PORT 10,1,0,2,8,2\r\n");
        connect_back(lab, PLAIN, 2050, 2050);
        control.client(lab, "NOOP\r\nPORT 10,1,0,2,8,3\r\n");
        connect_back(lab, PLAIN, 2051, 2051);
        control.client(lab, "PORT 10,1,0,2,8,4\r\nNOOP\r\n");
        connect_back(lab, PLAIN, 2052, 2052);
        // The server's words from the client, and the other way round.
        control.client(lab, "227 (10,1,0,2,8,5)\r\n");
        control.server(lab, "PORT 192,168,1,9,8,5\r\n");
        control.client(lab, "PORT 10,1,0,2,0,0\r\n");
        connect_back(lab, PLAIN, 0, 0);
    })
}

fn marks_and_names() -> Scenario {
    let rules = format!(
        "{HELPERS}
        *mangle
        -A PREROUTING -p tcp --dport 21 -j CONNMARK --set-mark 7
        -A FORWARD -p tcp --dport 21 -m string --string NOOP --algo bm -j CONNMARK --set-mark 9
        -A FORWARD -m connmark --mark 7 -j DSCP --set-dscp 7
        -A FORWARD -m connmark --mark 9 -j DSCP --set-dscp 9
        COMMIT
        *filter
        -A FORWARD -m helper --helper ftp
        -A FORWARD -m helper --helper ''
        -A FORWARD -m helper --helper ftp-2121
        -A FORWARD -m helper --helper tftp
        -A FORWARD -m helper --helper f
        -A FORWARD -m helper ! --helper ftp
        -A FORWARD -m helper ! --helper ''
        -A FORWARD -m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT
        -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
        -A FORWARD -p tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT
        -A FORWARD -j DROP
        COMMIT"
    );
    Scenario::new(&rules, |lab| {
        let mut control = Control::open(lab, PLAIN, 4000);
        control.server(lab, "227 (192,168,1,9,4,1)\r\n");
        connect(lab, PLAIN, 6001, 1025, 1025);
        connect(lab, PLAIN, 6002, 1025, 1025);
        control.server(lab, "227 (192,168,1,9,4,2)\r\n");
        control.client(lab, "NOOP\r\n");
        connect(lab, PLAIN, 6003, 1026, 1026);
        lab.compare_counters("filter");
        lab.compare_counters("raw");
    })
}
