//! Helpers over the public interface of the data plane: an expected connection is found by whichever worker sees its first
//! packet, and only once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use sluice_dataplane::conntrack::Helper::{Ftp, Tftp};
use sluice_dataplane::conntrack::{Changes, PolicyId};
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::rules::matches::Match;
use sluice_dataplane::rules::matches::helper::Helper;
use sluice_dataplane::rules::matches::interface::Ingress;
use sluice_dataplane::rules::matches::port::{DestinationPort, PortRange};
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::targets::ct::{Template, ZoneNumber};
use sluice_dataplane::rules::{Hook, Rules, Table};
use support::frames::{End, assert_checksums, ends, ipv4, tcp, udp_segment};
use support::rules::{compile, new_only, snat};
use support::{CLIENT, GATEWAY, Gateway, LAN, SERVER, SPREADS, Spread, WAN};

const SYN: u8 = 2;
const ACK: u8 = 16;

fn everywhere(test: impl Fn(usize, Spread)) {
    for workers in [1, 2, 3] {
        for spread in SPREADS {
            test(workers, spread);
        }
    }
}

/// Nobody outside begins anything that no helper expects.
fn rules(workers: usize) -> Rules<sluice_dataplane::address::V4> {
    let helped = |helper| {
        Target::Ct(Template {
            zone: ZoneNumber::Fixed(0),
            original: true,
            reply: true,
            silenced: Changes::default(),
            silenced_expectations: Changes::default(),
            policy: PolicyId::default(),
            helper: Some(helper),
        })
    };
    let to = |port| {
        let range = PortRange { from: port, to: port };
        Match::DestinationPort(DestinationPort { range, invert: false })
    };
    let by = |port| Match::Ingress(Ingress::new(vec![InterfaceId(port)], false));
    let expected =
        Match::Helper(Helper { helpers: [Ftp, Tftp].into_iter().collect(), invert: false });
    let raw = vec![(vec![to(21)], helped(Ftp)), (vec![to(69)], helped(Tftp))];
    let filter = vec![(vec![expected], Target::Accept), (vec![by(WAN), new_only()], Target::Drop)];
    let nat = vec![(vec![by(LAN)], snat(GATEWAY, None))];
    let chains = vec![
        (Table::Raw, Hook::Prerouting, raw),
        (Table::Filter, Hook::Forward, filter),
        (Table::Nat, Hook::Postrouting, nat),
    ];
    compile(chains, workers)
}

/// The one frame that leaves when this one comes.
fn pass(gateway: &mut Gateway, port: u16, frame: &[u8]) -> Vec<u8> {
    let sent = gateway.receive(port, frame);
    let [(_, frame)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_checksums(frame);
    frame.clone()
}

/// A control connection from that port of the client, in which both ends have spoken.
fn control(gateway: &mut Gateway, port: u16) {
    let (client, outside, server) = ((CLIENT, port), (GATEWAY, port), (SERVER, 21));
    pass(gateway, LAN, &tcp(LAN, client, server, SYN, 100, 0, b""));
    pass(gateway, WAN, &tcp(WAN, server, outside, SYN | ACK, 500, 101, b""));
    pass(gateway, LAN, &tcp(LAN, client, server, ACK, 101, 501, b"USER\r\n"));
    pass(gateway, WAN, &tcp(WAN, server, outside, ACK, 501, 107, b"230 in\r\n"));
}

/// What the client says arrives as this.
fn say(gateway: &mut Gateway, port: u16, seq: u32, text: &[u8]) -> String {
    let frame = tcp(LAN, (CLIENT, port), (SERVER, 21), ACK, seq, 509, text);
    String::from_utf8(pass(gateway, LAN, &frame)[54..].into()).unwrap()
}

fn data_syn(from: u16, to: u16) -> Vec<u8> {
    tcp(WAN, (SERVER, from), (GATEWAY, to), SYN, 1, 0, b"")
}

#[test]
fn a_data_connection_is_expected_by_all_workers_once() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, rules(workers));
        control(&mut gateway, 4000);
        // One that nobody has announced is for the gateway itself.
        assert!(gateway.receive(WAN, &data_syn(19, 1025)).is_empty(), "{workers} {spread:?}");
        let said = say(&mut gateway, 4000, 107, b"PORT 10,1,0,2,4,1\r\n");
        assert_eq!(said, "PORT 192,168,1,146,4,1\r\n", "{workers} {spread:?}");
        for _ in 0..3 {
            let syn = pass(&mut gateway, WAN, &data_syn(20, 1025));
            assert_eq!(ends(&syn), ((SERVER, 20), (CLIENT, 1025)));
            let answer = tcp(LAN, (CLIENT, 1025), (SERVER, 20), SYN | ACK, 900, 2, b"");
            let answer = pass(&mut gateway, LAN, &answer);
            assert_eq!(ends(&answer), ((GATEWAY, 1025), (SERVER, 20)));
        }
        assert!(gateway.receive(WAN, &data_syn(21, 1025)).is_empty(), "{workers} {spread:?}");
        // What the server has heard is five bytes more.
        let heard = tcp(WAN, (SERVER, 21), (GATEWAY, 4000), ACK, 509, 131, b"200\r\n");
        let frame = pass(&mut gateway, WAN, &heard);
        assert_eq!(frame[42..46], 126_u32.to_be_bytes(), "{workers} {spread:?}");
        let next = tcp(LAN, (CLIENT, 4000), (SERVER, 21), ACK, 126, 514, b"RETR it\r\n");
        assert_eq!(pass(&mut gateway, LAN, &next)[38..42], 131_u32.to_be_bytes());
    });
}

#[test]
fn clients_that_announce_the_same_port_get_their_own() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, rules(workers));
        control(&mut gateway, 4000);
        control(&mut gateway, 4001);
        let numbers = |port| {
            let [high, low] = u16::to_be_bytes(port);
            format!("PORT 192,168,1,146,{high},{low}\r\n")
        };
        assert_eq!(say(&mut gateway, 4000, 107, b"PORT 10,1,0,2,4,1\r\n"), numbers(1025));
        let other = say(&mut gateway, 4001, 107, b"PORT 10,1,0,2,4,1\r\n");
        let port = (1026..=u16::MAX).find(|port| numbers(*port) == other);
        let port = port.unwrap_or_else(|| panic!("{other}"));
        for (from, port) in [(20, port), (19, 1025)] {
            let syn = pass(&mut gateway, WAN, &data_syn(from, port));
            assert_eq!(ends(&syn), ((SERVER, from), (CLIENT, 1025)), "{workers} {spread:?}");
        }
    });
}

#[test]
fn what_is_expected_ends_with_its_connection_and_in_time() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, rules(workers));
        control(&mut gateway, 4000);
        say(&mut gateway, 4000, 107, b"PORT 10,1,0,2,4,1\r\n");
        gateway.age(299);
        say(&mut gateway, 4000, 126, b"NOOP\r\n");
        gateway.age(2);
        assert!(gateway.receive(WAN, &data_syn(20, 1025)).is_empty(), "{workers} {spread:?}");
        say(&mut gateway, 4000, 132, b"PORT 10,1,0,2,4,2\r\n");
        let (client, server) = ((CLIENT, 4000), (SERVER, 21));
        pass(&mut gateway, LAN, &tcp(LAN, client, server, 4, 151, 0, b""));
        gateway.age(60);
        assert!(gateway.receive(WAN, &data_syn(20, 1026)).is_empty(), "{workers} {spread:?}");
    });
}

#[test]
fn a_transfer_comes_from_a_port_of_the_server_s_choice() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, rules(workers));
        let udp = |port, from: End, to: End, data: &[u8]| {
            ipv4(port, 17, from.0, to.0, 0, &udp_segment(from, to, data))
        };
        let (client, outside) = ((CLIENT, 2000), (GATEWAY, 2000));
        pass(&mut gateway, LAN, &udp(LAN, client, (SERVER, 69), b"\x00\x01name\x00octet\x00"));
        for _ in 0..3 {
            let data = udp(WAN, (SERVER, 7000), outside, b"\x00\x03\x00\x01data");
            assert_eq!(ends(&pass(&mut gateway, WAN, &data)).1, client, "{workers} {spread:?}");
            let answer = udp(LAN, client, (SERVER, 7000), b"\x00\x04\x00\x01");
            assert_eq!(ends(&pass(&mut gateway, LAN, &answer)).0, outside);
        }
        let other = udp(WAN, (SERVER, 7001), outside, b"\x00\x03\x00\x01data");
        assert!(gateway.receive(WAN, &other).is_empty(), "{workers} {spread:?}");
    });
}

/// Many first packets like it have taken the fast path before.
#[test]
fn an_expected_connection_is_none_of_a_known_class() {
    const FAR: [u8; 4] = [198, 51, 100, 7];
    const EXPECTED_RULE: usize = 3;
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, rules(workers));
        let begin = |gateway: &mut Gateway, from, to| {
            let frame = tcp(LAN, (CLIENT, from), (FAR, to), SYN, 100, 0, b"");
            assert_eq!(ends(&pass(gateway, LAN, &frame)), ((GATEWAY, from), (FAR, to)));
        };
        begin(&mut gateway, 4000, 21);
        let (outside, server) = ((GATEWAY, 4000), (FAR, 21));
        let answers = [(SYN | ACK, 500, &b""[..]), (ACK, 501, b"220 in\r\n")];
        for (flags, seq, text) in answers {
            pass(&mut gateway, WAN, &tcp(WAN, server, outside, flags, seq, 101, text));
        }
        for from in 6000..6010 {
            begin(&mut gateway, from, 1025);
        }
        let passive = tcp(WAN, server, outside, ACK, 509, 101, b"227 (198,51,100,7,4,1)\r\n");
        pass(&mut gateway, WAN, &passive);
        for (from, expected) in [(6010, 1), (6011, 1)] {
            begin(&mut gateway, from, 1025);
            let count = gateway.rule_counts()[EXPECTED_RULE].packets;
            assert_eq!(count, expected, "{workers} {spread:?} {from}");
        }
    });
}
