//! First packets of a known class leave as they would have left the long way, and no packet borrows the class of
//! another.

mod support;

use sluice_dataplane::address::V4;
use sluice_dataplane::interface::{Interface, ReversePathFilter};
use sluice_dataplane::rules::matches::Match;
use sluice_dataplane::rules::matches::port::{DestinationPort, PortRange};
use sluice_dataplane::rules::matches::protocol::Protocol;
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{Hook, Rules, Table};
use sluice_dataplane::worker::counters::Counter;
use std::sync::Arc;
use support::frames::{ends, udp};
use support::rules::{compile, new_only, snat};
use support::{CLIENT, Gateway, LAN, Spread, snapshot_with};

const FAR: [u8; 4] = [198, 51, 100, 7];
const LOW: [u8; 4] = [192, 0, 2, 1];
const HIGH: [u8; 4] = [192, 0, 2, 2];
const UDP: u8 = 17;

fn to_ports(from: u16, to: u16) -> Vec<Match<V4>> {
    let range = PortRange { from, to };
    vec![
        Match::Protocol(Protocol { number: UDP, invert: false }),
        Match::DestinationPort(DestinationPort { range, invert: false }),
    ]
}

/// The external address depends on the server's port; some ports are refused.
fn gateway(workers: usize) -> Gateway {
    let rules = compile(
        vec![
            (
                Table::Filter,
                Hook::Forward,
                vec![(to_ports(7, 7), Target::Drop), (vec![new_only()], Target::Accept)],
            ),
            (
                Table::Nat,
                Hook::Postrouting,
                vec![
                    (to_ports(0, 32_767), snat(LOW, None)),
                    (to_ports(32_768, 65_535), snat(HIGH, None)),
                ],
            ),
        ],
        workers,
    );
    let mut gateway = Gateway::new(workers, Spread::Hash, Rules::empty(workers));
    let unfiltered = |interface: &mut Interface| interface.reverse_path = ReversePathFilter::Off;
    gateway.publish_snapshot(Arc::new(snapshot_with(rules, Rules::empty(workers), unfiltered)));
    gateway
}

fn question(source_port: u16, port: u16) -> Vec<u8> {
    udp(LAN, (CLIENT, source_port), (FAR, port))
}

/// In each burst, packets of classes just being learned among packets of classes known already: they share a table
/// in which a new class takes the place of an old one.
#[test]
fn a_class_that_loses_its_place_is_not_mistaken_for_the_one_that_took_it() {
    let mut gateway = gateway(1);
    for round in 0..600_u16 {
        let source_port = 1024 + round;
        // A third of them not seen yet, the others seen one and two rounds ago; in both halves of the ports.
        let port = |round: u16, index: u16| (2 + round) * 30 + index + (index % 2) * 32_768;
        let frames: Vec<_> = (0..30_u16)
            .map(|index| question(source_port, port(round.saturating_sub(index % 3), index / 3)))
            .collect();
        for (_, frame) in gateway.receive_burst(0, LAN, &frames) {
            let ((source, _), (_, port)) = ends(&frame);
            assert_eq!(source, if port < 32_768 { LOW } else { HIGH }, "port {port}");
        }
        if round % 16 == 15 {
            gateway.age(40);
        }
    }
    assert!(gateway.total(Counter::Cached) > 8000, "{}", gateway.total(Counter::Cached));
}

#[test]
fn they_leave_and_count_as_the_long_way() {
    for workers in [1, 2] {
        let (mut fast, mut slow) = (gateway(workers), gateway(workers));
        for number in 0..300_u16 {
            let port = [7, 53, 443, 40_000, 50_000][usize::from(number % 5)];
            let frame = question(2000 + number, port);
            slow.forget_verdicts();
            assert_eq!(fast.receive(LAN, &frame), slow.receive(LAN, &frame), "{number}");
        }
        assert_eq!(fast.rule_counts(), slow.rule_counts());
        assert!(fast.total(Counter::Cached) > 200, "{}", fast.total(Counter::Cached));
        assert_eq!(slow.total(Counter::Cached), 0);
    }
}
