//! TEE over the public interface of the data plane: every copy is accounted for, with one worker and with several
//! that get each other's packets.

mod support;

use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::targets::tee::Tee;
use sluice_dataplane::rules::{Hook, Table};
use sluice_dataplane::worker::counters::Counter;
use support::frames::{assert_checksums, ends, ttl, udp, udp_fragments};
use support::rules::{compile, snat};
use support::{CLIENT, GATEWAY, Gateway, LAN, SERVER, SPREADS, WAN};

fn tee(gateway: [u8; 4]) -> Target<sluice_dataplane::address::V4> {
    Target::Tee(Tee { gateway: gateway.into(), egress: None })
}

fn gateway(workers: usize, spread: support::Spread) -> Gateway {
    let rules = vec![
        (Table::Raw, Hook::Prerouting, vec![(vec![], tee(SERVER))]),
        (Table::Mangle, Hook::Output, vec![(vec![], tee(SERVER))]),
        (Table::Nat, Hook::Postrouting, vec![(vec![], snat(GATEWAY, None))]),
    ];
    Gateway::new(workers, spread, compile(rules, workers))
}

/// A copy counts as made by the gateway and as sent: `receive` checks that what came is what went. It is made once, also
/// where the raw table is walked at two workers, and never of a copy.
#[test]
fn each_copy_is_made_once_and_accounted_for() {
    for workers in [1, 2, 3] {
        for spread in SPREADS {
            let mut gateway = gateway(workers, spread);
            for round in 1..=4 {
                let sent = gateway.receive(LAN, &udp(LAN, (CLIENT, 4000), (SERVER, 53)));
                assert_eq!(sent.len(), 2, "{workers} {spread:?} {round}");
                let copy = sent.iter().find(|(_, frame)| ends(frame).0 == (CLIENT, 4000));
                let (port, copy) = copy.expect("the copy is not translated");
                assert_eq!((*port, ttl(copy)), (WAN, 63));
                assert_checksums(copy);
                assert_eq!(gateway.total(Counter::Originated), round);
            }
            let sent = gateway.receive(WAN, &udp(WAN, (SERVER, 53), (GATEWAY, 4000)));
            assert_eq!(sent.len(), 2, "{workers} {spread:?} answer");
        }
    }
}

#[test]
fn a_datagram_in_fragments_is_copied_whole() {
    for workers in [1, 2, 3] {
        for spread in SPREADS {
            let mut gateway = gateway(workers, spread);
            let parts = udp_fragments(LAN, (CLIENT, 4000), (SERVER, 53));
            let sent: Vec<_> = parts.iter().flat_map(|part| gateway.receive(LAN, part)).collect();
            assert_eq!(sent.len(), 4, "{workers} {spread:?}");
            // Two frames were copied; the copy was cut anew into two.
            assert_eq!(gateway.total(Counter::Originated), 4);
            assert_eq!(gateway.total(Counter::Local), 2);
            gateway.age(1);
        }
    }
}

#[test]
fn a_copy_without_a_way_is_dropped_and_the_packet_goes_on() {
    let rules = vec![(Table::Mangle, Hook::Forward, vec![(vec![], tee([203, 0, 113, 9]))])];
    let mut gateway = Gateway::new(1, SPREADS[0], compile(rules, 1));
    assert_eq!(gateway.receive(LAN, &udp(LAN, (CLIENT, 4000), (SERVER, 53))).len(), 1);
    assert_eq!((gateway.total(Counter::Originated), gateway.dropped()), (1, 1));
}
