//! Whatever arrives: no panic, no packet wanders, and every packet is accounted for. The simulator checks
//! the accounts after each frame.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use sluice_dataplane::rules::targets::RejectWith;
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{Hook, Table};
use sluice_dataplane::wire::icmp_error::IcmpError;
use support::frames::{checksum, gateway_mac, udp, udp_fragments};
use support::rules::{compile, dnat, new_only, snat};
use support::{CLIENT, GATEWAY, Gateway, LAN, SERVER, SPREADS, WAN};

/// A frame for the gateway with anything in it.
fn noise() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let ethertype = prop_oneof![Just([8, 0]), Just([0x86, 0xdd]), Just([8, 6]), any::<[u8; 2]>()];
    (0_u16..3, ethertype, vec(any::<u8>(), 0..120)).prop_map(|(port, ethertype, rest)| {
        (port, [&gateway_mac(port)[..], &[2, 0, 0, 0, 0, 9], &ethertype, &rest].concat())
    })
}

/// A sound frame, of which some bytes are then changed; most get their IP checksum back.
fn mutated() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let change = (0_usize..80, any::<u8>());
    let frame = (0..5_usize, 4000_u16..4004).prop_map(|(kind, port)| {
        let (client, server) = ((CLIENT, port), (SERVER, 53));
        let [first, second] = udp_fragments(LAN, client, server);
        match kind {
            0 => (LAN, udp(LAN, client, server)),
            1 => (WAN, udp(WAN, server, (GATEWAY, port))),
            2 => (WAN, udp(WAN, (SERVER, port), (GATEWAY, 8080))),
            3 => (LAN, first),
            _ => (LAN, second),
        }
    });
    let mend = prop::bool::weighted(0.8);
    (frame, vec(change, 0..4), mend, 0_usize..140).prop_map(
        |((port, mut bytes), changes, mend, cut)| {
            for (at, value) in changes {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            let end = 14 + 4 * usize::from(bytes[14] & 15);
            if mend && (34..=bytes.len()).contains(&end) {
                bytes[24..26].fill(0);
                let sum = checksum(&bytes[14..end]);
                bytes[24..26].copy_from_slice(&sum.to_be_bytes());
            }
            if cut < 20 {
                bytes.truncate(bytes.len() - cut);
            }
            (port, bytes)
        },
    )
}

fn gateway(workers: usize, spread: usize) -> Gateway {
    let refuse = Target::Reject(RejectWith::Icmp(IcmpError::AdminProhibited));
    let rules = compile(
        vec![
            (Table::Raw, Hook::Prerouting, vec![(vec![], Target::Continue)]),
            (Table::Nat, Hook::Prerouting, vec![(vec![new_only()], dnat(CLIENT, 80))]),
            (Table::Filter, Hook::Input, vec![(vec![new_only()], refuse)]),
            (Table::Nat, Hook::Postrouting, vec![(vec![], snat(GATEWAY, Some((6000, 6001))))]),
        ],
        workers,
    );
    Gateway::new(workers, SPREADS[spread], rules)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn accounts_hold(
        workers in 1_usize..4,
        spread in 0_usize..SPREADS.len(),
        frames in vec(prop_oneof![1 => noise(), 3 => mutated()], 1..60),
    ) {
        let mut gateway = gateway(workers, spread);
        for (port, frame) in frames {
            gateway.receive(port, &frame);
        }
        gateway.age(90);
        gateway.age(90);
    }
}
