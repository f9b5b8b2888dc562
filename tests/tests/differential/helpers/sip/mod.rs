//! SIP: registrations and calls, with and without translation, over UDP and TCP.

mod calls;
mod datagrams;
mod malformed;
mod meeting;
mod registrations;
mod stream;
mod translated;

use sluice_tests::differential::{Lab, Seen};

use super::{Ends, INWARDS, MASQUERADED, PLAIN, PLAIN_V6, STATES, heard};

const SIP: &str = "
    *raw
    -A PREROUTING -p udp --dport 5060 -j CT --helper sip
    -A PREROUTING -p tcp --dport 5060 -j CT --helper sip
    COMMIT";

const MASQUERADE: &str = "
    *nat
    -A POSTROUTING -o wan0 -j MASQUERADE
    COMMIT
    *filter
    -A INPUT -j DROP
    COMMIT";

fn rules(more: &str) -> String {
    format!("{SIP}\n{STATES}\n{more}")
}

/// A phone, its server, and the port that signalling comes from, as each of them calls it.
#[derive(Clone, Copy)]
struct Line {
    ends: Ends,
    phone: u16,
    phone_seen: u16,
}

impl Line {
    const fn new(ends: Ends) -> Self {
        Self { ends, phone: 5060, phone_seen: 5060 }
    }

    /// The phone says something; what arrives.
    fn phone(self, lab: &mut Lab, text: &str) -> String {
        let seen = self.ends.by_client(lab, |packet| packet.udp(self.phone, 5060, text.as_bytes()));
        datagram(&seen)
    }

    /// The server says something; what arrives.
    fn server(self, lab: &mut Lab, text: &str) -> String {
        let seen =
            self.ends.by_server(lab, |packet| packet.udp(5060, self.phone_seen, text.as_bytes()));
        datagram(&seen)
    }

    /// Datagrams from one of the server's ports to one of the phone's, and back.
    fn media(self, lab: &mut Lab, from: u16, to: u16) {
        self.ends.by_server(lab, |packet| packet.udp(from, to, b"to the phone"));
        self.ends.by_client(lab, |packet| packet.udp(to, from, b"to the server"));
        self.ends.by_server(lab, |packet| packet.udp(from, to, b"to the phone"));
    }

    /// The same, the phone being the first to speak.
    fn media_out(self, lab: &mut Lab, from: u16, to: u16) {
        self.ends.by_client(lab, |packet| packet.udp(from, to, b"to the server"));
        self.ends.by_server(lab, |packet| packet.udp(to, from, b"to the phone"));
        self.ends.by_client(lab, |packet| packet.udp(from, to, b"to the server"));
    }
}

/// What the first of these datagrams says.
fn datagram(seen: &[Seen]) -> String {
    let Some(packet) = seen.first().map(Seen::packet) else { return String::new() };
    let length = match packet[0] >> 4 == 6 {
        true => 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]])),
        false => usize::from(u16::from_be_bytes([packet[2], packet[3]])),
    };
    let start = if packet[0] >> 4 == 6 { 48 } else { 28 };
    String::from_utf8_lossy(&packet[start..length]).into()
}

/// A message of these lines, with what it carries.
fn message(lines: &[&str], body: &str) -> String {
    format!("{}\r\nContent-Length: {}\r\n\r\n{body}", lines.join("\r\n"), body.len())
}

/// An address as it stands in a URI.
fn host(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

/// A session description of one whose media are at `address`.
fn session(address: &str, media: &[&str]) -> String {
    let family = if address.contains(':') { "IP6" } else { "IP4" };
    let media: String = media.iter().map(|media| format!("m={media}\r\n")).collect();
    format!(
        "v=0\r\no=- 1 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n{media}"
    )
}

/// A REGISTER of the phone, and what the registrar answers.
fn register(line: Line, sequence: u32, more: &str) -> (String, String) {
    let ends = line.ends;
    let (phone, seen, server) = (host(ends.client), host(ends.client_seen), host(ends.server_seen));
    let request = message(
        &[
            &format!("REGISTER sip:{server} SIP/2.0"),
            &format!("Via: SIP/2.0/UDP {phone}:{};branch=z9hG4bK1;rport", line.phone),
            &format!("From: <sip:me@{server}>;tag=1"),
            &format!("To: <sip:me@{server}>"),
            &format!("CSeq: {sequence} REGISTER"),
            &format!("Contact: <sip:me@{phone}:{}>{more}", line.phone),
            "Expires: 600",
        ],
        "",
    );
    let answer = message(
        &[
            "SIP/2.0 200 OK",
            &format!(
                "Via: SIP/2.0/UDP {seen}:{port};branch=z9hG4bK1;received={seen};rport={port}",
                port = line.phone_seen,
            ),
            &format!("CSeq: {sequence} REGISTER"),
            &format!("Contact: <sip:me@{seen}:{}>{more}", line.phone_seen),
            "Expires: 600",
        ],
        "",
    );
    (request, answer)
}

/// A request of the phone within a call.
fn from_phone(line: Line, method: &str, sequence: u32, body: &str) -> String {
    let ends = line.ends;
    let (phone, server) = (host(ends.client), host(ends.server_seen));
    message(
        &[
            &format!("{method} sip:you@{server} SIP/2.0"),
            &format!("Via: SIP/2.0/UDP {phone}:{};branch=z9hG4bK2", line.phone),
            &format!("From: <sip:me@{phone}>;tag=1"),
            &format!("To: <sip:you@{server}>"),
            "Call-ID: 1@here",
            &format!("CSeq: {sequence} {method}"),
            &format!("Contact: <sip:me@{phone}:{}>", line.phone),
        ],
        body,
    )
}

/// What the server answers to that.
fn answer(line: Line, status: &str, sequence: u32, method: &str, body: &str) -> String {
    let ends = line.ends;
    let (seen, server) = (host(ends.client_seen), host(ends.server));
    message(
        &[
            &format!("SIP/2.0 {status}"),
            &format!("Via: SIP/2.0/UDP {seen}:{};branch=z9hG4bK2", line.phone_seen),
            &format!("From: <sip:me@{seen}>;tag=1"),
            &format!("To: <sip:you@{server}>;tag=2"),
            "Call-ID: 1@here",
            &format!("CSeq: {sequence} {method}"),
            &format!("Contact: <sip:you@{server}>"),
        ],
        body,
    )
}
