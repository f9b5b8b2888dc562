//! SIP over TCP: several messages in a segment, and sequence numbers that move.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::flags::{ACK, FIN, PSH, SYN};

use super::super::End;
use super::{
    Ends, Line, MASQUERADE, MASQUERADED, PLAIN, answer, from_phone, heard, register, rules, session,
};

differential!(plain, masqueraded, several_at_once, in_parts);

const AUDIO: &[&str] = &["audio 4000 RTP/AVP 0"];

/// A phone and its server over TCP, who hear what comes out of the router.
struct Stream {
    ends: Ends,
    port: u16,
    phone: End,
    server: End,
}

impl Stream {
    fn open(lab: &mut Lab, ends: Ends, port: u16) -> Self {
        let (out, back) = ((port, 5060), (5060, port));
        ends.by_client(lab, |packet| packet.tcp(out, SYN, 1000, 0, b""));
        ends.by_server(lab, |packet| packet.tcp(back, SYN | ACK, 5000, 1001, b""));
        ends.by_client(lab, |packet| packet.tcp(out, ACK, 1001, 5001, b""));
        let (phone, server) = (End { next: 1001, heard: 5001 }, End { next: 5001, heard: 1001 });
        Self { ends, port, phone, server }
    }

    /// The phone says something; what arrives.
    fn phone(&mut self, lab: &mut Lab, text: &str) -> String {
        let (port, End { next, heard: ack }) = (self.port, self.phone);
        let out = (port, 5060);
        let seen = self.ends.by_client(lab, |p| p.tcp(out, PSH | ACK, next, ack, text.as_bytes()));
        let Some((end, data)) = heard(&seen) else { return String::new() };
        self.phone.next = next.wrapping_add(text.len() as u32);
        self.server.heard = end;
        String::from_utf8_lossy(&data).into()
    }

    /// The server says something; what arrives.
    fn server(&mut self, lab: &mut Lab, text: &str) -> String {
        let (port, End { next, heard: ack }) = (self.port, self.server);
        let back = (5060, port);
        let seen = self.ends.by_server(lab, |p| p.tcp(back, PSH | ACK, next, ack, text.as_bytes()));
        let Some((end, data)) = heard(&seen) else { return String::new() };
        self.server.next = next.wrapping_add(text.len() as u32);
        self.phone.heard = end;
        String::from_utf8_lossy(&data).into()
    }

    fn close(&mut self, lab: &mut Lab) {
        let (out, back) = ((self.port, 5060), (5060, self.port));
        let (phone, server) = (self.phone, self.server);
        self.ends.by_client(lab, |p| p.tcp(out, FIN | ACK, phone.next, phone.heard, b""));
        self.ends.by_server(lab, |p| p.tcp(back, FIN | ACK, server.next, server.heard + 1, b""));
        self.ends.by_client(lab, |p| p.tcp(out, ACK, phone.next + 1, phone.heard + 1, b""));
    }
}

fn over_tcp(text: &str) -> String {
    text.replace("/UDP", "/TCP")
}

fn talk(lab: &mut Lab, ends: Ends) {
    let line = Line { phone: 5066, phone_seen: 5066, ..Line::new(ends) };
    let mut stream = Stream::open(lab, ends, 5066);
    let (request, consent) = register(line, 1, "");
    stream.phone(lab, &over_tcp(&request));
    stream.server(lab, &over_tcp(&consent));
    // The registrar connects.
    ends.by_server(lab, |packet| packet.tcp((6000, 5066), SYN, 100, 0, b""));
    ends.by_client(lab, |packet| packet.tcp((5066, 6000), SYN | ACK, 900, 101, b""));
    ends.by_server(lab, |packet| packet.tcp((6000, 5066), ACK, 101, 901, b"INVITE sip:you@x\r\n"));
    stream.phone(lab, &over_tcp(&from_phone(line, "INVITE", 1, &session(ends.client, AUDIO))));
    stream.server(
        lab,
        &over_tcp(&answer(
            line,
            "200 OK",
            1,
            "INVITE",
            &session(ends.server, &["audio 7000 RTP/AVP 0"]),
        )),
    );
    line.media(lab, 7000, 4000);
    line.media_out(lab, 4001, 7001);
    stream.phone(lab, &over_tcp(&from_phone(line, "BYE", 2, "")));
    lab.compare_timeouts();
    stream.close(lab);
}

fn plain() -> Scenario {
    Scenario::new(&rules(""), |lab| talk(lab, PLAIN))
}

fn masqueraded() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| talk(lab, MASQUERADED))
}

fn several_at_once() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let line = Line { phone: 5066, phone_seen: 5066, ..Line::new(MASQUERADED) };
        let mut stream = Stream::open(lab, MASQUERADED, 5066);
        let options = over_tcp(&from_phone(line, "OPTIONS", 1, ""));
        let invite = over_tcp(&from_phone(line, "INVITE", 2, &session(line.ends.client, AUDIO)));
        stream.phone(lab, &format!("{options}{invite}"));
        line.media(lab, 7000, 4000);
        stream.server(lab, "SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\n\r\n");
        stream.phone(lab, &format!("{invite}{options}and what is no message"));
        stream.server(lab, "SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n");
        stream.phone(lab, &options);
        // Shorter ones, from the other end.
        let ok = over_tcp(&answer(line, "200 OK", 1, "OPTIONS", ""));
        stream.server(lab, &format!("{ok}{ok}{ok}"));
        stream.phone(lab, &options);
        stream.close(lab);
    })
}

/// What is not a whole message is not read.
fn in_parts() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let line = Line { phone: 5066, phone_seen: 5066, ..Line::new(MASQUERADED) };
        let mut stream = Stream::open(lab, MASQUERADED, 5066);
        let invite = over_tcp(&from_phone(line, "INVITE", 2, &session(line.ends.client, AUDIO)));
        let (one, two) = invite.split_at(invite.len() - 20);
        stream.phone(lab, one);
        stream.phone(lab, two);
        line.media(lab, 7000, 4000);
        // A whole one before half of one: it moves, its numbers do not.
        let options = over_tcp(&from_phone(line, "OPTIONS", 1, ""));
        stream.phone(lab, &format!("{options}{one}"));
        for text in [
            "INVITE",
            "INVITE sip:x SIP/2.0\r\nContent-Length: 4294967295\r\n\r\n",
            "INVITE sip:x SIP/2.0\r\nl: 99999999999\r\n\r\n",
        ] {
            stream.phone(lab, text);
        }
        stream.phone(lab, &options.replace("Content-Length", "Content"));
        stream.phone(
            lab,
            &over_tcp(&from_phone(line, "INVITE", 3, &session(line.ends.client, &["audio 80 x"]))),
        );
    })
}
