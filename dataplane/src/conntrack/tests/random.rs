//! Any packets over few tuples: nothing panics, and what the table says of itself stays true.

use super::tcp::{Client, Server, segment};
use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Packet(Sent),
    /// A packet whose connection is begun and dropped.
    Dropped(Sent),
    Wait(u16),
    Expire(u8),
    Flush(u16),
    /// An operator gives a connection so many seconds, by its place in the table.
    Rest(u32, u32),
}

fn tcp() -> impl Strategy<Value = Sent> {
    let numbers = (0u32..6, 0u32..6, any::<u8>(), any::<u16>(), 0usize..40, any::<bool>());
    let options = proptest::collection::vec(any::<u8>(), 0..10);
    (numbers, options, 0u16..4).prop_map(
        |((seq, ack, flags, window, length, client), mut options, port)| {
            options.truncate(options.len() / 4 * 4);
            let from = if client { Client } else { Server };
            let numbers = (seq * 400, ack * 400);
            let mut sent = segment(from, flags & 0x17, numbers, window, length, &options);
            // Ports of client and server differ, so that directions keep apart.
            let at = if client { 1 } else { 3 };
            sent.bytes[at] = port as u8;
            sent
        },
    )
}

fn packet() -> impl Strategy<Value = Sent> {
    let garbage = proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        4 => tcp(),
        2 => (0u16..4, any::<bool>()).prop_map(|(port, out)| {
            let (a, b) = ((CLIENT, port), (SERVER, 53));
            if out { udp(a, b) } else { udp(b, a) }
        }),
        1 => (0u16..3, any::<bool>()).prop_map(|(id, out)| {
            if out { echo(CLIENT, SERVER, 8, id) } else { echo(SERVER, CLIENT, 0, id) }
        }),
        1 => (garbage, any::<u8>()).prop_map(|(bytes, protocol)| {
            Sent { source: SERVER, destination: CLIENT, protocol, bytes }
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => packet().prop_map(Step::Packet),
        2 => packet().prop_map(Step::Dropped),
        2 => (0u16..200).prop_map(Step::Wait),
        4 => any::<u8>().prop_map(Step::Expire),
        1 => any::<u16>().prop_map(Step::Flush),
        1 => (0u32..12, 0u32..500).prop_map(|(number, seconds)| Step::Rest(number, seconds)),
    ]
}

/// Both tuples of every connection lead to it, and the directory holds these tuples and no others; each is looked at when
/// it ends.
fn check(gateway: &mut Gateway, directory: Option<&Directory<V4>>) {
    let table = &gateway.conntrack.table;
    let mut live = 0;
    for number in 0..table.used() as u32 {
        if !table.session(number).common.is_live() {
            continue;
        }
        live += 1;
        let deadline = table.session(number).common.deadline;
        assert!(gateway.conntrack.aging.is_expected(number, deadline));
        let flow = FlowRef::original_of(number);
        for flow in [flow, flow.peer()] {
            let key = table.half(flow).key;
            assert_eq!(table.find(table.hash(&key), &key), Some(flow));
            if let Some(directory) = directory {
                assert_eq!(directory.owner(&key), Some(WorkerId(0)));
            }
        }
    }
    assert_eq!(live, gateway.conntrack.count());
    assert!(live <= gateway.conntrack.capacity());
    if let Some(directory) = directory {
        assert_eq!(directory.len(), 2 * live);
    }
}

fn run(mut gateway: Gateway, directory: Option<&Directory<V4>>, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Packet(sent) => {
                gateway.pass(sent);
            }
            Step::Dropped(sent) => {
                if let Err(mut new) = gateway.enter(sent) {
                    gateway.conntrack.claim_reply(&mut new);
                    gateway.conntrack.abandon(new);
                }
            }
            Step::Wait(seconds) => gateway.wait(f64::from(*seconds)),
            Step::Expire(budget) => {
                gateway.conntrack.expire(gateway.now, usize::from(*budget), |_| {});
            }
            Step::Flush(port) => {
                let port = *port % 4;
                let condemned = |listed: &Listed| listed.original.source_port.get() == port;
                gateway.conntrack.flush_matching(0, 1000, gateway.now, condemned, |_| {});
            }
            Step::Rest(number, seconds) if (*number as usize) < gateway.conntrack.table.used() => {
                let change = Change { timeout_s: Some(*seconds), ..Change::default() };
                gateway.conntrack.change(FlowRef::original_of(*number), &change, gateway.now);
            }
            Step::Rest(..) => {}
        }
        check(&mut gateway, directory);
    }
    gateway.age(1e6);
    gateway.age(1e6);
    check(&mut gateway, directory);
    assert_eq!(gateway.conntrack.count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn one_worker(steps in proptest::collection::vec(step(), 1..150), capacity in 1usize..12) {
        run(Gateway::with(WorkerId(0), capacity, None), None, &steps);
    }

    #[test]
    fn with_a_directory(steps in proptest::collection::vec(step(), 1..150), capacity in 1usize..12) {
        let directory = Arc::new(Directory::new(64, KEY));
        let gateway = Gateway::with(WorkerId(0), capacity, Some(Arc::clone(&directory)));
        run(gateway, Some(&directory), &steps);
    }
}
