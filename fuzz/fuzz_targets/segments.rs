//! What helpers and SYNPROXY read: a client and a server behind the gateway say any bytes to one another on the port of a
//! helper, or a client begins with TCP options of any bytes where SYNPROXY answers for the server. Whatever leaves the gateway
//! has right checksums.
#![no_main]

#[path = "../../control/tests/random/drawn/mod.rs"]
mod drawn;

use drawn::support::frames::{assert_checksums, ipv4, tcp, udp_segment};
use drawn::support::{CLIENT, GATEWAY, Gateway, LAN, SERVER, Spread, WAN, snapshot_with};
use libfuzzer_sys::fuzz_target;
use sluice_config::netfilter::{Family, Ruleset};
use sluice_control::compile::{States, World, compile};
use sluice_control::sets::SharedSets;
use sluice_dataplane::conntrack::Policies;
use sluice_dataplane::rules::Rules;
use sluice_dataplane::worker::Request;
use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

const RULES: &str = "*raw
-A PREROUTING -p tcp --dport 21 -j CT --helper ftp
-A PREROUTING -p udp --dport 69 -j CT --helper tftp
-A PREROUTING -p tcp --dport 6667 -j CT --helper irc
-A PREROUTING -p udp --dport 10080 -j CT --helper amanda
-A PREROUTING -p tcp --dport 6566 -j CT --helper sane
-A PREROUTING -p tcp --dport 1720 -j CT --helper Q.931
-A PREROUTING -p udp --dport 1719 -j CT --helper RAS
-A PREROUTING -p tcp --dport 5060 -j CT --helper sip
-A PREROUTING -p udp --dport 5060 -j CT --helper sip
-A PREROUTING -p tcp --dport 1723 -j CT --helper pptp
-A PREROUTING -p udp --dport 161 -j CT --helper snmp
-A PREROUTING -i lan -p tcp --dport 80 --syn -j CT --notrack
COMMIT
*filter
-A FORWARD -m helper --helper ftp -j ACCEPT
-A FORWARD -p tcp --dport 80 -m state --state UNTRACKED,INVALID -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460
COMMIT
*nat
-A POSTROUTING -o wan -j SNAT --to-source 192.168.1.146
COMMIT
";

/// Ports of services with helpers.
const OVER_TCP: [u16; 6] = [21, 6667, 6566, 1720, 5060, 1723];
const OVER_UDP: [u16; 5] = [69, 10_080, 1719, 5060, 161];

static RULESET: LazyLock<Ruleset> =
    LazyLock::new(|| Ruleset::parse(Family::V4, RULES, "rules").expect("good"));

thread_local! {
    /// With one worker and with two, kept from input to input: to make them takes a hundred times as long as to use them.
    static GATEWAYS: RefCell<[Option<Gateway>; 2]> = const { RefCell::new([None, None]) };
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let (workers, service) = (1 + usize::from(kind >> 7), usize::from(kind >> 2 & 15));
    GATEWAYS.with_borrow_mut(|gateways| {
        let gateway = gateways[workers - 1].get_or_insert_with(|| gateway(workers));
        match kind & 3 {
            0 | 1 => lines(gateway, OVER_TCP[service % OVER_TCP.len()], bytes),
            2 => synproxy(gateway, bytes),
            _ => datagrams(gateway, OVER_UDP[service % OVER_UDP.len()], bytes),
        }
        gateway.check_accounts();
        forget_connections(gateway, workers);
    });
});

/// So that the next input finds the gateway as this one did.
fn forget_connections(gateway: &mut Gateway, workers: usize) {
    let connections = gateway.listed();
    for worker in 0..workers {
        let (reply, _) = crossbeam_channel::bounded(1);
        let connections = connections.clone();
        gateway.ask(worker, Request::Delete { connections, reply, portid: 0 });
    }
    assert!(gateway.listed().is_empty());
}

fn gateway(workers: usize) -> Gateway {
    let mut gateway = Gateway::new(workers, Spread::Hash, Rules::empty(workers));
    let bare = snapshot_with(Rules::empty(workers), Rules::empty(workers), |_| {});
    let (states, sets) = (States::default(), SharedSets::default());
    let policies = &Policies::default();
    let interfaces = &bare.interfaces;
    let world = World { interfaces, states: &states, sets: &sets, policies, workers };
    let rules = compile(&RULESET, world, &bare.rules4).expect("good").rules;
    gateway.publish_snapshot(Arc::new(snapshot_with(rules, Rules::empty(workers), |_| {})));
    gateway
}

fn pass(gateway: &mut Gateway, port: u16, frame: &[u8]) {
    for (_, sent) in gateway.receive(port, frame) {
        check(&sent);
    }
}

fn check(sent: &[u8]) {
    if sent.get(12..14) == Some(&[8, 0]) && [Some(&6), Some(&17)].contains(&sent.get(23)) {
        assert_checksums(sent);
    }
}

/// Each segment behind a byte of who says it and how the numbers go on, and a length.
fn lines(gateway: &mut Gateway, service: u16, bytes: &[u8]) {
    let (client, outside, server) = ((CLIENT, 4000), (GATEWAY, 4000), (SERVER, service));
    pass(gateway, LAN, &tcp(LAN, client, server, 2, 100, 0, b""));
    pass(gateway, WAN, &tcp(WAN, server, outside, 18, 500, 101, b""));
    pass(gateway, LAN, &tcp(LAN, client, server, 16, 101, 501, b""));
    let (mut from_client, mut from_server, mut rest) = (101_u32, 501_u32, bytes);
    while let [how, length, tail @ ..] = rest {
        let (text, behind) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = behind;
        // Now and then again, or with a hole.
        let shift = match how >> 1 & 7 {
            0 => u32::from(how >> 4).wrapping_neg(),
            1 => u32::from(how >> 4),
            _ => 0,
        };
        let grown = text.len() as u32;
        if how & 1 == 0 {
            let seq = from_client.wrapping_add(shift);
            pass(gateway, LAN, &tcp(LAN, client, server, 16, seq, from_server, text));
            from_client = seq.wrapping_add(grown);
        } else {
            let seq = from_server.wrapping_add(shift);
            pass(gateway, WAN, &tcp(WAN, server, outside, 16, seq, from_client, text));
            from_server = seq.wrapping_add(grown);
        }
    }
}

/// Segments of both ends with options of any bytes.
fn synproxy(gateway: &mut Gateway, bytes: &[u8]) {
    let (client, outside, server) = ((CLIENT, 4000), (GATEWAY, 4000), (SERVER, 80));
    let (mut rest, mut seq, mut ack) = (bytes, 100_u32, 0_u32);
    while let [how, flags, length, tail @ ..] = rest {
        let length = usize::from(length % 41) & !3;
        let (options, behind) = tail.split_at(tail.len().min(length) & !3);
        rest = behind;
        let header = 20 + options.len();
        let (port, from, to) =
            if how & 1 == 0 { (LAN, client, server) } else { (WAN, server, outside) };
        let mut frame = tcp(port, from, to, *flags, seq, ack, options);
        frame[46] = (header as u8 / 4) << 4;
        if let Some(last) = gateway.receive(port, &complete(frame)).last().map(|(_, sent)| sent) {
            check(last);
            // As whoever got it would go on.
            if let Some(number) = last.get(38..42) {
                ack = u32::from_be_bytes(number.try_into().expect("four")).wrapping_add(1);
            }
        }
        seq = seq.wrapping_add(u32::from(how >> 4 & 1));
    }
}

/// With the checksum that belongs to its changed header.
fn complete(mut frame: Vec<u8>) -> Vec<u8> {
    use sluice_dataplane::wire::checksum::complete_l4;
    use sluice_dataplane::wire::parse::{Payload, parse_trusted};
    if let Ok(Payload::Ip(headers)) = parse_trusted(&frame).map(|parsed| parsed.payload) {
        complete_l4(&mut frame, &headers);
    }
    frame
}

/// Questions, and answers from the same port and from another.
fn datagrams(gateway: &mut Gateway, service: u16, bytes: &[u8]) {
    let mut rest = bytes;
    while let [port, length, tail @ ..] = rest {
        let (text, behind) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = behind;
        let from = 4000 + u16::from(*port);
        let segment = udp_segment((CLIENT, from), (SERVER, service), text);
        pass(gateway, LAN, &ipv4(LAN, 17, CLIENT, SERVER, 0, &segment));
        for port in [service, 1024] {
            let segment = udp_segment((SERVER, port), (GATEWAY, from), text);
            pass(gateway, WAN, &ipv4(WAN, 17, SERVER, GATEWAY, 0, &segment));
        }
    }
}
