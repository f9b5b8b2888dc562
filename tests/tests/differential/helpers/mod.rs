//! Owns the scenarios of helpers: FTP in its four ways of announcing a data connection, TFTP, IRC, Amanda and SANE, with and
//! without translation. What a packet's state was, and whether its connection was expected, is read off its DSCP.

mod amanda;
mod fragments;
mod ftp;
mod h323;
mod irc;
mod pptp;
mod sane;
mod sip;
mod snmp;
mod tftp;
mod translated;

use sluice_tests::differential::{Lab, Seen};
use sluice_tests::frame::{Packet, flags};

use crate::{INSIDE, OUTSIDE, ROUTER_OUT};

use flags::{ACK, FIN, PSH, SYN};

const HELPERS: &str = "
    *raw
    -A PREROUTING -p tcp --dport 21 -j CT --helper ftp
    -A PREROUTING -p udp --dport 69 -j CT --helper tftp
    -A PREROUTING -p udp --dport 10080 -j CT --helper amanda
    -A PREROUTING -p tcp --dport 6566 -j CT --helper sane
    COMMIT";

const STATES: &str = "
    *mangle
    -A FORWARD -m conntrack --ctstate NEW -j DSCP --set-dscp 1
    -A FORWARD -m conntrack --ctstate ESTABLISHED -j DSCP --set-dscp 2
    -A FORWARD -m conntrack --ctstate RELATED -j DSCP --set-dscp 3
    -A FORWARD -m conntrack --ctstate INVALID -j DSCP --set-dscp 4
    -A FORWARD -m conntrack --ctstatus EXPECTED --ctstate RELATED -j DSCP --set-dscp 5
    -A FORWARD -m conntrack --ctstatus EXPECTED --ctstate ESTABLISHED -j DSCP --set-dscp 6
    COMMIT";

fn rules(more: &str) -> String {
    format!("{HELPERS}\n{STATES}\n{more}")
}

/// A client and a server, as each calls itself and as the other calls it.
#[derive(Clone, Copy)]
struct Ends {
    client: &'static str,
    client_seen: &'static str,
    server: &'static str,
    server_seen: &'static str,
    /// The client is inside.
    outwards: bool,
}

const PLAIN: Ends = Ends {
    client: INSIDE,
    client_seen: INSIDE,
    server: OUTSIDE,
    server_seen: OUTSIDE,
    outwards: true,
};
const PLAIN_V6: Ends = Ends {
    client: "fd00:1::2",
    client_seen: "fd00:1::2",
    server: "fd00:2::9",
    server_seen: "fd00:2::9",
    outwards: true,
};
const MASQUERADED: Ends = Ends { client_seen: ROUTER_OUT, ..PLAIN };
const INWARDS: Ends = Ends {
    client: OUTSIDE,
    client_seen: OUTSIDE,
    server: INSIDE,
    server_seen: ROUTER_OUT,
    outwards: false,
};

impl Ends {
    fn by_client(self, lab: &mut Lab, packet: impl Fn(Packet) -> Packet) -> Vec<Seen> {
        send(lab, self.outwards, &packet(Packet::new(self.client, self.server_seen)))
    }
    fn by_server(self, lab: &mut Lab, packet: impl Fn(Packet) -> Packet) -> Vec<Seen> {
        send(lab, !self.outwards, &packet(Packet::new(self.server, self.client_seen)))
    }
}

fn send(lab: &mut Lab, outwards: bool, packet: &Packet) -> Vec<Seen> {
    if outwards { lab.lan(packet) } else { lab.wan(packet) }
}

/// One end of a TCP connection: what it says next, what it has heard.
#[derive(Clone, Copy)]
struct End {
    next: u32,
    heard: u32,
}

/// A control connection whose ends hear what comes out of the router.
struct Control {
    ends: Ends,
    /// The client's.
    port: u16,
    /// The server's.
    service: u16,
    client: End,
    server: End,
}

/// The sequence number behind what a segment says, and its data.
fn heard(seen: &[Seen]) -> Option<(u32, Vec<u8>)> {
    let packet = seen.first()?.packet().to_vec();
    let v6 = packet[0] >> 4 == 6;
    let length = match v6 {
        true => 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]])),
        false => usize::from(u16::from_be_bytes([packet[2], packet[3]])),
    };
    let segment = &packet[if v6 { 40 } else { 20 }..length];
    let seq = u32::from_be_bytes(segment[4..8].try_into().unwrap());
    let data = &segment[usize::from(segment[12] >> 4) * 4..];
    Some((seq.wrapping_add(data.len() as u32), data.to_vec()))
}

impl Control {
    /// A connection of FTP up to where both ends have spoken.
    fn open(lab: &mut Lab, ends: Ends, port: u16) -> Self {
        let mut control = Self::connect(lab, ends, port, 21);
        control.server(lab, "220 speak\r\n");
        control.client(lab, "USER me\r\n");
        control.server(lab, "230 fine\r\n");
        control
    }

    /// A connection to that port.
    fn connect(lab: &mut Lab, ends: Ends, port: u16, service: u16) -> Self {
        let (out, back) = ((port, service), (service, port));
        ends.by_client(lab, |packet| packet.tcp(out, SYN, 1000, 0, b""));
        ends.by_server(lab, |packet| packet.tcp(back, SYN | ACK, 5000, 1001, b""));
        ends.by_client(lab, |packet| packet.tcp(out, ACK, 1001, 5001, b""));
        let (client, server) = (End { next: 1001, heard: 5001 }, End { next: 5001, heard: 1001 });
        Self { ends, port, service, client, server }
    }

    /// The client says something; what arrives.
    fn client(&mut self, lab: &mut Lab, text: &(impl AsRef<[u8]> + ?Sized)) -> String {
        let text = text.as_ref();
        let (ports, End { next, heard: ack }) = ((self.port, self.service), self.client);
        let seen = self.ends.by_client(lab, |packet| packet.tcp(ports, PSH | ACK, next, ack, text));
        let Some((end, data)) = heard(&seen) else { return String::new() };
        self.client.next = next.wrapping_add(text.len() as u32);
        self.server.heard = end;
        String::from_utf8_lossy(&data).into()
    }

    /// The server says something; what arrives.
    fn server(&mut self, lab: &mut Lab, text: &(impl AsRef<[u8]> + ?Sized)) -> String {
        let text = text.as_ref();
        let (ports, End { next, heard: ack }) = ((self.service, self.port), self.server);
        let seen = self.ends.by_server(lab, |packet| packet.tcp(ports, PSH | ACK, next, ack, text));
        let Some((end, data)) = heard(&seen) else { return String::new() };
        self.server.next = next.wrapping_add(text.len() as u32);
        self.client.heard = end;
        String::from_utf8_lossy(&data).into()
    }

    fn close(&mut self, lab: &mut Lab) {
        self.client(lab, "QUIT\r\n");
        self.server(lab, "221 bye\r\n");
        let (out, back) = ((self.port, self.service), (self.service, self.port));
        let (client, server) = (self.client, self.server);
        self.ends.by_client(lab, |p| p.tcp(out, FIN | ACK, client.next, client.heard, b""));
        self.ends.by_server(lab, |p| p.tcp(back, FIN | ACK, server.next, server.heard + 1, b""));
        self.ends.by_client(lab, |p| p.tcp(out, ACK, client.next + 1, client.heard + 1, b""));
    }
}

/// The client connects to where the server listens, as the client was told.
fn connect(lab: &mut Lab, ends: Ends, from: u16, to: u16, listens: u16) {
    ends.by_client(lab, |packet| packet.tcp((from, to), SYN, 100, 0, b""));
    ends.by_client(lab, |packet| packet.tcp((from, to), SYN, 100, 0, b""));
    ends.by_server(lab, |packet| packet.tcp((listens, from), SYN | ACK, 900, 101, b""));
    ends.by_client(lab, |packet| packet.tcp((from, to), ACK, 101, 901, b""));
    ends.by_server(lab, |packet| packet.tcp((listens, from), ACK, 901, 101, b"a file"));
    ends.by_client(lab, |packet| packet.tcp((from, to), ACK, 101, 907, b""));
}

const MASQUERADE: &str = "
    *nat
    -A POSTROUTING -o wan0 -j MASQUERADE
    COMMIT";

/// The server connects from its port 20 to where the client listens.
fn connect_back(lab: &mut Lab, ends: Ends, to: u16, listens: u16) {
    ends.by_server(lab, |packet| packet.tcp((20, to), SYN, 100, 0, b""));
    ends.by_server(lab, |packet| packet.tcp((20, to), SYN, 100, 0, b""));
    ends.by_client(lab, |packet| packet.tcp((listens, 20), SYN | ACK, 900, 101, b""));
    ends.by_server(lab, |packet| packet.tcp((20, to), ACK, 101, 901, b"a file"));
    ends.by_client(lab, |packet| packet.tcp((listens, 20), ACK, 901, 107, b""));
}
