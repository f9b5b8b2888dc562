//! H.323: calls and what they announce, with and without translation.

mod encoder;
mod ras_encoder;

use std::net::SocketAddr;

use sluice_tests::differential;
use sluice_tests::differential::{Lab, Scenario};
use sluice_tests::frame::flags::{ACK, PSH, SYN};

use super::{End, Ends, INWARDS, MASQUERADED, PLAIN, PLAIN_V6, STATES, heard};
use encoder::{Channel, Per, Said, Signal, tpkt};

differential!(plain, plain_v6, masqueraded, to_a_server_inside, cut_up);

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

const MASQUERADE: &str = "
    *nat
    -A POSTROUTING -o wan0 -j MASQUERADE
    COMMIT";
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

/// What is expected, but for how long.
fn note_expected(lab: &mut Lab) {
    if std::env::var("SHOW").is_ok() {
        println!("{}", lab.tool("conntrack -L expect"));
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
    note_expected(lab);
    stream(lab, ends, [5000, 5000], 6000);
    stream(lab, ends, [5001, 5001], 6001);
    connect(lab, turned(ends), [1800, 1731, 1731]);
    let connected = Said { h245: at(server, 1741), ..Said::default() };
    talk.server(lab, &tpkt(&connected.q931(Signal::Connect)));
    note_expected(lab);
    let mut control = connect(lab, ends, [1801, 1741, 1741]);
    let opened = Channel::of(None, at(client, 5005)).request();
    control.client(lab, &tpkt(&opened.finish()));
    let acknowledged = Channel::of(at(server, 6004), at(server, 6005)).response();
    control.server(lab, &tpkt(&acknowledged.finish()));
    note_expected(lab);
    stream(lab, ends, [5005, 5005], 6005);
    stream(lab, turned(ends), [6004, 6004], 5004);
    // Data, asked for and acknowledged.
    let data = Channel { stack: at(client, 1503), ..Channel::of(None, None) };
    control.client(lab, &tpkt(&data.request().finish()));
    let data = Channel { stack: at(server, 1504), ..Channel::of(None, None) };
    control.server(lab, &tpkt(&data.response().finish()));
    note_expected(lab);
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
            note_expected(lab);
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
