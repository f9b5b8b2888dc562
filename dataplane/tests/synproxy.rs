//! SYNPROXY over the data plane's public interface: clients and servers that shake hands through it, with one
//! worker and with several that get each other's packets.

mod support;

use sluice_dataplane::address::V4;
use sluice_dataplane::drop_reason::DropReason;
use sluice_dataplane::rules::matches::{Match, port::TcpFlags, state::State};
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{Hook, Rules, Table};
use sluice_dataplane::synproxy::SynProxy;
use support::frames::{End, assert_checksums, ends, tcp};
use support::rules::compile;
use support::{CLIENT, Gateway, LAN, SERVER, SPREADS, Spread, WAN};

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const FIN: u8 = 0x01;

const OURS: End = (CLIENT, 4000);
const THEIRS: End = (SERVER, 80);

/// `-m state --state INVALID,UNTRACKED -j SYNPROXY --mss 1460`; neither SYNs nor their answers are tracked, so that no
/// answer is taken for one of the connection before.
fn guarded(workers: usize) -> Rules<V4> {
    let strangers = State { invalid: true, untracked: true, ..State::default() };
    let proxy = SynProxy { mss: Some(1460), ..SynProxy::default() };
    let let_by = |hook, flags| (Table::Raw, hook, vec![(vec![flags], Target::Notrack)]);
    let take = vec![(vec![Match::State(strangers)], Target::SynProxy(proxy))];
    compile(
        vec![
            let_by(Hook::Prerouting, control(SYN)),
            let_by(Hook::Output, control(SYN | ACK)),
            (Table::Filter, Hook::Forward, take),
        ],
        workers,
    )
}

/// `--tcp-flags FIN,SYN,RST,ACK FLAGS`.
fn control(flags: u8) -> Match<V4> {
    Match::TcpFlags(TcpFlags { mask: FIN | SYN | RST | ACK, compare: flags, invert: false })
}

fn gateway(workers: usize, spread: Spread) -> Gateway {
    let mut gateway = Gateway::new(workers, spread, guarded(workers));
    let mut snapshot = support::snapshot_with(guarded(workers), Rules::empty(workers), |_| {});
    snapshot.conntrack.tcp_loose = false;
    gateway.publish_snapshot(std::sync::Arc::new(snapshot));
    gateway
}

/// Runs a test with every number of workers and every way of spreading packets over them.
fn everywhere(test: impl Fn(Gateway)) {
    for workers in [1, 2, 3] {
        for spread in SPREADS {
            test(gateway(workers, spread));
        }
    }
}

fn connections(gateway: &Gateway) -> usize {
    gateway.workers.iter().map(|worker| worker.v4().conntrack.count()).sum()
}

fn drops(gateway: &Gateway, reason: DropReason) -> u64 {
    gateway.workers.iter().map(|worker| worker.counters().drops().get(reason)).sum()
}

/// Flags, sequence number, acknowledgement of a segment.
fn said(frame: &[u8]) -> (u8, u32, u32) {
    let number =
        |at: usize| u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]);
    assert_checksums(frame);
    (frame[47], number(38), number(42))
}

/// The only frame, which left by that port.
fn only(sent: &[(u16, Vec<u8>)], by: u16) -> (u8, u32, u32) {
    assert_eq!(sent.len(), 1, "{sent:02x?}");
    let (port, frame) = &sent[0];
    assert_eq!(*port, by);
    assert_eq!(ends(frame), if by == LAN { (THEIRS, OURS) } else { (OURS, THEIRS) });
    said(frame)
}

/// Sends a SYN; the sequence number it is answered with.
fn greeted(gateway: &mut Gateway, seq: u32) -> u32 {
    let sent = gateway.receive(LAN, &tcp(LAN, OURS, THEIRS, SYN, seq, 0, b""));
    let (flags, greeting, ack) = only(&sent, LAN);
    assert_eq!((flags, ack), (SYN | ACK, seq + 1));
    greeting
}

/// Shakes hands up to where both ends may speak; what the client calls the server's first number.
fn open(gateway: &mut Gateway, own: u32, server: u32) -> u32 {
    let greeting = greeted(gateway, own);
    let next = greeting.wrapping_add(1);
    let ack = tcp(LAN, OURS, THEIRS, ACK, own + 1, next, b"");
    assert_eq!(only(&gateway.receive(LAN, &ack), WAN), (SYN, own, greeting));
    let mut both = gateway.receive(WAN, &tcp(WAN, THEIRS, OURS, SYN | ACK, server, own + 1, b""));
    both.sort_by_key(|(port, _)| *port);
    let (to_client, to_server) = (only(&both[..1], LAN), only(&both[1..], WAN));
    assert_eq!(to_client, (ACK, next, own + 1));
    assert_eq!(to_server, (ACK, own + 1, server + 1));
    next
}

/// Both ends speak and leave.
fn talk_and_close(gateway: &mut Gateway, own: u32, server: u32, next: u32) {
    for round in 0..6 {
        let request = tcp(LAN, OURS, THEIRS, ACK, own + round, next.wrapping_add(round), b"x");
        assert_eq!(only(&gateway.receive(LAN, &request), WAN), (ACK, own + round, server + round));
        let answer = tcp(WAN, THEIRS, OURS, ACK, server + round, own + round + 1, b"y");
        let seen = (ACK, next.wrapping_add(round), own + round + 1);
        assert_eq!(only(&gateway.receive(WAN, &answer), LAN), seen);
    }
    let (own, server, next) = (own + 6, server + 6, next.wrapping_add(6));
    gateway.receive(LAN, &tcp(LAN, OURS, THEIRS, FIN | ACK, own, next, b""));
    let end = tcp(WAN, THEIRS, OURS, FIN | ACK, server, own + 1, b"");
    assert_eq!(only(&gateway.receive(WAN, &end), LAN), (FIN | ACK, next, own + 1));
    let last = tcp(LAN, OURS, THEIRS, ACK, own + 1, next.wrapping_add(1), b"");
    assert_eq!(only(&gateway.receive(LAN, &last), WAN), (ACK, own + 1, server + 1));
}

#[test]
fn both_ends_count_as_they_like() {
    everywhere(|mut gateway| {
        let next = open(&mut gateway, 900, 70_000);
        assert_eq!(connections(&gateway), 1);
        talk_and_close(&mut gateway, 901, 70_001, next);
        let taken = drops(&gateway, DropReason::SynProxy);
        assert_eq!((taken, gateway.dropped()), (3, 3), "SYN, ACK, SYN-ACK");
    });
}

#[test]
fn the_same_ports_open_again() {
    everywhere(|mut gateway| {
        for round in 1..5 {
            let (own, server) = (round * 1_000_000, round * 3_000_000);
            let next = open(&mut gateway, own, server);
            talk_and_close(&mut gateway, own + 1, server + 1, next);
            assert_eq!(connections(&gateway), 1);
        }
    });
}

#[test]
fn a_flood_of_syns_is_answered_and_forgotten() {
    everywhere(|mut gateway| {
        for number in 0..5000_u32 {
            let from = ([10, 1, 1 + (number >> 8) as u8, number as u8], 1024 + number as u16);
            let sent = gateway.receive(LAN, &tcp(LAN, from, THEIRS, SYN, number, 0, b""));
            // Nobody but the client has a MAC address.
            assert!(sent.is_empty(), "{sent:02x?}");
        }
        for port in 1024..6024 {
            let sent = gateway.receive(LAN, &tcp(LAN, (CLIENT, port), THEIRS, SYN, 7, 0, b""));
            assert_eq!(sent.len(), 1);
            let sent = gateway.receive(LAN, &tcp(LAN, (CLIENT, port), THEIRS, ACK, 8, 7, b""));
            assert!(sent.is_empty(), "a guess: {sent:02x?}");
        }
        assert_eq!(connections(&gateway), 0);
        let answered = drops(&gateway, DropReason::SynProxy);
        assert_eq!((answered, drops(&gateway, DropReason::SynCookie)), (10_000, 5000));
        // And whoever means it gets through.
        let next = open(&mut gateway, 900, 70_000);
        talk_and_close(&mut gateway, 901, 70_001, next);
    });
}

#[test]
fn a_server_that_refuses_is_believed() {
    everywhere(|mut gateway| {
        let greeting = greeted(&mut gateway, 900);
        let ack = tcp(LAN, OURS, THEIRS, ACK, 901, greeting.wrapping_add(1), b"");
        gateway.receive(LAN, &ack);
        let no = tcp(WAN, THEIRS, OURS, RST | ACK, 0, 901, b"");
        let seen = (RST | ACK, greeting.wrapping_add(1), 901);
        assert_eq!(only(&gateway.receive(WAN, &no), LAN), seen);
        assert_eq!(connections(&gateway), 0);
    });
}

#[test]
fn a_cookie_grows_old() {
    let mut gateway = gateway(2, Spread::RoundRobin);
    let greeting = greeted(&mut gateway, 900);
    gateway.age(180);
    let ack = tcp(LAN, OURS, THEIRS, ACK, 901, greeting.wrapping_add(1), b"");
    assert!(gateway.receive(LAN, &ack).is_empty());
    assert_eq!((connections(&gateway), drops(&gateway, DropReason::SynCookie)), (0, 1));
}
