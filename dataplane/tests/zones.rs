//! Zones over the public interface of the data plane: what never meets in one worker does not meet in several either.

mod support;

use sluice_dataplane::address::V4;
use sluice_dataplane::conntrack::{Changes, PolicyId};
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::rules::matches::Match;
use sluice_dataplane::rules::matches::address::Source;
use sluice_dataplane::rules::matches::interface::Ingress;
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::targets::ct::{Template, ZoneNumber};
use sluice_dataplane::rules::{Hook, Rules, Table};
use support::frames::{assert_checksums, ends, udp};
use support::rules::{compile, established_only, snat};
use support::{CLIENT, GATEWAY, Gateway, LAN, SPREADS, Spread, WAN};

const FAR: [u8; 4] = [198, 51, 100, 7];

fn everywhere(test: impl Fn(usize, Spread)) {
    for workers in [1, 2, 3] {
        for spread in SPREADS {
            test(workers, spread);
        }
    }
}

fn from_source(address: [u8; 4]) -> Match<V4> {
    Match::Source(Source::new(V4(address), V4([255; 4]), false))
}

fn zone(number: u16, original: bool, reply: bool) -> Target<V4> {
    Target::Ct(Template {
        zone: ZoneNumber::Fixed(number),
        original,
        reply,
        silenced: Changes::default(),
        silenced_expectations: Changes::default(),
        policy: PolicyId::default(),
        helper: None,
    })
}

/// Packets of the client are in zone 1 from one side and in zone 2 from the other.
fn two_clients(reply: bool, workers: usize) -> Rules<V4> {
    let client = |number| (vec![from_source(CLIENT)], zone(number, true, reply));
    let by = |port| Match::Ingress(Ingress::new(vec![InterfaceId(port)], false));
    let (mut lan, mut wan) = (client(1), client(2));
    lan.0.push(by(LAN));
    wan.0.push(by(WAN));
    let rules = vec![
        (Table::Raw, Hook::Prerouting, vec![lan, wan]),
        (Table::Filter, Hook::Forward, vec![(vec![established_only()], Target::Continue)]),
        (Table::Nat, Hook::Postrouting, vec![(vec![], snat(GATEWAY, None))]),
    ];
    compile(rules, workers)
}

fn connections(gateway: &Gateway) -> usize {
    gateway.workers.iter().map(|worker| worker.v4().conntrack.count()).sum()
}

/// The source that a question of the client gets, asked at `port`.
fn ask(gateway: &mut Gateway, port: u16) -> u16 {
    let sent = gateway.receive(port, &udp(port, (CLIENT, 4000), (FAR, 53)));
    assert_eq!(sent.len(), 1);
    let (_, frame) = &sent[0];
    assert_checksums(frame);
    let (source, destination) = ends(frame);
    assert_eq!((source.0, destination), (GATEWAY, (FAR, 53)));
    source.1
}

/// Two clients with one address ask one server. What they look like outside is in one zone, so they are told apart there,
/// and each answer finds its own way back.
#[test]
fn two_clients_with_one_tuple_are_told_apart() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, two_clients(false, workers));
        let (first, second) = (ask(&mut gateway, LAN), ask(&mut gateway, WAN));
        assert_eq!(first, 4000, "the port is kept where it is free");
        assert_ne!(second, 4000, "{workers} {spread:?}");
        assert_eq!(connections(&gateway), 2);
        for _ in 0..3 {
            for port in [first, second] {
                let sent = gateway.receive(WAN, &udp(WAN, (FAR, 53), (GATEWAY, port)));
                let [(_, frame)] = sent.as_slice() else { panic!("{workers} {spread:?} {sent:?}") };
                assert_checksums(frame);
                assert_eq!(ends(frame), ((FAR, 53), (CLIENT, 4000)));
            }
            assert_eq!((ask(&mut gateway, LAN), ask(&mut gateway, WAN)), (first, second));
        }
        assert_eq!(connections(&gateway), 2);
        let established = gateway.rule_counts()[3].packets;
        assert_eq!(established, 12, "{workers} {spread:?}: all but the first two");
    });
}

/// Each zone has all ports.
#[test]
fn a_tuple_is_taken_in_its_own_zone_only() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, two_clients(true, workers));
        assert_eq!((ask(&mut gateway, LAN), ask(&mut gateway, WAN)), (4000, 4000));
        assert_eq!(connections(&gateway), 2);
        // An answer is in no zone: it begins another connection.
        let sent = gateway.receive(WAN, &udp(WAN, (FAR, 53), (GATEWAY, 4000)));
        assert_eq!((sent.len(), connections(&gateway)), (0, 3));
    });
}

/// Connections without a zone go on as they did, though there are zones.
#[test]
fn others_are_in_the_zone_of_all() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, two_clients(true, workers));
        let other = [10, 1, 0, 3];
        for round in 0..4 {
            let sent = gateway.receive(LAN, &udp(LAN, (other, 4000), (FAR, 53)));
            assert_eq!(ends(&sent[0].1).0, (GATEWAY, 4000), "{workers} {spread:?} {round}");
            let sent = gateway.receive(WAN, &udp(WAN, (FAR, 53), (GATEWAY, 4000)));
            // Its neighbour is not known, so the answer waits for it.
            assert!(sent.is_empty());
        }
        assert_eq!(connections(&gateway), 1);
        assert_eq!(gateway.rule_counts()[3].packets, 7);
    });
}
