//! Datagrams that carry SIP: in fragments, without a checksum, longer than a way takes them; and what waits no longer.

use std::time::Duration;

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::Packet;

use super::{Line, MASQUERADE, MASQUERADED, PLAIN, from_phone, register, rules, session};

differential!(read_in_fragments, written_in_fragments, without_a_checksum, long, expiry);

const AUDIO: &[&str] = &["audio 4000 RTP/AVP 0"];

fn invite(line: Line, sequence: u32) -> String {
    from_phone(line, "INVITE", sequence, &session(line.ends.client, AUDIO))
}

fn in_fragments(line: Line, lab: &mut sluice_tests::differential::Lab) {
    for (id, sizes) in [&[8][..], &[24], &[200], &[8, 120, 80]].iter().enumerate() {
        let id = 0x2000 + u16::try_from(id).unwrap();
        let text = invite(line, id.into());
        let packet = Packet::new(line.ends.client, line.ends.server);
        let packet = packet.udp(5060, 5060, text.as_bytes()).id(id);
        for part in packet.fragments(sizes) {
            lab.lan(&part);
        }
        line.media(lab, 7000 + id, 4000);
    }
}

fn read_in_fragments() -> Scenario {
    Scenario::new(&rules(""), |lab| in_fragments(Line::new(PLAIN), lab))
}

fn written_in_fragments() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| in_fragments(Line::new(MASQUERADED), lab))
}

fn without_a_checksum() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let line = Line::new(MASQUERADED);
        let mut packet = Packet::new(line.ends.client, line.ends.server);
        packet = packet.udp(5060, 5060, invite(line, 1).as_bytes());
        packet.payload[6..8].fill(0);
        lab.lan(&packet);
        line.media(lab, 7000, 4000);
        // Longer than it says, by what is no part of it.
        let mut packet = Packet::new(line.ends.client, line.ends.server);
        packet = packet.udp(5060, 5060, invite(line, 2).as_bytes());
        packet.payload.extend(b"a=more\r\n");
        lab.lan(&packet);
    })
}

/// Just as long as the way out takes it, before it grows.
fn long() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let line = Line::new(MASQUERADED);
        for (length, whole) in [(1472, false), (1472, true), (1460, true), (1420, true)] {
            let text = invite(line, 1);
            let more = format!("X: {}\r\nContent-Length", "x".repeat(length - text.len() - 5));
            let text = text.replace("Content-Length", &more);
            let packet = Packet::new(line.ends.client, line.ends.server);
            let packet = packet.udp(5060, 5060, text.as_bytes());
            lab.lan(&if whole { packet.dont_fragment() } else { packet });
            line.media(lab, 7000, 4000);
            lab.flush_connections();
        }
    })
}

/// A registration ends when its time is over, and another one may come in its place.
fn expiry() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        for sequence in [1, 2] {
            let (request, consent) = register(line, sequence, ";expires=2");
            line.phone(lab, &request);
            line.server(lab, &consent);
            let from = 6000 + u16::try_from(sequence).unwrap();
            line.ends.by_server(lab, |packet| packet.udp(from, 5060, b"a call"));
            lab.wait(Duration::from_millis(4500));
            line.ends.by_server(lab, |packet| packet.udp(from + 10, 5060, b"a call"));
        }
        // Asked of the registrar again, and confirmed again.
        let (request, consent) = register(line, 3, "");
        line.phone(lab, &request);
        line.server(lab, &consent);
        line.phone(lab, &request);
        line.ends.by_server(lab, |packet| packet.udp(6030, 5060, b"a call"));
        line.server(lab, &consent);
        line.ends.by_server(lab, |packet| packet.udp(6031, 5060, b"a call"));
    })
}
