//! H.323: calls and what they announce, with and without translation.

mod channels;
mod encoder;
mod ras;
mod ras_encoder;

use std::net::SocketAddr;

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::flags::{ACK, PSH, SYN};

use super::{End, Ends, INWARDS, MASQUERADE, MASQUERADED, PLAIN, PLAIN_V6, STATES, heard};
use crate::{FAR, INSIDE, INSIDE_2};
use encoder::{Channel, Per, Said, Signal, tpkt};

differential!(
    plain,
    plain_v6,
    masqueraded,
    to_a_server_inside,
    cut_up,
    signals_of_a_server_inside,
    within_call_signalling,
    forwarded,
    forwarded_from_inside,
);

fn rules(more: &str) -> String {
    format!(
        "*raw
        -A PREROUTING -p tcp --dport 1720 -j CT --helper Q.931
        -A PREROUTING -p udp --dport 1719 -j CT --helper RAS
        COMMIT
        {STATES}
        {more}"
    )
}

const SERVER_INSIDE: &str = "
    *nat
    -A PREROUTING -i wan0 -p tcp --dport 1720 -j DNAT --to-destination 10.1.0.2
    COMMIT";

/// A place that a message names.
fn at(address: &str, port: u16) -> Option<SocketAddr> {
    Some(SocketAddr::new(address.parse().unwrap(), port))
}

/// A TCP connection whose ends hear what comes out of the router.
struct Talk {
    ends: Ends,
    /// The client's port, that which it connects to and that on which the server listens.
    ports: [u16; 3],
    client: End,
    server: End,
}

impl Talk {
    fn open(lab: &mut Lab, ends: Ends, ports: [u16; 3]) -> Self {
        let [from, to, listens] = ports;
        ends.by_client(lab, |packet| packet.tcp((from, to), SYN, 1000, 0, b""));
        ends.by_server(lab, |packet| packet.tcp((listens, from), SYN | ACK, 5000, 1001, b""));
        ends.by_client(lab, |packet| packet.tcp((from, to), ACK, 1001, 5001, b""));
        let (client, server) = (End { next: 1001, heard: 5001 }, End { next: 5001, heard: 1001 });
        Self { ends, ports, client, server }
    }

    /// The client says something; what arrives.
    fn client(&mut self, lab: &mut Lab, said: &[u8]) -> Vec<u8> {
        let ([from, to, _], End { next, heard: ack }) = (self.ports, self.client);
        let seen =
            self.ends.by_client(lab, |packet| packet.tcp((from, to), PSH | ACK, next, ack, said));
        let Some((end, data)) = heard(&seen) else { return Vec::new() };
        self.client.next = next.wrapping_add(said.len() as u32);
        self.server.heard = end;
        data
    }

    /// The server says something; what arrives.
    fn server(&mut self, lab: &mut Lab, said: &[u8]) -> Vec<u8> {
        let ([from, _, listens], End { next, heard: ack }) = (self.ports, self.server);
        let seen = self
            .ends
            .by_server(lab, |packet| packet.tcp((listens, from), PSH | ACK, next, ack, said));
        let Some((end, data)) = heard(&seen) else { return Vec::new() };
        self.server.next = next.wrapping_add(said.len() as u32);
        self.client.heard = end;
        data
    }
}

/// Compares what is expected, but for how long.
fn compare_expected(lab: &mut Lab) {
    for family in ["ipv4", "ipv6"] {
        lab.compare_tool(&format!(
            "conntrack -L expect -f {family} 2>/dev/null | cut -d ' ' -f 2- | sort"
        ));
    }
}

/// A client connects to where the server listens, as it was told; and the server answers.
fn connect(lab: &mut Lab, ends: Ends, ports: [u16; 3]) -> Talk {
    Talk::open(lab, ends, ports)
}

/// Media both ways between a port of the client and one of the server; each end knows the other by the ports behind.
fn stream(lab: &mut Lab, ends: Ends, [own, seen]: [u16; 2], other: u16) {
    for _ in 0..2 {
        ends.by_server(lab, |packet| packet.udp(other, seen, b"sound"));
        ends.by_client(lab, |packet| packet.udp(own, other, b"sound"));
    }
}

/// The other way round.
fn turned(ends: Ends) -> Ends {
    Ends {
        client: ends.server,
        client_seen: ends.server_seen,
        server: ends.client,
        server_seen: ends.client_seen,
        outwards: !ends.outwards,
    }
}

/// A call with all that it announces.
fn call(lab: &mut Lab, ends: Ends) {
    let (client, server) = (ends.client, ends.server);
    let mut talk = Talk::open(lab, ends, [4000, 1720, 1720]);
    let setup = Said {
        h245: at(client, 1731),
        destination: at(ends.server_seen, 1720),
        source: at(client, 4000),
        fast_start: vec![
            Channel::of(None, at(client, 5001)).open(Per::new()),
            Channel { reverse: Some([at(client, 5002), at(client, 5003)]), ..Channel::default() }
                .open(Per::new()),
        ],
        ..Said::default()
    };
    talk.client(lab, &tpkt(&setup.q931(Signal::Setup)));
    compare_expected(lab);
    stream(lab, ends, [5000, 5000], 6000);
    stream(lab, ends, [5001, 5001], 6001);
    connect(lab, turned(ends), [1800, 1731, 1731]);
    let connected = Said { h245: at(server, 1741), ..Said::default() };
    talk.server(lab, &tpkt(&connected.q931(Signal::Connect)));
    compare_expected(lab);
    let mut control = connect(lab, ends, [1801, 1741, 1741]);
    let opened = Channel::of(None, at(client, 5005)).request();
    control.client(lab, &tpkt(&opened.finish()));
    let acknowledged = Channel::of(at(server, 6004), at(server, 6005)).response();
    control.server(lab, &tpkt(&acknowledged.finish()));
    compare_expected(lab);
    stream(lab, ends, [5005, 5005], 6005);
    stream(lab, turned(ends), [6004, 6004], 5004);
    // Data, asked for and acknowledged.
    let data = Channel { stack: at(client, 1503), ..Channel::of(None, None) };
    control.client(lab, &tpkt(&data.request().finish()));
    let data = Channel { stack: at(server, 1504), ..Channel::of(None, None) };
    control.server(lab, &tpkt(&data.response().finish()));
    compare_expected(lab);
    for port in [1810, 1811] {
        connect(lab, turned(ends), [port, 1503, 1503]);
        connect(lab, ends, [port, 1504, 1504]);
    }
}

fn plain() -> Scenario {
    Scenario::new(&rules(""), |lab| call(lab, PLAIN))
}

fn plain_v6() -> Scenario {
    Scenario::new_v6(&rules(""), |lab| call(lab, PLAIN_V6))
}

fn masqueraded() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| call(lab, MASQUERADED))
}

fn to_a_server_inside() -> Scenario {
    Scenario::new(&rules(SERVER_INSIDE), |lab| call(lab, INWARDS))
}

/// Messages that are cut into segments, and several in one.
fn cut_up() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let ends = MASQUERADED;
        let said = |port| {
            let said = Said { h245: at(ends.client, port), ..Said::default() };
            tpkt(&said.q931(Signal::Facility(false)))
        };
        let mut talk = Talk::open(lab, ends, [4000, 1720, 1720]);
        let mut say = |lab: &mut Lab, parts: &[&[u8]]| {
            for part in parts {
                talk.client(lab, part);
            }
            compare_expected(lab);
        };
        // A header alone, its message.
        let message = said(1001);
        let (header, body) = message.split_at(4);
        say(lab, &[header, body]);
        // The same with something between, and with too little.
        let message = said(1002);
        let (header, body) = message.split_at(4);
        say(lab, &[header, b"", body]);
        say(lab, &[header, b"abc", body]);
        let message = said(1003);
        let (header, body) = message.split_at(4);
        let (one, two) = body.split_at(20);
        say(lab, &[header, one, two]);
        say(lab, &[&message[..3], &message[3..]]);
        say(lab, &[&message[..9], &message[9..]]);
        // Two in one, the second cut, and one behind what is none.
        say(lab, &[&[said(1004), said(1005)].concat()]);
        say(lab, &[&[said(1006), said(1007)[..40].to_vec()].concat()]);
        say(lab, &[&[said(1008), vec![3, 0, 0, 40]].concat(), &said(1009)[4..]]);
        say(lab, &[&[vec![2, 0, 0, 4], said(1010)].concat()]);
        say(lab, &[&[vec![3, 0, 0, 4], said(1011)].concat()]);
        say(lab, &[&[vec![3, 0, 0, 3], said(1012)].concat()]);
        // More than the header promised.
        say(lab, &[header, &[body, &said(1013)].concat()]);
    })
}

/// Every message that may hold addresses, from a server inside.
fn signals_of_a_server_inside() -> Scenario {
    Scenario::new(&rules(SERVER_INSIDE), |lab| {
        let ends = INWARDS;
        let mut talk = Talk::open(lab, ends, [4000, 1720, 1720]);
        let signals = [
            Signal::CallProceeding,
            Signal::Alerting,
            Signal::Progress,
            Signal::Facility(false),
            Signal::Facility(true),
            Signal::Connect,
            Signal::Setup,
        ];
        for (signal, port) in signals.into_iter().zip((6000..).step_by(2)) {
            let said = Said {
                h245: at(ends.server, port - 4000),
                destination: at(ends.client, 4000),
                source: at(ends.server, 1720),
                fast_start: vec![Channel::of(at(ends.server, port), None).open(Per::new())],
                ..Said::default()
            };
            talk.server(lab, &tpkt(&said.q931(signal)));
            // Of somebody else's address nothing comes.
            let said = Said {
                h245: at(INSIDE_2, 1100),
                destination: at(INSIDE_2, 4001),
                source: at(INSIDE_2, 1721),
                fast_start: vec![Channel::of(at(INSIDE_2, 7000), None).open(Per::new())],
                ..Said::default()
            };
            talk.server(lab, &tpkt(&said.q931(signal)));
            compare_expected(lab);
        }
        for port in (2000..2014).step_by(2) {
            connect(lab, ends, [port + 100, port, port]);
            stream(lab, turned(ends), [port + 4000; 2], 5000);
        }
    })
}

/// H.245 in messages of call signalling.
fn within_call_signalling() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let ends = MASQUERADED;
        let mut talk = Talk::open(lab, ends, [4000, 1720, 1720]);
        let channel = |port| Channel::of(at(ends.client, port), at(ends.client, port + 1));
        let data = |port| Channel { stack: at(ends.client, port), ..Channel::default() };
        let said = Said {
            tunnelled: vec![channel(5000).request(), data(1503).response(), data(1504).request()],
            ..Said::default()
        };
        talk.client(lab, &tpkt(&said.q931(Signal::Facility(false))));
        compare_expected(lab);
        // Five of which four count; and in a forwarded call too.
        let tunnelled = (5010..).step_by(2).map(|port| channel(port).response()).take(5).collect();
        let said = Said { tunnelled, h245: at(ends.client, 1731), ..Said::default() };
        talk.client(lab, &tpkt(&said.q931(Signal::Facility(true))));
        compare_expected(lab);
        for port in [5000, 5010, 5012, 5014] {
            stream(lab, ends, [port; 2], 6000);
            stream(lab, ends, [port + 1; 2], 6001);
        }
    })
}

/// A server outside forwards a call to somebody else.
fn forwarded() -> Scenario {
    Scenario::new(&rules(MASQUERADE), |lab| {
        let ends = MASQUERADED;
        let mut talk = Talk::open(lab, ends, [4000, 1720, 1720]);
        for (other, port) in [(FAR, 1720), ("192.168.1.1", 1721), (INSIDE_2, 1722), (INSIDE, 0)] {
            let said = Said { alternative: at(other, port), ..Said::default() };
            talk.server(lab, &tpkt(&said.q931(Signal::Facility(true))));
            // Without that reason it is no such thing.
            let said = Said { alternative: at(other, port + 10), ..Said::default() };
            talk.server(lab, &tpkt(&said.q931(Signal::Facility(false))));
            compare_expected(lab);
            talk.client(lab, &tpkt(&said.q931(Signal::Setup)));
        }
        // The next call has the helper.
        let far = Ends { server: FAR, server_seen: FAR, ..ends };
        let mut next = Talk::open(lab, far, [4001, 1720, 1720]);
        let said = Said { h245: at(ends.client, 1731), ..Said::default() };
        next.client(lab, &tpkt(&said.q931(Signal::Setup)));
        compare_expected(lab);
    })
}

/// A server inside forwards a call, to others inside and outside, whom the caller reaches by the router's address.
fn forwarded_from_inside() -> Scenario {
    Scenario::new(&rules(SERVER_INSIDE), |lab| {
        let ends = INWARDS;
        let mut talk = Talk::open(lab, ends, [4000, 1720, 1720]);
        for (other, port) in [(INSIDE_2, 1722), (FAR, 1723), (INSIDE, 1724)] {
            let said = Said { alternative: at(other, port), ..Said::default() };
            talk.server(lab, &tpkt(&said.q931(Signal::Facility(true))));
            compare_expected(lab);
        }
        let other = Ends { server: INSIDE_2, ..ends };
        connect(lab, other, [4001, 1722, 1722]);
        connect(lab, ends, [4002, 1724, 1724]);
        // The caller itself forwards.
        let said = Said { alternative: at(FAR, 1730), ..Said::default() };
        talk.client(lab, &tpkt(&said.q931(Signal::Facility(true))));
        compare_expected(lab);
    })
}
