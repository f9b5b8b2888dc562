//! Registrations: calls may come from the registrar to where a phone is registered.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};

use super::{Line, PLAIN, PLAIN_V6, from_phone, message, register, rules, session};
use crate::{FAR, INSIDE_2};

differential!(plain, plain_v6, refused, ended, several_contacts, of_others, far_expiry);

/// A call from the registrar, from another of its ports.
fn call(lab: &mut Lab, line: Line, from: u16, to: u16) {
    let invite =
        from_phone(line, "INVITE", 7, &session(line.ends.server, &["audio 7000 RTP/AVP 0"]));
    line.ends.by_server(lab, |packet| packet.udp(from, to, invite.as_bytes()));
    line.ends.by_client(lab, |packet| {
        packet.udp(to, from, b"SIP/2.0 100 Trying\r\nCSeq: 7 INVITE\r\n\r\n")
    });
    line.ends.by_server(lab, |packet| packet.udp(from, to, b"again and again"));
}

fn registers(lab: &mut Lab, line: Line) {
    let (request, answer) = register(line, 1, "");
    line.phone(lab, &request);
    // Not before the registrar agrees.
    call(lab, line, 6000, 5060);
    line.server(lab, &answer.replace("200 OK", "100 Trying"));
    call(lab, line, 6001, 5060);
    line.server(lab, &answer.replace("CSeq: 1", "CSeq: 2"));
    call(lab, line, 6002, 5060);
    line.server(lab, &answer);
    for from in [6003, 6004] {
        call(lab, line, from, 5060);
    }
    call(lab, line, 6005, 5061);
    lab.compare_timeouts();
}

fn plain() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        registers(lab, Line::new(PLAIN));
        // Nobody but the registrar.
        let line = Line::new(PLAIN);
        call(lab, Line { ends: super::Ends { server: FAR, ..line.ends }, ..line }, 6010, 5060);
    })
}

fn plain_v6() -> Scenario {
    Scenario::new_v6(&rules(""), |lab| registers(lab, Line::new(PLAIN_V6)))
}

fn refused() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        let (request, answer) = register(line, 1, "");
        line.phone(lab, &request);
        line.server(lab, &answer.replace("200 OK", "401 Unauthorized"));
        line.server(lab, &answer);
        call(lab, line, 6000, 5060);
        line.phone(lab, &request.replace("CSeq: 1", "CSeq: 2"));
        line.server(lab, &answer.replace("CSeq: 1", "CSeq: 2"));
        call(lab, line, 6001, 5060);
        // A late refusal of the first, and one of the second.
        line.server(lab, &answer.replace("200 OK", "403 Forbidden"));
        call(lab, line, 6002, 5060);
        line.server(lab, &answer.replace("200 OK", "403 Forbidden").replace("CSeq: 1", "CSeq: 2"));
        call(lab, line, 6003, 5060);
    })
}

fn ended() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        for (sequence, more, from) in [
            (1, "", 6000),
            (2, ";expires=0", 6001),
            (3, ";expires=0600", 6002),
            (4, ";expires=1", 6003),
            (5, ";expires=no", 6004),
            (6, ";transport=tcp", 6005),
            (7, ";transport=UDP", 6006),
            (8, ";transport=sctp", 6007),
            (9, ";expires=99999999999", 6008),
            (10, ";expires=0x10", 6009),
        ] {
            let (request, answer) = register(line, sequence, more);
            line.phone(lab, &request);
            line.server(lab, &answer);
            call(lab, line, from, 5060);
        }
        let (request, answer) = register(line, 20, "");
        line.phone(lab, &request.replace("Expires: 600", "Expires: 0"));
        line.server(lab, &answer.replace("Expires: 600", "Expires: 0"));
        call(lab, line, 6020, 5060);
        let (request, answer) = register(line, 21, "");
        line.phone(lab, &request.replace("Expires: 600", "X: y"));
        line.server(lab, &answer.replace("Expires: 600", "X: y"));
        call(lab, line, 6021, 5060);
    })
}

fn several_contacts() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        let one = "Contact: <sip:me@10.1.0.2:5060>";
        for (sequence, contacts, from) in [
            (1, "m: <sip:me@10.1.0.2:5070>, <sip:me@10.1.0.2:5060>", 6000),
            (2, "Contact: <sip:me@host>\r\nContact: <sip:me@10.1.0.2:5080>", 6002),
            (
                3,
                "Contact: \"Me\" <sip:me@10.1.0.2:5060>;q=0.7;expires=60,\r\n <sip:me@10.1.0.2:5070>;expires=0",
                6004,
            ),
            (4, "Contact: <sip:me@10.1.0.3:5060>, <sip:me@10.1.0.2:5060>", 6006),
            (5, "Contact: *", 6008),
        ] {
            let (request, answer) = register(line, sequence, "");
            line.phone(lab, &request.replace(one, contacts));
            line.server(lab, &answer.replace(one, contacts));
            call(lab, line, from, 5060);
            call(lab, line, from + 1, 5070);
            call(lab, line, from + 100, 5080);
        }
        // The registrar lists what others have registered first.
        let (request, answer) = register(line, 6, "");
        line.phone(lab, &request);
        line.server(
            lab,
            &answer.replace(
                one,
                &format!(
                    "Contact: <sip:me@192.168.1.77>\r\nContact: <sip:me@10.1.0.2:5099>\r\n{one}"
                ),
            ),
        );
        call(lab, line, 6200, 5060);
    })
}

fn of_others() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        let (request, answer) = register(line, 1, "");
        let of = |text: &str| text.replace("<sip:me@10.1.0.2", &format!("<sip:me@{INSIDE_2}"));
        line.phone(lab, &of(&request));
        line.server(lab, &of(&answer));
        let other =
            Line { ends: super::Ends { client: INSIDE_2, client_seen: INSIDE_2, ..PLAIN }, ..line };
        call(lab, other, 6000, 5060);
        call(lab, line, 6001, 5060);
        // An expected call registers nothing, from either side.
        line.phone(lab, &request);
        line.server(lab, &answer);
        call(lab, line, 6002, 5060);
        let again = message(
            &[
                "REGISTER sip:192.168.1.9 SIP/2.0",
                "CSeq: 9 REGISTER",
                "Contact: <sip:10.1.0.2:5099>",
                "Expires: 60",
            ],
            "",
        );
        line.ends.by_client(lab, |packet| packet.udp(5060, 6002, again.as_bytes()));
        line.ends.by_server(lab, |packet| packet.udp(6002, 5060, again.as_bytes()));
        line.ends.by_client(lab, |packet| packet.udp(5060, 6002, answer.as_bytes()));
        call(lab, line, 6003, 5099);
        // The other way round.
        let (request, answer) = register(line, 30, "");
        line.server(lab, &request.replace("10.1.0.2", "192.168.1.9"));
        line.phone(lab, &answer.replace("10.1.0.2", "192.168.1.9"));
        line.ends.by_client(lab, |packet| packet.udp(6000, 5060, b"a call back, may be"));
    })
}

/// Connections live for an hour from each message on.
fn far_expiry() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        line.phone(lab, "OPTIONS sip:192.168.1.9 SIP/2.0\r\n\r\n");
        lab.compare_timeouts();
        line.phone(lab, "");
        lab.compare_timeouts();
        line.server(lab, "x");
        lab.compare_timeouts();
        line.server(lab, "");
        lab.compare_timeouts();
    })
}
