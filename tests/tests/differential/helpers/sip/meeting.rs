//! Where several translated connections meet: two phones, their media, what is announced twice.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::Packet;

use super::{
    Ends, Line, MASQUERADE, MASQUERADED, PLAIN, answer, from_phone, message, rules, session,
};
use crate::{FAR, INSIDE, INSIDE_2, ROUTER_OUT};

differential!(between_phones_inside, media_go_straight, media_of_other_helpers, marks_and_names);

const AUDIO: &[&str] = &["audio 4000 RTP/AVP 0"];

/// A server outside connects two phones inside.
fn between_phones_inside() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let first = Line::new(MASQUERADED);
        let second =
            Line { phone: 5070, phone_seen: 5070, ends: Ends { client: INSIDE_2, ..MASQUERADED } };
        first.phone(lab, &from_phone(first, "INVITE", 1, &session(first.ends.client, AUDIO)));
        second.phone(lab, &from_phone(second, "OPTIONS", 1, ""));
        // The server passes the offer on as it has got it, to the other phone.
        let offer = session(ROUTER_OUT, AUDIO);
        let text = message(
            &[
                "INVITE sip:you@192.168.1.146:5070 SIP/2.0",
                "Via: SIP/2.0/UDP 192.168.1.9:5060",
                "CSeq: 1 INVITE",
                "Contact: <sip:me@192.168.1.146>",
            ],
            &offer,
        );
        second.server(lab, &text);
        let ok = message(
            &["SIP/2.0 200 OK", "Via: SIP/2.0/UDP 192.168.1.9:5060", "CSeq: 1 INVITE"],
            &session(INSIDE_2, &["audio 4100 RTP/AVP 0"]),
        );
        second.phone(lab, &ok);
        first.server(
            lab,
            &answer(first, "200 OK", 1, "INVITE", &session(ROUTER_OUT, &["audio 4100 RTP/AVP 0"])),
        );
        lab.lan(&Packet::new(INSIDE_2, ROUTER_OUT).udp(4100, 4000, b"around"));
    })
}

/// Both ends of a call are known to the router by other addresses: their media need no detour.
fn media_go_straight() -> Scenario {
    let nat = "
        *nat
        -A PREROUTING -i lan0 -d 198.51.100.7 -j DNAT --to-destination 10.1.0.2
        -A PREROUTING -i wan0 -p udp --dport 5060 -j DNAT --to-destination 10.1.0.3
        COMMIT";
    Scenario::new(&rules(nat), |lab| {
        // A call to somebody far, who is near.
        let udp = |from: &str, to: &str, ports: (u16, u16), text: &str| {
            Packet::new(from, to).udp(ports.0, ports.1, text.as_bytes())
        };
        let invite = message(
            &["INVITE sip:you@198.51.100.7 SIP/2.0", "Via: SIP/2.0/UDP 10.1.0.3", "CSeq: 1 INVITE"],
            &session(INSIDE_2, &["audio 4100 RTP/AVP 0"]),
        );
        lab.lan(&udp(INSIDE_2, FAR, (5060, 5060), &invite));
        let ok = message(
            &["SIP/2.0 200 OK", "Via: SIP/2.0/UDP 10.1.0.3", "CSeq: 1 INVITE"],
            &session(INSIDE, AUDIO),
        );
        lab.lan(&udp(INSIDE, INSIDE_2, (5060, 5060), &ok));
        // The one far offers the same media to the same phone.
        let offer = message(
            &[
                "INVITE sip:you@192.168.1.146 SIP/2.0",
                "Via: SIP/2.0/UDP 198.51.100.7:5070",
                "CSeq: 1 INVITE",
            ],
            &session(FAR, &["audio 4000 RTP/AVP 0", "video 4000 RTP/AVP 31"]),
        );
        lab.wan(&udp(FAR, ROUTER_OUT, (5070, 5060), &offer));
        let offer =
            offer.replace("m=video 4000 RTP/AVP 31", "m=audio 4001 x\r\nc=IN IP4 198.51.100.7");
        lab.wan(&udp(FAR, ROUTER_OUT, (5070, 5060), &offer));
        for port in [4000, 4001] {
            lab.lan(&udp(INSIDE_2, INSIDE, (4100, port), "straight"));
            lab.lan(&udp(INSIDE_2, FAR, (4102, port), "around"));
        }
    })
}

/// Where another helper expects the same already, media are not announced.
fn media_of_other_helpers() -> Scenario {
    let tftp = "
        *raw
        -A PREROUTING -p udp --dport 69 -j CT --helper tftp
        -A PREROUTING -p udp --dport 5060 -j CT --helper sip
        COMMIT";
    let rules = format!("{tftp}\n{}\n{MASQUERADE}", super::STATES);
    Scenario::new(&rules, |lab| {
        let line = Line::new(MASQUERADED);
        for port in [4000, 4003] {
            let request = b"\x00\x01name\x00octet\x00";
            lab.lan(&Packet::new(INSIDE, PLAIN.server).udp(port, 69, request));
        }
        for (sequence, port) in [(1, 4000), (2, 4002), (3, 4004)] {
            let media = format!("audio {port} RTP/AVP 0");
            line.phone(lab, &from_phone(line, "INVITE", sequence, &session(INSIDE, &[&media])));
            line.media(lab, 7000 + port, port);
        }
        line.phone(lab, &from_phone(line, "INVITE", 4, &session(INSIDE, &["audio 65534 x"])));
        line.media(lab, 7000, 65535);
    })
}

fn marks_and_names() -> Scenario {
    let rules = format!(
        "{}
        *mangle
        -A PREROUTING -p udp --dport 5060 -j CONNMARK --set-mark 7
        -A FORWARD -m connmark --mark 7 -j DSCP --set-dscp 7
        COMMIT
        *filter
        -A FORWARD -m helper --helper sip
        -A FORWARD -m helper --helper sip -p tcp
        -A FORWARD -m helper --helper ''
        -A FORWARD -m helper ! --helper sip
        -A FORWARD -m conntrack --ctstate RELATED -m helper --helper sip -j ACCEPT
        -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
        -A FORWARD -p udp --dport 5060 -m conntrack --ctstate NEW -j ACCEPT
        -A FORWARD -j DROP
        COMMIT",
        super::SIP
    );
    Scenario::new(&rules, |lab| {
        let line = Line::new(PLAIN);
        let (request, consent) = super::register(line, 1, "");
        line.phone(lab, &request);
        line.server(lab, &consent);
        line.ends.by_server(lab, |packet| packet.udp(6000, 5060, b"a call"));
        line.ends.by_server(lab, |packet| packet.udp(6000, 5061, b"no call"));
        line.phone(lab, &from_phone(line, "INVITE", 2, &session(INSIDE, AUDIO)));
        line.media(lab, 7000, 4000);
        line.media(lab, 7002, 4002);
        // A call that was expected announces media of its own.
        let invite = from_phone(line, "INVITE", 3, &session(INSIDE, &["audio 4200 x"]));
        line.ends.by_client(lab, |packet| packet.udp(5060, 6000, invite.as_bytes()));
        line.media(lab, 7004, 4200);
        lab.compare_counters("filter");
    })
}
