//! PPTP: calls that control connections agree on, and GRE that carries them. Here is what the scenarios say.

mod calls;
mod odd;

use sluice_tests::differential::{Lab, Seen};
use sluice_tests::frame::{Packet, words};

use super::{Control, Ends, STATES};

/// The client's port and its call, as it says; the server's call.
const PORT: u16 = 0x1234;
const CLIENT: u16 = 0x0707;
const SERVER: u16 = 0x0909;

fn rules(more: &str) -> String {
    format!("*raw\n-A PREROUTING -p tcp --dport 1723 -j CT --helper pptp\nCOMMIT\n{STATES}\n{more}")
}

const NAT: &str = "
    *nat
    -A PREROUTING -i wan0 -p tcp --dport 1723 -j DNAT --to-destination 10.1.0.2
    -A POSTROUTING -o wan0 -j MASQUERADE
    COMMIT";

fn translated(filter: &str) -> String {
    rules(&format!("{NAT}\n*filter\n-A INPUT -j DROP\n{filter}\nCOMMIT"))
}

/// RFC 2637 section 2: bodies' lengths.
const LENGTHS: [usize; 15] = [144, 144, 4, 4, 4, 8, 156, 20, 208, 12, 16, 4, 136, 28, 12];

/// A whole message of that number; its body begins with these bytes.
fn message(number: u16, start: &[u8]) -> Vec<u8> {
    let length = LENGTHS.get(usize::from(number).wrapping_sub(1)).copied().unwrap_or(8);
    let total = u16::try_from(12 + length).unwrap();
    let mut bytes = words(&[total, 1, 0x1a2b, 0x3c4d, number, 0]);
    bytes.extend(start);
    bytes.resize(total.into(), 0);
    bytes
}

/// The same; its body begins with these numbers and this result.
fn about(number: u16, calls: &[u16], result: u8) -> Vec<u8> {
    message(number, &[words(calls), vec![result]].concat())
}

const START_REQUEST: u16 = 1;
const START_REPLY: u16 = 2;
const STOP_REQUEST: u16 = 3;
const STOP_REPLY: u16 = 4;
const OUTGOING_REQUEST: u16 = 7;
const OUTGOING_REPLY: u16 = 8;
const INCOMING_REQUEST: u16 = 9;
const INCOMING_REPLY: u16 = 10;
const INCOMING_CONNECTED: u16 = 11;
const CLEAR_REQUEST: u16 = 12;
const DISCONNECTED: u16 = 13;

impl Ends {
    fn are_translated(self) -> bool {
        self.client != self.client_seen || self.server != self.server_seen
    }
    /// What the server calls the client's end.
    fn call_seen(self, port: u16) -> u16 {
        if self.are_translated() { port } else { CLIENT }
    }
}

/// A control connection on which a session has begun.
fn begin(lab: &mut Lab, ends: Ends, port: u16) -> Control {
    let mut control = Control::connect(lab, ends, port, 1723);
    control.client(lab, &message(START_REQUEST, &[1, 0]));
    control.server(lab, &message(START_REPLY, &[1, 0, 1]));
    control
}

/// The same with a call.
fn call(lab: &mut Lab, ends: Ends, port: u16) -> Control {
    let mut control = begin(lab, ends, port);
    control.client(lab, &about(OUTGOING_REQUEST, &[CLIENT, 1], 0));
    control.server(lab, &about(OUTGOING_REPLY, &[SERVER, ends.call_seen(port)], 1));
    control
}

/// GRE that carries a call.
fn gre(packet: Packet, call: u16) -> Packet {
    packet.raw(47, &[&[0x30, 1], &words(&[0x880b, 4, call])[..], &[0, 0, 0, 1], b"data"].concat())
}

fn from_client(lab: &mut Lab, ends: Ends) -> Vec<Seen> {
    ends.by_client(lab, |packet| gre(packet, SERVER))
}

fn from_server(lab: &mut Lab, ends: Ends, port: u16) -> Vec<Seen> {
    ends.by_server(lab, |packet| gre(packet, ends.call_seen(port)))
}
