//! Messages that are not as they should be: what passes, what is dropped, and what is read nevertheless.

use sluice_tests::differential;
use sluice_tests::differential::Scenario;

use super::{Line, MASQUERADE, MASQUERADED, PLAIN, answer, from_phone, register, rules, session};

differential!(requests, responses, headers, translated);

const AUDIO: &[&str] = &["audio 4000 RTP/AVP 0"];

fn requests() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        let invite = from_phone(line, "INVITE", 1, &session(PLAIN.client, AUDIO));
        for text in [
            invite.replace("CSeq: 1 INVITE", "X: y"),
            invite.replace("CSeq: 1 INVITE", "CSeq: INVITE"),
            invite.replace("CSeq: 1 INVITE", "CSeq : \r\n\t1 INVITE"),
            invite.replace("CSeq: 1 INVITE", "CSeq: 4294967296 INVITE"),
            invite.replace("CSeq: 1 INVITE", "CSeq 1 INVITE"),
            invite.replace("CSeq: 1 INVITE", "cseq:0"),
            invite.replace("INVITE sip", "INVITE  sip"),
            invite.replace("INVITE sip", "INVITE"),
            invite.replace("INVITE sip:", "INVITE tel:"),
            invite.replace("INVITE sip:", "ACK *sip:"),
            invite.replace("CSeq: 1 INVITE", "X: y").replace("INVITE sip", "OPTIONS sip"),
            invite.replace("v=0", "v="),
            invite.replace("v=0", "w=0"),
            invite.replace("\r\n", "\n"),
            invite.replace("\r\n", "\r"),
            invite.replace("IN IP4", "in ip4"),
            invite.replace("c=IN IP4 10.1.0.2", "c=IN IP4 10.1.0.256"),
            invite.replace("c=IN IP4 10.1.0.2", "c=IN IP4 10.1.0.2/127"),
            invite.replace("c=IN IP4 10.1.0.2", "C=IN IP4 010.001.00.0002"),
            "INVITE ".into(),
            "INVITE sip:".into(),
            "INVITE sip:a@1.2.3.4 SIP/2.0".into(),
            "REGISTER sip:a\r\n\r\n".into(),
            "\r\n\r\n".into(),
            "\0\0\0\0\0\0\0\0\0\0\0\0".into(),
        ] {
            line.phone(lab, &text);
            line.media(lab, 7000, 4000);
            lab.flush_connections();
        }
    })
}

fn responses() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        let invite = from_phone(line, "INVITE", 1, &session(PLAIN.client, AUDIO));
        line.phone(lab, &invite);
        let ok = answer(line, "200 OK", 1, "INVITE", &session(PLAIN.server, &["audio 7010 x"]));
        for text in [
            ok.replace("200 OK", "OK"),
            ok.replace("200 OK", "000 OK"),
            ok.replace("200 OK", "4294967497"),
            ok.replace("CSeq: 1 INVITE", "X: y"),
            ok.replace("CSeq: 1 INVITE", "CSeq: x"),
            ok.replace("CSeq: 1 INVITE", "CSeq: 1\tINVITE"),
            ok.replace("CSeq: 1 INVITE", "CSeq: 1  INVITE"),
            ok.replace("CSeq: 1 INVITE", "CSeq: 1 INV"),
            ok.replace("SIP/2.0 200", "SIP/2.0200"),
            ok.replace("SIP/2.0 200", "sip/2.0 200"),
            "SIP/2.0 20".into(),
            "SIP/2.0 200".into(),
        ] {
            line.server(lab, &text);
            line.media_out(lab, 4000, 7010);
            lab.flush_connections();
            line.phone(lab, &invite);
        }
    })
}

fn headers() -> Scenario {
    Scenario::new(&rules(""), |lab| {
        let line = Line::new(PLAIN);
        let (request, answer) = register(line, 1, "");
        let contact = "Contact: <sip:me@10.1.0.2:5060>";
        for other in [
            "contact:sip:10.1.0.2:5060",
            "m\t:\tsip:10.1.0.2:5060",
            "m:sip:me@10.1.0.2:5060;x",
            "ma: sip:10.1.0.2:5060",
            "Contact\r\n : \r\n <sip:me@10.1.0.2:5060>",
            "Contact:\r\n\r\n <sip:me@10.1.0.2:5060>",
            "Contact: <sips:me@10.1.0.2:5060>",
            "Contact: <SIP:me@10.1.0.2:05060>",
            "Contact: <sip:me@10.1.0.2:005060>",
            "Contact: <sip:me@10.1.0.2:80>",
            "Contact: <sip:me@10.1.0.2:>",
            "Contact: <sip:me@10.1.0.2>",
            "Contact: <sip:me@10.1.0.2:x>",
            "Contact: <sip:me@10.1.0.2a>",
            "Contact: <sip:me@10.1.0.2.>",
            "Contact: <sip:me@[10.1.0.2]>",
            "Contact: <sip:me@ 10.1.0.2>",
            "Contact: 10.1.0.2",
        ] {
            line.phone(lab, &request.replace(contact, other));
            line.server(lab, &answer);
            line.ends.by_server(lab, |packet| packet.udp(6000, 5060, b"a call"));
            lab.flush_connections();
        }
    })
}

/// What is not understood is dropped where it would have to be written otherwise.
fn translated() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let line = Line::new(MASQUERADED);
        let invite = from_phone(line, "INVITE", 1, &session(MASQUERADED.client, AUDIO));
        for text in [
            invite.replace("o=", "x="),
            invite.replace("o=- 1 1 IN IP4", "o=- 1 1 IN IP6"),
            invite.replace("Content-Length", "Content"),
            invite.replace("Content-Length", "l"),
            invite.replace("Content-Length: ", "l:x"),
            invite.replace("c=", "x="),
            invite.replace("c=IN IP4 10.1.0.2", "c=IN IP4 10.1.0.3"),
            invite.replace("audio 4000", "audio 0"),
            invite.replace("audio 4000", "text 4000"),
            invite.replace("c=", "x=").replace("audio 4000", "audio 0"),
            invite.replace("m=audio", "x"),
            invite.replace("m=audio 4000 RTP/AVP 0", "m=audio 4001 RTP/AVP 0\r\nc=IN IP4 10.1.0.2\r\nm=audio 0 x"),
            invite.replace("m=audio 4000 RTP/AVP 0", "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 10.1.0.77"),
            invite.replace("INVITE sip:you@192.168.1.9", "INVITE sip:10.1.0.2:5060"),
            invite.replace("INVITE sip:", "INVITE sip:\r\n"),
            invite.replace("UDP 10", "TCP 10"),
            invite.replace("Via: ", "Via: SIP/2.0/UDP 192.168.1.9:5060\r\nVia: "),
            invite.replace("\r\n", "\n"),
            invite.replace("Contact: <sip:me@10.1.0.2:5060>", "Contact: <sip:me@10.1.0.2:5061>, <sip:10.1.0.2>,\r\n <sip:you@10.1.0.2:5060>;q=1\r\nm: sip:10.1.0.2"),
            invite.replace("From: <sip:me@10.1.0.2>", "f: sip:10.1.0.2\r\nFrom: sip:10.1.0.2"),
        ] {
            line.phone(lab, &text);
            line.media(lab, 7000, 4000);
            lab.flush_connections();
        }
    })
}
