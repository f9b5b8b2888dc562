//! Calls without translation: media are RELATED.

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};

use super::{Ends, Line, PLAIN, PLAIN_V6, answer, from_phone, rules, session};
use crate::{FAR, INSIDE_2};

differential!(plain, plain_v6, refused, changed, kinds, elsewhere, same_ports, ended);

const AUDIO: &[&str] = &["audio 4000 RTP/AVP 0 8"];

fn calls(lab: &mut Lab, line: Line) {
    let ends = line.ends;
    line.phone(lab, &from_phone(line, "INVITE", 1, &session(ends.client, AUDIO)));
    line.server(lab, &answer(line, "100 Trying", 1, "INVITE", ""));
    line.media(lab, 7000, 4000);
    line.media(lab, 7001, 4001);
    line.media(lab, 7002, 4002);
    // Once.
    line.media(lab, 7004, 4000);
    line.server(
        lab,
        &answer(line, "200 OK", 1, "INVITE", &session(ends.server, &["audio 7010 RTP/AVP 0"])),
    );
    line.phone(lab, &from_phone(line, "ACK", 1, ""));
    line.media_out(lab, 4000, 7010);
    line.media_out(lab, 4001, 7011);
    line.media_out(lab, 4010, 7010);
    line.phone(lab, &from_phone(line, "BYE", 2, ""));
    line.server(lab, &answer(line, "200 OK", 2, "BYE", ""));
}

fn plain() -> Scenario {
    Scenario::new(&rules(""), |lab| calls(lab, Line::new(PLAIN)))
}

fn plain_v6() -> Scenario {
    Scenario::new_v6(&rules(""), |lab| calls(lab, Line::new(PLAIN_V6)))
}

fn refused() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        line.phone(lab, &from_phone(line, "INVITE", 1, &session(PLAIN.client, AUDIO)));
        line.server(lab, &answer(line, "486 Busy Here", 2, "INVITE", ""));
        line.media(lab, 7000, 4000);
        line.server(lab, &answer(line, "486 Busy Here", 1, "INVITE", ""));
        line.media(lab, 7001, 4001);
        line.phone(lab, &from_phone(line, "INVITE", 3, &session(PLAIN.client, AUDIO)));
        line.server(lab, &answer(line, "404 Not Found", 3, "UPDATE", ""));
        line.media(lab, 7002, 4000);
        line.phone(lab, &from_phone(line, "INVITE", 4, &session(PLAIN.client, AUDIO)));
        line.server(lab, &answer(line, "404 Not Found", 4, "ACK", ""));
        line.server(lab, &answer(line, "404 Not Found", 4, "BYE", ""));
        line.media(lab, 7003, 4000);
        line.server(lab, &answer(line, "500 No", 4, "PRACK", ""));
        line.media(lab, 7004, 4001);
    })
}

fn changed() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        let offer = |port: u16| session(PLAIN.client, &[&format!("audio {port} RTP/AVP 0")]);
        line.phone(lab, &from_phone(line, "INVITE", 1, &offer(4000)));
        line.phone(lab, &from_phone(line, "INVITE", 1, &offer(4000)));
        line.media(lab, 7000, 4000);
        // Another INVITE forgets, the other requests add; of four the oldest gives way.
        line.phone(lab, &from_phone(line, "INVITE", 2, &offer(4010)));
        line.media(lab, 7001, 4001);
        for (method, port) in [("UPDATE", 4020), ("PRACK", 4030), ("ACK", 4040)] {
            line.phone(lab, &from_phone(line, method, 3, &offer(port)));
        }
        for port in [4010, 4011, 4020, 4021, 4030, 4031, 4040, 4041] {
            line.media(lab, port + 3000, port);
        }
        line.phone(lab, &from_phone(line, "UPDATE", 4, &offer(4050)));
        line.server(
            lab,
            &answer(
                line,
                "183 Session Progress",
                4,
                "UPDATE",
                &session(PLAIN.server, &["audio 7050 RTP/AVP 0"]),
            ),
        );
        line.media_out(lab, 4060, 7050);
        line.media(lab, 7060, 4050);
        line.phone(lab, &from_phone(line, "MESSAGE", 5, &offer(4060)));
        line.media(lab, 7061, 4060);
        line.phone(lab, &from_phone(line, "invite", 6, &offer(4070)));
        line.media(lab, 7071, 4070);
        line.phone(lab, &from_phone(line, "INVITED", 7, &offer(4080)));
        line.media(lab, 7081, 4080);
    })
}

fn kinds() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        let media = [
            "application 4100 UDP/BFCP *",
            "audio 0 RTP/AVP 0",
            "audio 4001 RTP/AVP 0",
            "video 4010 RTP/AVP 31",
            "image 4020 udptl t38",
            "audio 4030 RTP/AVP 0",
            "Audio 4040 RTP/AVP 0",
        ];
        line.phone(lab, &from_phone(line, "INVITE", 1, &session(PLAIN.client, &media)));
        for port in [4000, 4001, 4002, 4010, 4011, 4020, 4021, 4030, 4040, 4100] {
            line.media(lab, port + 3000, port);
        }
        for media in [
            "video 4200/2 RTP/AVP 31",
            "audio 80 RTP/AVP 0",
            "audio 65536 RTP/AVP 0",
            "audio 65535 RTP/AVP 0",
            "audio  4300",
            "audio",
            "audio 000000004400 x",
            "audio 00004500",
        ] {
            line.phone(lab, &from_phone(line, "INVITE", 2, &session(PLAIN.client, &[media])));
        }
        for port in [4200, 4201, 65534, 65535, 4300, 4400, 4500] {
            line.media(lab, port - 1000, port);
        }
    })
}

fn elsewhere() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        // Media go to somebody else, who has not asked for them.
        line.phone(lab, &from_phone(line, "INVITE", 1, &session(INSIDE_2, AUDIO)));
        let other =
            Line { ends: Ends { client: INSIDE_2, client_seen: INSIDE_2, ..PLAIN }, ..line };
        other.media(lab, 7000, 4000);
        // They come from somebody else.
        line.phone(lab, &from_phone(line, "INVITE", 2, &session(PLAIN.client, AUDIO)));
        let other = Line { ends: Ends { server: FAR, server_seen: FAR, ..PLAIN }, ..line };
        other.media(lab, 7000, 4000);
        // Each of several has an address of its own.
        let media = [
            "audio 4000 RTP/AVP 0\r\nc=IN IP4 10.1.0.3",
            "video 4010 RTP/AVP 0\r\nc=IN IP4 10.1.0.2",
        ];
        let body = session(PLAIN.client, &media).replacen("c=IN IP4 10.1.0.2\r\nt=", "t=", 1);
        line.phone(lab, &from_phone(line, "INVITE", 3, &body));
        line.media(lab, 7001, 4001);
        line.media(lab, 7010, 4010);
        let body = body.replacen("c=IN", "x=IN", 1);
        line.phone(lab, &from_phone(line, "INVITE", 4, &body));
        line.phone(lab, &from_phone(line, "INVITE", 4, &body.replace("IP4", "IP6")));
    })
}

fn same_ports() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        // Two kinds at one port.
        line.phone(
            lab,
            &from_phone(
                line,
                "INVITE",
                1,
                &session(PLAIN.client, &["audio 4000 RTP/AVP 0", "video 4000 RTP/AVP 0"]),
            ),
        );
        line.media(lab, 7000, 4000);
        line.media(lab, 7001, 4000);
        // Two connections announce the same.
        let second = Line { phone: 5070, phone_seen: 5070, ..line };
        line.phone(lab, &from_phone(line, "INVITE", 2, &session(PLAIN.client, AUDIO)));
        second.phone(lab, &from_phone(second, "INVITE", 2, &session(PLAIN.client, AUDIO)));
        line.media(lab, 7002, 4000);
        line.phone(lab, &from_phone(line, "BYE", 3, ""));
        line.media(lab, 7003, 4001);
        second.phone(lab, &from_phone(second, "INVITE", 3, &session(PLAIN.client, AUDIO)));
        line.phone(
            lab,
            &from_phone(line, "INVITE", 4, &session(PLAIN.client, &["video 4000 RTP/AVP 0"])),
        );
        second.phone(lab, &from_phone(second, "BYE", 4, ""));
        line.media(lab, 7004, 4000);
    })
}

fn ended() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        line.phone(lab, &from_phone(line, "INVITE", 1, &session(PLAIN.client, AUDIO)));
        line.server(lab, &from_phone(line, "BYE", 1, ""));
        line.media(lab, 7000, 4000);
        line.phone(lab, &from_phone(line, "INVITE", 1, &session(PLAIN.client, AUDIO)));
        // What a connection expects goes with it.
        lab.flush_connections();
        line.media(lab, 7001, 4000);
    })
}
