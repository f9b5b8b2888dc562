//! FTP whose ends know one another by other addresses: what they say is rewritten.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::flags::ACK;

use super::{Control, Ends, INWARDS, MASQUERADED, PLAIN_V6, connect, connect_back, rules};

differential!(
    masqueraded,
    to_a_server_inside,
    to_a_server_inside_v6,
    said_twice_and_acknowledged_in_parts,
);

fn masqueraded() -> Scenario {
    let nat = "
        *nat
        -A POSTROUTING -o wan0 -j MASQUERADE
        COMMIT";
    Scenario::new(&rules(nat), |lab| {
        let mut control = Control::open(lab, MASQUERADED, 4000);
        // Longer, shorter, longer.
        let said = control.client(lab, "PORT 10,1,0,2,8,1\r\n");
        assert_eq!(said, "PORT 192,168,1,146,8,1\r\n");
        connect_back(lab, MASQUERADED, 2049, 2049);
        control.server(lab, "200 fine\r\n");
        control.client(lab, "RETR it\r\n");
        control.server(lab, "150 it comes\r\n");
        control.client(lab, "PORT 0010,0001,0000,002,0008,00002\r\n");
        connect_back(lab, MASQUERADED, 2050, 2050);
        control.client(lab, "EPRT !1!10.1.0.2!2051!\r\n");
        connect_back(lab, MASQUERADED, 2051, 2051);
        control.server(lab, "200 fine\r\n");
        control.server(lab, "227 Entering Passive Mode (192,168,1,9,4,1).\r\n");
        connect(lab, MASQUERADED, 6001, 1025, 1025);
        control.server(lab, "229 (!!!1026!)\r\n");
        connect(lab, MASQUERADED, 6002, 1026, 1026);
        control.close(lab);
    })
}

const SERVER_INSIDE: &str = "
    *nat
    -A PREROUTING -i wan0 -p tcp --dport 21 -j DNAT --to-destination 10.1.0.2
    COMMIT";

fn to_a_server_inside() -> Scenario {
    Scenario::new(&rules(SERVER_INSIDE), |lab| {
        let mut control = Control::open(lab, INWARDS, 4000);
        control.client(lab, "PASV\r\n");
        let said = control.server(lab, "227 Entering Passive Mode (10,1,0,2,4,1).\r\n");
        assert_eq!(said, "227 Entering Passive Mode (192,168,1,146,4,1).\r\n");
        connect(lab, INWARDS, 6001, 1025, 1025);
        control.client(lab, "RETR it\r\n");
        control.server(lab, "150 it comes\r\n");
        control.client(lab, "PORT 192,168,1,9,8,1\r\n");
        connect_back(lab, INWARDS, 2049, 2049);
        control.server(lab, "229 (|||1026|)\r\n");
        connect(lab, INWARDS, 6002, 1026, 1026);
        control.close(lab);
    })
}

fn to_a_server_inside_v6() -> Scenario {
    const ENDS: Ends = Ends {
        client: "fd00:2::9",
        client_seen: "fd00:2::9",
        server: "fd00:1::2",
        server_seen: "fd00:2::77",
        outwards: false,
    };
    let nat = "
        *nat
        -A PREROUTING -i wan0 -p tcp --dport 21 -j DNAT --to-destination fd00:1::2
        -A POSTROUTING -o wan0 -s fd00:1::3 -j SNAT --to-source fd00:2::78
        COMMIT";
    Scenario::new_v6(&rules(nat), |lab| {
        let mut control = Control::open(lab, ENDS, 4000);
        control.server(lab, "229 Entering Extended Passive Mode (|||1026|)\r\n");
        connect(lab, ENDS, 6002, 1026, 1026);
        control.client(lab, "EPRT |2|fd00:2::9|2049|\r\n");
        connect_back(lab, ENDS, 2049, 2049);
        let ends = Ends { client: "fd00:1::3", client_seen: "fd00:2::78", ..PLAIN_V6 };
        let mut control = Control::open(lab, ends, 4001);
        let said = control.client(lab, "EPRT |2|fd00:1::3|2049|\r\n");
        assert_eq!(said, "EPRT |2|fd00:0002:0000:0000:0000:0000:0000:0078|2049|\r\n");
        connect_back(lab, ends, 2049, 2049);
        control.server(lab, "200 fine\r\n");
        control.client(lab, "RETR it\r\n");
    })
}

fn said_twice_and_acknowledged_in_parts() -> Scenario {
    let nat = "
        *nat
        -A POSTROUTING -o wan0 -j MASQUERADE
        COMMIT";
    Scenario::new(&rules(nat), |lab| {
        let mut control = Control::open(lab, MASQUERADED, 4000);
        let before = control.client;
        let server = control.server;
        control.client(lab, "PORT 10,1,0,2,8,1\r\n");
        // Said again, as it was not heard.
        let after = control.client;
        control.client = before;
        control.client(lab, "PORT 10,1,0,2,8,1\r\n");
        assert_eq!(control.client.next, after.next);
        // Acknowledgements before, within and behind what has grown, with SACK blocks of what comes behind.
        control.client(lab, "NOOP\r\n");
        for heard in [server.heard, server.heard + 3, server.heard + 24, control.server.heard] {
            let end = control.server.heard;
            let sack =
                [vec![1, 1, 5, 10], (end - 6).to_be_bytes().into(), end.to_be_bytes().into()];
            let next = control.server.next;
            MASQUERADED.by_server(lab, |packet| {
                packet.tcp_with((21, 4000), ACK, [next, heard], &sack.concat(), b"")
            });
        }
        // The command goes on before one that has grown is acknowledged.
        control.client(lab, "PORT 10,1,0,2,8,2\r\n");
        control.client(lab, "PORT 10,1,0,2,8,3\r\n");
        control.client(lab, "NOOP\r\n");
        control.server(lab, "200 fine\r\n");
        connect_back(lab, MASQUERADED, 2051, 2051);
        control.close(lab);
    })
}
