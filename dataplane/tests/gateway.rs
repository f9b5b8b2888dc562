//! The data plane over its public interface: what leaves for what arrives, with one worker and with two
//! that get each other's packets.

mod support;

use sluice_dataplane::drop_reason::DropReason;
use sluice_dataplane::ids::WorkerId;
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{Count, Hook, Rules, Table};
use sluice_dataplane::worker::counters::Counter;
use std::collections::HashSet;
use std::sync::Arc;
use support::frames::{
    assert_checksums, checksum, ends, gateway_mac, neighbour_mac, ttl, udp, udp_fragments,
};
use support::rules::{compile, dnat, established_only, new_only, snat};
use support::{CLIENT, GATEWAY, Gateway, LAN, SERVER, SPREADS, Spread, WAN, snapshot_with};

/// Runs a test with every number of workers and every way of spreading packets over them.
fn everywhere(test: impl Fn(usize, Spread)) {
    for workers in [1, 2, 3] {
        for spread in SPREADS {
            test(workers, spread);
        }
    }
}

fn masquerading(workers: usize, ports: Option<(u16, u16)>) -> Rules<sluice_dataplane::address::V4> {
    compile(vec![(Table::Nat, Hook::Postrouting, vec![(vec![], snat(GATEWAY, ports))])], workers)
}

/// The one frame that left, and that it left by `port`.
fn only(mut sent: Vec<(u16, Vec<u8>)>, port: u16) -> Vec<u8> {
    assert_eq!(sent.iter().map(|(port, _)| *port).collect::<Vec<_>>(), [port]);
    let (_, frame) = sent.remove(0);
    assert_eq!(frame[..6], neighbour_mac(port));
    assert_eq!(frame[6..12], gateway_mac(port));
    frame
}

#[test]
fn forwards_with_one_hop_less() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, Rules::empty(workers));
        let (client, server) = ((CLIENT, 4000), (SERVER, 53));
        let frame = only(gateway.receive(LAN, &udp(LAN, client, server)), WAN);
        assert_eq!((ends(&frame), ttl(&frame)), ((client, server), 63));
        assert_checksums(&frame);
    });
}

#[test]
fn last_hop_is_refused_with_time_exceeded() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, masquerading(workers, None));
        let mut frame = udp(LAN, (CLIENT, 4000), (SERVER, 53));
        frame[22] = 1;
        frame[24..26].fill(0);
        let sum = checksum(&frame[14..34]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        let answer = only(gateway.receive(LAN, &frame), LAN);
        assert_eq!((answer[23], answer[34], answer[35]), (1, 11, 0));
        assert_eq!(ends(&answer).1.0, CLIENT);
    });
}

/// A card's frames nobody else hears; what a packet socket receives the kernel answers too, where it is not the gateway's.
#[test]
fn malformed_options_are_answered_once() {
    for (heard, to, answers) in [(false, SERVER, 1), (true, SERVER, 0), (true, [10, 1, 0, 1], 1)] {
        let mut gateway = Gateway::new(1, SPREADS[0], Rules::empty(1));
        gateway.publish_snapshot(Arc::new(snapshot_with(
            Rules::empty(1),
            Rules::empty(1),
            |interface| interface.software_peer = heard,
        )));
        let mut frame = udp(LAN, (CLIENT, 4000), (to, 53));
        // A record of the route that says it has three bytes.
        frame.splice(34..34, [7, 3, 0, 0]);
        let length = (frame.len() - 14) as u16;
        frame[14] = 0x46;
        frame[16..18].copy_from_slice(&length.to_be_bytes());
        frame[24..26].fill(0);
        let sum = checksum(&frame[14..38]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        let sent = gateway.receive(LAN, &frame);
        assert_eq!(sent.len(), answers, "{to:?}");
        for (_, answer) in sent {
            assert_eq!((answer[23], answer[34], answer[35], answer[38]), (1, 12, 0, 22));
            assert_eq!(ends(&answer).1.0, CLIENT);
        }
    }
}

#[test]
fn source_nat_and_back() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, masquerading(workers, None));
        let (client, server) = ((CLIENT, 4000), (SERVER, 53));
        for _ in 0..6 {
            let out = only(gateway.receive(LAN, &udp(LAN, client, server)), WAN);
            assert_eq!(ends(&out), ((GATEWAY, 4000), server));
            assert_checksums(&out);
            let back = only(gateway.receive(WAN, &udp(WAN, server, (GATEWAY, 4000))), LAN);
            assert_eq!((ends(&back), ttl(&back)), ((server, client), 63));
            assert_checksums(&back);
        }
        let connections: usize = gateway.workers.iter().map(|w| w.v4().conntrack.count()).sum();
        assert_eq!(connections, 1);
    });
}

#[test]
fn destination_nat_and_back() {
    everywhere(|workers, spread| {
        let rules = compile(
            vec![(Table::Nat, Hook::Prerouting, vec![(vec![], dnat(CLIENT, 80))])],
            workers,
        );
        let mut gateway = Gateway::new(workers, spread, rules);
        let (outside, public) = ((SERVER, 5555), (GATEWAY, 8080));
        for _ in 0..3 {
            let inward = only(gateway.receive(WAN, &udp(WAN, outside, public)), LAN);
            assert_eq!(ends(&inward), (outside, (CLIENT, 80)));
            assert_checksums(&inward);
            let back = only(gateway.receive(LAN, &udp(LAN, (CLIENT, 80), outside)), WAN);
            assert_eq!(ends(&back), (public, outside));
            assert_checksums(&back);
        }
    });
}

#[test]
fn ports_are_unique_over_workers() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, masquerading(workers, Some((6000, 6003))));
        let server = (SERVER, 53);
        let mut ports = HashSet::new();
        for client in 0..4 {
            let from = (CLIENT, 4000 + client);
            let out = only(gateway.receive(LAN, &udp(LAN, from, server)), WAN);
            assert!(ports.insert(ends(&out).0.1), "a port twice");
        }
        assert!(ports.iter().all(|port| (6000..=6003).contains(port)));
        // No port is left for a fifth.
        assert!(gateway.receive(LAN, &udp(LAN, (CLIENT, 4004), server)).is_empty());
        let drops = |w: &sluice_dataplane::worker::Worker<_>| {
            w.counters().drops().get(DropReason::NatExhausted)
        };
        assert_eq!(gateway.workers.iter().map(drops).sum::<u64>(), 1);
    });
}

#[test]
fn established_packets_take_the_cached_verdict() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, masquerading(workers, None));
        let (client, server) = ((CLIENT, 4000), (SERVER, 53));
        let both = |gateway: &mut Gateway| {
            only(gateway.receive(LAN, &udp(LAN, client, server)), WAN);
            only(gateway.receive(WAN, &udp(WAN, server, (GATEWAY, 4000))), LAN);
        };
        // After the first reply each direction is judged once more, then never.
        for _ in 0..2 {
            both(&mut gateway);
        }
        let warm = gateway.total(Counter::Cached);
        for _ in 0..10 {
            both(&mut gateway);
        }
        assert_eq!(gateway.total(Counter::Cached), warm + 20);
        // Where nothing is remembered, each direction is judged once and stamped again.
        gateway.forget_verdicts();
        both(&mut gateway);
        assert_eq!(gateway.total(Counter::Cached), warm + 20);
        both(&mut gateway);
        assert_eq!(gateway.total(Counter::Cached), warm + 22);
    });
}

#[test]
fn new_rules_hold_from_the_next_packet() {
    everywhere(|workers, spread| {
        let filter = |target| {
            compile(
                vec![(Table::Filter, Hook::Forward, vec![(vec![established_only()], target)])],
                workers,
            )
        };
        let mut gateway = Gateway::new(workers, spread, filter(Target::Accept));
        let (client, server) = ((CLIENT, 4000), (SERVER, 53));
        for _ in 0..4 {
            only(gateway.receive(LAN, &udp(LAN, client, server)), WAN);
            only(gateway.receive(WAN, &udp(WAN, server, client)), LAN);
        }
        gateway.publish(filter(Target::Drop));
        assert!(gateway.receive(LAN, &udp(LAN, client, server)).is_empty());
        assert!(gateway.receive(WAN, &udp(WAN, server, client)).is_empty());
    });
}

#[test]
fn rule_counters_are_exact() {
    everywhere(|workers, spread| {
        let rules = compile(
            vec![
                (Table::Raw, Hook::Prerouting, vec![(vec![], Target::Continue)]),
                (
                    Table::Filter,
                    Hook::Forward,
                    vec![
                        (vec![new_only()], Target::Accept),
                        (vec![established_only()], Target::Accept),
                    ],
                ),
                (Table::Nat, Hook::Postrouting, vec![(vec![], snat(GATEWAY, None))]),
            ],
            workers,
        );
        let mut gateway = Gateway::new(workers, spread, rules);
        let (client, server) = ((CLIENT, 4000), (SERVER, 53));
        for _ in 0..10 {
            only(gateway.receive(LAN, &udp(LAN, client, server)), WAN);
            only(gateway.receive(WAN, &udp(WAN, server, (GATEWAY, 4000))), LAN);
        }
        let bytes = 20 + 8 + 16;
        let count = |packets| Count { packets, bytes: packets * bytes };
        let expected = [
            count(20), // raw
            count(20), // its policy
            count(1),  // NEW
            count(19), // ESTABLISHED
            count(0),  // policy of FORWARD
            count(1),  // nat counts connections
            count(0),  // policy of POSTROUTING
        ];
        assert_eq!(gateway.rule_counts(), expected, "{workers} workers, {spread:?}");
    });
}

#[test]
fn fragments_reach_the_owner_of_their_connection() {
    everywhere(|workers, spread| {
        // Several ports, so that some connection's owner is not where its fragments meet.
        for port in 4000..4008 {
            let mut gateway = Gateway::new(workers, spread, masquerading(workers, None));
            let (client, server) = ((CLIENT, port), (SERVER, 53));
            only(gateway.receive(LAN, &udp(LAN, client, server)), WAN);
            let [first, second] = udp_fragments(LAN, client, server);
            assert!(gateway.receive(LAN, &second).is_empty());
            let sent = gateway.receive(LAN, &first);
            assert_eq!(sent.len(), 2, "{workers} workers, {spread:?}, port {port}");
            assert_eq!(ends(&sent[0].1), ((GATEWAY, port), server));
            assert_eq!(ends(&sent[1].1).0.0, GATEWAY);
            assert_eq!(gateway.dropped(), 0);
        }
    });
}

#[test]
fn dropped_fragments_are_all_counted() {
    everywhere(|workers, spread| {
        let rules = compile(
            vec![(Table::Filter, Hook::Forward, vec![(vec![new_only()], Target::Drop)])],
            workers,
        );
        let mut gateway = Gateway::new(workers, spread, rules);
        for frame in udp_fragments(LAN, (CLIENT, 4000), (SERVER, 53)) {
            assert!(gateway.receive(LAN, &frame).is_empty());
        }
        assert_eq!(gateway.dropped(), 2);
    });
}

#[test]
fn a_lonely_fragment_is_given_up() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, masquerading(workers, None));
        let [first, _] = udp_fragments(LAN, (CLIENT, 4000), (SERVER, 53));
        assert!(gateway.receive(LAN, &first).is_empty());
        assert_eq!(gateway.workers.iter().map(|worker| worker.held()).sum::<usize>(), 1);
        gateway.age(31);
        assert_eq!(gateway.workers.iter().map(|worker| worker.held()).sum::<usize>(), 0);
        assert_eq!(gateway.dropped(), 1);
    });
}

#[test]
fn the_wrong_worker_hands_over() {
    let mut gateway = Gateway::new(2, Spread::Hash, masquerading(2, None));
    let (client, server) = ((CLIENT, 4000), (SERVER, 53));
    gateway.receive_at(0, LAN, &udp(LAN, client, server));
    let back = gateway.receive_at(1, WAN, &udp(WAN, server, (GATEWAY, 4000)));
    assert_eq!(ends(&only(back, LAN)), (server, client));
    let owner = gateway.workers.iter().position(|worker| worker.v4().conntrack.count() == 1);
    assert_eq!(owner, Some(0));
    assert_eq!(gateway.workers[1].counters().get(Counter::HandedOut), 1);
    assert_eq!(gateway.workers[0].counters().get(Counter::HandedIn), 1);
    assert!(gateway.published.current().rules4.counters(WorkerId(1)).is_some());
}

#[test]
fn unknown_neighbours_hold_packets() {
    everywhere(|workers, spread| {
        let mut gateway = Gateway::new(workers, spread, masquerading(workers, None));
        let stranger = ([192, 168, 1, 77], 53);
        assert!(gateway.receive(LAN, &udp(LAN, (CLIENT, 4000), stranger)).is_empty());
        assert_eq!(gateway.workers.iter().map(|worker| worker.held()).sum::<usize>(), 1);
        assert!(!gateway.shared.events.is_empty());
    });
}
