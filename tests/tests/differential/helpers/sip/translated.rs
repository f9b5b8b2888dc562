//! Registrations and calls whose ends know one another by other addresses: what they say is rewritten.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};

use super::{
    Ends, INWARDS, Line, MASQUERADE, MASQUERADED, PLAIN, answer, from_phone, message, register,
    rules, session,
};
use crate::{FAR, INSIDE_2};

differential!(
    registers,
    calls,
    both_ways,
    to_a_phone_inside,
    v6,
    another_port,
    via,
    a_phone_that_listens_elsewhere,
    two_phones,
    several_contacts,
);

const AUDIO: &[&str] = &["audio 4000 RTP/AVP 0"];
const BOTH: &[&str] = &["audio 4000 RTP/AVP 0", "video 4010 RTP/AVP 31"];

/// A call from one of the server's ports to one of the phone's, and what the phone answers from where it listens.
fn call_in(lab: &mut Lab, line: Line, from: u16, to: u16, listens: u16) {
    let Ends { client, client_seen, server, .. } = line.ends;
    let invite = message(
        &[
            &format!("INVITE sip:me@{client_seen}:{to} SIP/2.0"),
            &format!("Via: SIP/2.0/UDP {server}:{from}"),
            "CSeq: 5 INVITE",
            &format!("To: <sip:{client_seen}:{to}>"),
            &format!("Contact: <sip:{server}:{from}>"),
        ],
        "",
    );
    line.ends.by_server(lab, |packet| packet.udp(from, to, invite.as_bytes()));
    let ringing = message(
        &[
            "SIP/2.0 180 Ringing",
            &format!("Via: SIP/2.0/UDP {server}:{from}"),
            "CSeq: 5 INVITE",
            &format!("To: <sip:{client}:{listens}>"),
            &format!("Contact: <sip:{client}:{listens}>"),
        ],
        "",
    );
    line.ends.by_client(lab, |packet| packet.udp(listens, from, ringing.as_bytes()));
}

fn registers() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let line = Line::new(MASQUERADED);
        let (request, answer) = register(line, 1, "");
        line.phone(lab, &request);
        call_in(lab, line, 6000, 5060, 5060);
        line.server(lab, &answer);
        call_in(lab, line, 6001, 5060, 5060);
        call_in(lab, line, 6002, 5060, 5060);
        // Another port than that it sends from.
        let other = |text: &str| text.replace("2:5060>", "2:5070>").replace("6:5060>", "6:5070>");
        let (request, answer) = register(line, 2, ";expires=60");
        line.phone(lab, &other(&request));
        line.server(lab, &other(&answer));
        call_in(lab, line, 6003, 5070, 5070);
        call_in(lab, line, 6004, 5060, 5060);
    })
}

fn call(lab: &mut Lab, line: Line) {
    let ends = line.ends;
    let invite = from_phone(line, "INVITE", 1, &session(ends.client, BOTH));
    let said = line.phone(lab, &invite);
    let own = format!(" {}\r\n", ends.client);
    assert!(!said.contains(&own) || ends.client == ends.client_seen, "{said}");
    line.server(lab, &answer(line, "180 Ringing", 1, "INVITE", ""));
    line.server(
        lab,
        &answer(
            line,
            "200 OK",
            1,
            "INVITE",
            &session(ends.server, &["audio 7000 RTP/AVP 0", "video 7010 RTP/AVP 31"]),
        ),
    );
    line.phone(lab, &from_phone(line, "ACK", 1, ""));
    line.media(lab, 7000, 4000);
    // The phone is the first to speak, from where it listens and from elsewhere.
    line.media_out(lab, 4001, 7001);
    line.media_out(lab, 4030, 7010);
    line.media(lab, 7011, 4011);
    line.media(lab, 7012, 4010);
    line.phone(lab, &from_phone(line, "BYE", 2, ""));
    line.server(lab, &answer(line, "200 OK", 2, "BYE", ""));
}

fn calls() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let line = Line::new(MASQUERADED);
        call(lab, line);
        // The server changes the call, then the phone holds it.
        line.server(
            lab,
            &from_phone(
                Line {
                    ends: Ends {
                        client: line.ends.server,
                        server_seen: line.ends.client_seen,
                        ..line.ends
                    },
                    ..line
                },
                "INVITE",
                1,
                &session(line.ends.server, &["audio 7020 RTP/AVP 0"]),
            ),
        );
        line.phone(lab, &from_phone(line, "INVITE", 3, &session("0.0.0.0", AUDIO)));
        line.phone(
            lab,
            &from_phone(line, "INVITE", 4, &session(line.ends.client, &["audio 0 RTP/AVP 0"])),
        );
    })
}

fn both_ways() -> Scenario {
    let nat = "
        *nat
        -A PREROUTING -i lan0 -d 198.51.100.1 -j DNAT --to-destination 192.168.1.9
        -A POSTROUTING -o wan0 -j SNAT --to-source 192.168.1.100-192.168.1.100
        COMMIT";
    Scenario::new(&rules(nat), |lab| {
        let ends = Ends { client_seen: "192.168.1.100", server_seen: "198.51.100.1", ..PLAIN };
        call(lab, Line::new(ends));
        let line = Line { phone: 5064, phone_seen: 5064, ..Line::new(ends) };
        call(lab, line);
    })
}

fn to_a_phone_inside() -> Scenario {
    let nat = "
        *nat
        -A PREROUTING -i wan0 -p udp --dport 5060 -j DNAT --to-destination 10.1.0.2
        COMMIT";
    Scenario::new(&rules(nat), |lab| {
        // The client is outside, the phone is the server.
        call(lab, Line::new(INWARDS));
        let line = Line::new(Ends { client: FAR, client_seen: FAR, ..INWARDS });
        let (request, answer) = register(line, 1, "");
        line.phone(lab, &request);
        line.server(lab, &answer);
        call_in(lab, line, 6000, 5060, 5060);
    })
}

fn v6() -> Scenario {
    let nat = "
        *nat
        -A PREROUTING -i wan0 -p udp --dport 5060 -j DNAT --to-destination fd00:1::2
        -A POSTROUTING -o wan0 -s fd00:1::3 -j SNAT --to-source fd00:2::7777:78
        COMMIT";
    Scenario::new_v6(&rules(nat), |lab| {
        let inside = Ends {
            client: "fd00:2::9",
            client_seen: "fd00:2::9",
            server: "fd00:1::2",
            server_seen: "fd00:2::77",
            outwards: false,
        };
        call(lab, Line::new(inside));
        let outwards = Ends {
            client: "fd00:1::3",
            client_seen: "fd00:2::7777:78",
            server: "fd00:2::9",
            server_seen: "fd00:2::9",
            outwards: true,
        };
        call(lab, Line::new(outwards));
        let (request, answer) = register(Line::new(outwards), 1, "");
        Line::new(outwards).phone(lab, &request.replace("fd00:1::3", "FD00:1:0::0.0.0.3"));
        Line::new(outwards).server(lab, &answer);
    })
}

/// Outside it has another port; where it registers and says it is reached, that is written.
fn another_port() -> Scenario {
    let nat = "
        *nat
        -A POSTROUTING -o wan0 -p udp --sport 5060 -j SNAT --to-source 192.168.1.146:7070
        COMMIT";
    Scenario::new(&rules(nat), |lab| {
        let line = Line { phone_seen: 7070, ..Line::new(MASQUERADED) };
        let (request, answer) = register(line, 1, "");
        line.phone(lab, &request);
        line.server(lab, &answer);
        call_in(lab, line, 6000, 7070, 5060);
        call(lab, line);
    })
}

fn via() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let line = Line::new(MASQUERADED);
        for via in [
            "Via: SIP/2.0/UDP 10.1.0.2;maddr=10.1.0.2;rport;branch=1",
            "v:SIP/2.0/UDP 10.1.0.2:5060;maddr=10.1.0.3;received=10.1.0.2",
            "Via: SIP/2.0/UDP 10.1.0.2:5060;received=192.168.1.9;rport=5060, SIP/2.0/UDP 10.1.0.2:5060;maddr=10.1.0.2",
            "Via: SIP / 2.0 / UDP 10.1.0.2:5060\r\n ;MADDR=10.1.0.2",
            "Via: SIP/2.0/UDP  10.1.0.2:5060;maddr=10.1.0.2",
            "Via: SIP/2.0/UDP 10.1.0.2:5061;maddr=10.1.0.2",
            "Via: SIP/2.0/TCP 10.1.0.2:5060;maddr=10.1.0.2",
            "Via: SIP/2.0/UDP host:5060\r\nVia: SIP/2.0/UDP 10.1.0.2:5060;maddr=10.1.0.2;x",
        ] {
            let text = message(
                &[
                    "OPTIONS sip:192.168.1.9 SIP/2.0",
                    via,
                    "CSeq: 1 OPTIONS",
                    "To: <sip:192.168.1.9>",
                ],
                "",
            );
            line.phone(lab, &text);
        }
        for via in [
            "Via: SIP/2.0/UDP 192.168.1.146:5060;received=192.168.1.146;rport=5060",
            "Via: SIP/2.0/UDP 192.168.1.146;maddr=192.168.1.9;received=10.1.0.2;rport=5060",
            "Via: SIP/2.0/UDP 192.168.1.146:5060;rport=5060;received=[192.168.1.146]",
            "Via: SIP/2.0/UDP 10.1.0.2:5060;received=192.168.1.146;rport=5060",
        ] {
            let text = message(
                &["SIP/2.0 200 OK", via, "CSeq: 1 OPTIONS", "From: <sip:192.168.1.146:5060>"],
                "",
            );
            line.server(lab, &text);
        }
    })
}

/// It sends from a port of its own and listens at 5060.
fn a_phone_that_listens_elsewhere() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let line = Line { phone: 50_000, phone_seen: 50_000, ..Line::new(MASQUERADED) };
        let listens = |text: &str| text.replace("10.1.0.2:50000", "10.1.0.2:5060");
        let (request, answer) = register(line, 1, "");
        line.phone(lab, &listens(&request));
        line.server(lab, &answer);
        call_in(lab, line, 6000, 50_000, 5060);
        call_in(lab, line, 6001, 5060, 5060);
        let invite = from_phone(line, "INVITE", 1, &session(line.ends.client, AUDIO));
        line.phone(lab, &listens(&invite));
        line.server(
            lab,
            &super::answer(
                line,
                "200 OK",
                1,
                "INVITE",
                &session(line.ends.server, &["audio 7000 RTP/AVP 0"]),
            ),
        );
        line.media(lab, 7000, 4000);
    })
}

fn two_phones() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let line = Line::new(MASQUERADED);
        let second =
            Line { phone: 5070, phone_seen: 5070, ends: Ends { client: INSIDE_2, ..MASQUERADED } };
        // Both have their media at one port, and the server is the same.
        line.phone(lab, &from_phone(line, "INVITE", 1, &session(line.ends.client, AUDIO)));
        second.phone(lab, &from_phone(second, "INVITE", 1, &session(INSIDE_2, AUDIO)));
        second.phone(
            lab,
            &from_phone(second, "INVITE", 2, &session(INSIDE_2, &["audio 4001 RTP/AVP 0"])),
        );
        second.phone(
            lab,
            &from_phone(
                second,
                "INVITE",
                3,
                &session(INSIDE_2, &["audio 4002 RTP/AVP 0", "video 4002 RTP/AVP 0"]),
            ),
        );
        line.media(lab, 7000, 4000);
        second.media(lab, 7002, 4002);
        // Another server.
        let third = Line {
            phone: 5080,
            phone_seen: 5080,
            ends: Ends { client: INSIDE_2, server: FAR, server_seen: FAR, ..MASQUERADED },
        };
        third.phone(lab, &from_phone(third, "INVITE", 1, &session(INSIDE_2, AUDIO)));
        third.media(lab, 7000, 4000);
        // Contacts at one port, above which there is no other.
        let (request, _) = register(line, 4, "");
        line.phone(lab, &request.replace("2:5060>", "2:65534>"));
        let (request, _) = register(second, 4, "");
        second.phone(lab, &request.replace("3:5070>", "3:65534>"));
    })
}

fn several_contacts() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let line = Line::new(MASQUERADED);
        let (request, answer) = register(line, 1, "");
        line.phone(lab, &request);
        let one = "Contact: <sip:me@192.168.1.146:5060>";
        for several in [
            "Contact: <sip:me@192.168.1.146:5060>, <sip:192.168.1.146:5060>,<sip:x@192.168.1.146:5060>",
            "Contact: <sip:me@192.168.1.146:5060>,<sip:x@192.168.1.146:5060>;q=1,\r\n <sip:192.168.1.146>",
            "Contact: sip:192.168.1.146\r\nm:sip:192.168.1.146\r\nm:sip:192.168.1.146\r\nX: y",
            "Contact: sip:192.168.1.146\r\nm:sip:192.168.1.146,sip:192.168.1.146,sip:192.168.1.146,sip:192.168.1.146\r\nX: y",
        ] {
            line.server(lab, &answer.replace(one, several));
        }
        // Some grow.
        let (request, _) = register(line, 2, "");
        for several in [
            "Contact: <sip:me@10.1.0.2:5060>, <sip:10.1.0.2:5060>,<sip:x@10.1.0.2:5060>",
            "Contact: sip:10.1.0.2\r\nm:sip:10.1.0.2,sip:10.1.0.2,sip:10.1.0.2,sip:10.1.0.2\r\nX: y",
        ] {
            line.phone(lab, &request.replace("Contact: <sip:me@10.1.0.2:5060>", several));
        }
    })
}
