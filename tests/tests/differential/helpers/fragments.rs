//! Commands in datagrams that come in fragments.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::Packet;

use super::{ACK, Control, MASQUERADED, PLAIN, PSH, connect, connect_back, rules, send};
use crate::ROUTER_OUT;

differential!(read, rewritten, requests);

impl Control {
    /// The client says something in fragments of these sizes, and a last one.
    fn client_in_pieces(&mut self, lab: &mut Lab, id: u16, text: &str, sizes: &[usize]) {
        let (ports, end) = ((self.port, 21), self.client);
        let packet = Packet::new(self.ends.client, self.ends.server_seen);
        let packet = packet.tcp(ports, PSH | ACK, end.next, end.heard, text.as_bytes()).id(id);
        for part in packet.fragments(sizes) {
            send(lab, self.ends.outwards, &part);
        }
        self.client.next = end.next.wrapping_add(text.len() as u32);
    }

    /// The same of the server.
    fn server_in_pieces(&mut self, lab: &mut Lab, id: u16, text: &str, sizes: &[usize]) {
        let (ports, end) = ((21, self.port), self.server);
        let packet = Packet::new(self.ends.server, self.ends.client_seen);
        let packet = packet.tcp(ports, PSH | ACK, end.next, end.heard, text.as_bytes()).id(id);
        for part in packet.fragments(sizes) {
            send(lab, !self.ends.outwards, &part);
        }
        self.server.next = end.next.wrapping_add(text.len() as u32);
    }
}

fn read() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let mut control = Control::open(lab, PLAIN, 4000);
        // Cut before the command, within it, within its numbers, and behind it.
        for (sizes, port) in [(&[24][..], 1), (&[32], 2), (&[8, 24], 3), (&[8, 8, 8, 8, 8], 4)] {
            let text = format!("PORT 10,1,0,2,8,{port}\r\n");
            control.client_in_pieces(lab, 0x2000 + port, &text, sizes);
            connect_back(lab, PLAIN, 2048 + port, 2048 + port);
        }
        control.server_in_pieces(lab, 0x2010, "229 Extended Passive Mode (|||1025|)\r\n", &[40]);
        connect(lab, PLAIN, 6001, 1025, 1025);
        // Half of a command ends no line, whatever it comes in.
        control.client_in_pieces(lab, 0x2011, "PORT 10,1,0,2,8", &[24]);
        control.client_in_pieces(lab, 0x2012, "NOOP\r\n", &[24]);
    })
}

/// Longer than it came, and cut anew.
fn rewritten() -> Scenario {
    let nat = format!(
        "*nat
        -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j SNAT --to-source {ROUTER_OUT}
        COMMIT"
    );
    Scenario::new(&rules(&nat), |lab| {
        let mut control = Control::open(lab, MASQUERADED, 4000);
        for (sizes, port) in [(&[24][..], 1), (&[32], 2), (&[8, 24], 3), (&[8, 16, 8, 8], 4)] {
            let text = format!("PORT 10,1,0,2,8,{port}\r\n");
            control.client_in_pieces(lab, 0x2000 + port, &text, sizes);
            connect_back(lab, MASQUERADED, 2048 + port, 2048 + port);
        }
        control.client_in_pieces(lab, 0x2011, "NOOP\r\n", &[24]);
        control.client(lab, "EPRT |1|10.1.0.2|2080|\r\n");
        connect_back(lab, MASQUERADED, 2080, 2080);
    })
}

/// TFTP's, with the operation in the second fragment.
fn requests() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let request = b"\x00\x01a name that is rather long\x00octet\x00";
        for (port, sizes) in [(2000, [8]), (2001, [16])] {
            let packet = Packet::new(PLAIN.client, PLAIN.server).udp(port, 69, request).id(port);
            for part in packet.fragments(&sizes) {
                lab.lan(&part);
            }
            PLAIN.by_server(lab, |packet| packet.udp(7000, port, b"\x00\x03\x00\x01data"));
            PLAIN.by_client(lab, |packet| packet.udp(port, 7000, b"\x00\x04\x00\x01"));
        }
    })
}
