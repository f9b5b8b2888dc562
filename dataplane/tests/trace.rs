//! Traced packets leave and count as others do, and what is told of them is what happened; an explanation tells the
//! same and changes nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be had fails the test")]

mod support;

use sluice_dataplane::address::{IpVersion, V4};
use sluice_dataplane::conntrack::Excerpt;
use sluice_dataplane::drop_reason::DropReason;
use sluice_dataplane::explain::{Explanation, Met, Supposed, World, explain};
use sluice_dataplane::ids::{InterfaceId, WorkerId};
use sluice_dataplane::rules::matches::limit::Limit;
use sluice_dataplane::rules::matches::{Kept, Match};
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{CounterId, Hook, Rules, Table};
use sluice_dataplane::snapshot::Snapshot;
use sluice_dataplane::trace::{Did, End, Event, Filter, Step, Traced};
use sluice_dataplane::wire::parse::{Payload, parse};
use sluice_dataplane::worker::counters::Counter;
use std::sync::Arc;
use support::frames::{tcp, udp};
use support::rules::{compile, established_only, new_only, snat};
use support::{CLIENT, GATEWAY, Gateway, LAN, SERVER, SPREADS, Spread, WAN, snapshot_with};

/// Counters 0 to 2 in raw, 3 to 5 in filter, 6 and 7 in nat.
fn rules(workers: usize) -> Rules<V4> {
    compile(
        vec![
            (
                Table::Raw,
                Hook::Prerouting,
                vec![(vec![], Target::Continue), (vec![], Target::Continue)],
            ),
            (
                Table::Filter,
                Hook::Forward,
                vec![
                    (vec![established_only()], Target::Accept),
                    (vec![new_only()], Target::Accept),
                ],
            ),
            (Table::Nat, Hook::Postrouting, vec![(vec![], snat(GATEWAY, None))]),
        ],
        workers,
    )
}

fn told(gateway: &Gateway) -> Vec<Event> {
    assert_eq!(gateway.shared.traces.take_lost(), 0);
    std::iter::from_fn(|| gateway.shared.traces.pop()).collect()
}

/// Steps in words, without what a test does not look at.
fn words(events: &[Event]) -> Vec<String> {
    let word = |event: &Event| match &event.step {
        Step::Packet(_) => "packet".into(),
        Step::Cached(cached) => format!("cached {cached}"),
        Step::Rule { counter: CounterId(number), did } => format!("rule {number} {did:?}"),
        Step::Depends { counter: CounterId(number), on } => format!("rule {number} asks {on}"),
        Step::Return(_) => "return".into(),
        Step::Policy { counter: CounterId(number), accept } => format!("policy {number} {accept}"),
        Step::Connection { state, .. } => format!("{state:?}"),
        Step::Source { from, to } => format!("source {}:{} {}:{}", from.0, from.1, to.0, to.1),
        Step::Destination { from, to } => {
            format!("destination {}:{} {}:{}", from.0, from.1, to.0, to.1)
        }
        Step::Local => "local".into(),
        Step::Forward { egress, next_hop } => format!("forward {} {next_hop}", egress.0),
        Step::End(End::Sent { egress, .. }) => format!("sent {}", egress.0),
        Step::End(end) => format!("{end:?}"),
    };
    events.iter().map(word).collect()
}

#[test]
fn traced_packets_leave_and_count_as_others_do() {
    for workers in [1, 2, 3] {
        for spread in SPREADS {
            let plain = &mut Gateway::new(workers, spread, rules(workers));
            let traced = &mut Gateway::new(workers, spread, rules(workers));
            traced.trace(Filter { host: Some((CLIENT.into(), 32)), ..Filter::default() });
            let (client, server, outside) = ((CLIENT, 4000), (SERVER, 53), (GATEWAY, 4000));
            for _ in 0..5 {
                for (port, frame) in
                    [(LAN, udp(LAN, client, server)), (WAN, udp(WAN, server, outside))]
                {
                    assert_eq!(traced.receive(port, &frame), plain.receive(port, &frame));
                }
            }
            assert_eq!(traced.rule_counts(), plain.rule_counts(), "{workers} {spread:?}");
            let cached = plain.total(Counter::Cached);
            assert!(cached > 0 && traced.total(Counter::Cached) < cached, "off the fast path");
        }
    }
}

#[test]
fn every_step_is_told_in_order() {
    let mut gateway = Gateway::new(1, Spread::Hash, rules(1));
    gateway.trace(Filter { source: Some((CLIENT.into(), 32)), ..Filter::default() });
    let (client, server, outside) = ((CLIENT, 4000), (SERVER, 53), (GATEWAY, 4000));
    gateway.receive(LAN, &udp(LAN, client, server));
    assert_eq!(
        words(&told(&gateway)),
        [
            "packet",
            "cached false",
            "rule 0 Continue",
            "rule 1 Continue",
            "policy 2 true",
            "New",
            "forward 1 192.168.1.1",
            "rule 4 Accept",
            "rule 6 Snat",
            "source 10.1.0.2:4000 192.168.1.146:4000",
            "sent 1",
        ]
    );
    gateway.receive(WAN, &udp(WAN, server, outside));
    assert!(told(&gateway).is_empty(), "the filter does not choose the answer");
    let request = udp(LAN, client, server);
    gateway.receive(LAN, &request);
    let first = told(&gateway);
    let last = ["packet", "cached true", "rule 0 Continue", "rule 1 Continue", "policy 2 true"];
    assert_eq!(words(&first)[1], "cached false", "the first answer has changed the state");
    gateway.receive_burst(0, LAN, &[&request, &request]);
    let events = told(&gateway);
    assert_eq!(words(&events)[..5], last);
    assert_eq!(words(&events)[5..8], ["Established", "forward 1 192.168.1.1", "rule 3 Accept"]);
    let numbers: Vec<_> = events.iter().map(|event| event.traced.packet).collect();
    assert!(numbers.is_sorted() && numbers[0] != numbers[events.len() - 1], "{numbers:?}");
}

#[test]
fn steps_name_the_snapshot_they_belong_to() {
    let mut gateway = Gateway::new(1, Spread::Hash, rules(1));
    gateway.trace(Filter::default());
    let frame = udp(LAN, (CLIENT, 4000), (SERVER, 53));
    for number in [0, 7, 8] {
        if number > 0 {
            let snapshot = snapshot_with(rules(1), Rules::empty(1), |_| {});
            gateway.publish_snapshot(Arc::new(Snapshot { number, ..snapshot }));
        }
        gateway.receive(LAN, &frame);
        let events = told(&gateway);
        assert!(!events.is_empty() && events.iter().all(|event| event.snapshot == number));
    }
}

#[test]
fn what_is_never_judged_is_told_too() {
    let mut gateway = Gateway::new(1, Spread::Hash, rules(1));
    gateway.trace(Filter { ingress: Some("lan".into()), ..Filter::default() });
    let mut frame = udp(LAN, (CLIENT, 4000), (SERVER, 53));
    frame[5] ^= 1;
    assert!(gateway.receive(LAN, &frame).is_empty());
    assert_eq!(words(&told(&gateway)), ["packet", "Dropped(OtherHost)"]);
}

#[test]
fn a_rule_begins_a_trace_where_somebody_listens() {
    let rules = compile(
        vec![
            (
                Table::Raw,
                Hook::Prerouting,
                vec![(vec![], Target::Continue), (vec![], Target::Trace)],
            ),
            (Table::Filter, Hook::Forward, vec![(vec![], Target::Drop)]),
        ],
        1,
    );
    let mut gateway = Gateway::new(1, Spread::Hash, rules);
    let frame = udp(LAN, (CLIENT, 4000), (SERVER, 53));
    assert!(gateway.receive(LAN, &frame).is_empty());
    assert!(told(&gateway).is_empty(), "nobody listens");
    gateway.shared.traces.listen(true);
    gateway.receive(LAN, &frame);
    let events = told(&gateway);
    assert!(events.iter().all(|event| event.traced.clients == Traced::BY_RULE));
    assert_eq!(
        words(&events),
        [
            "packet",
            "rule 1 Continue",
            "policy 2 true",
            // Nobody tracks connections here, and rules that ask are told so.
            "Invalid",
            "forward 1 192.168.1.1",
            "rule 3 Drop",
            "Dropped(Rule)",
        ]
    );
}

fn explained(gateway: &Gateway, frame: &[u8]) -> Vec<Event> {
    explained_with(gateway, LAN, frame, &Met::Nobody).steps
}

fn explained_with(gateway: &Gateway, port: u16, frame: &[u8], met: &Met<V4>) -> Explanation<V4> {
    let Payload::Ip(headers) = parse(frame).unwrap().payload else { panic!("no packet") };
    let snapshot = gateway.published.current();
    let world = World {
        snapshot: &snapshot,
        neighbours: &gateway.shared.neighbours,
        now: gateway.now,
        clock: &gateway.shared.clock,
        sockets: &gateway.shared.sockets,
        random: 5,
    };
    let ingress = InterfaceId(port);
    let supposed = Supposed { frame: frame.to_vec(), headers, ingress, mark: 0, state: None };
    explain(world, &gateway.workers[0].v4().fib, &supposed, met).unwrap()
}

#[test]
fn an_explanation_tells_what_a_packet_then_does() {
    let mut gateway = Gateway::new(1, Spread::Hash, rules(1));
    gateway.trace(Filter::default());
    let frame = udp(LAN, (CLIENT, 4000), (SERVER, 53));
    let explanation = explained(&gateway, &frame);
    assert!(gateway.rule_counts().iter().all(|count| count.packets == 0), "nothing is counted");
    assert!(told(&gateway).is_empty(), "no client hears of it");
    gateway.receive(LAN, &frame);
    let mut happened = told(&gateway);
    happened.retain(|event| !matches!(event.step, Step::Cached(_)));
    assert_eq!(words(&explanation), words(&happened));
    assert!(explanation.iter().all(|event| event.version == IpVersion::V4));
    let worker = |events: &[Event]| events.iter().map(|event| event.worker).max();
    assert_eq!((worker(&explanation), worker(&happened)), (Some(WorkerId(255)), Some(WorkerId(0))));
}

#[test]
fn nothing_comes_in_by_an_interface_that_is_down() {
    let mut gateway = Gateway::new(1, Spread::Hash, Rules::empty(1));
    let down = snapshot_with(rules(1), Rules::empty(1), |interface| interface.up = false);
    gateway.publish_snapshot(Arc::new(down));
    let frame = udp(LAN, (CLIENT, 4000), (SERVER, 53));
    assert_eq!(words(&explained(&gateway, &frame)), ["packet", "Dropped(InterfaceDown)"]);
    assert!(gateway.receive(LAN, &frame).is_empty());
}

#[test]
fn an_explanation_takes_no_token_and_says_that_it_asked_for_one() {
    let bucket = Kept::default();
    let one = || Match::Limit(Limit { cost: 1 << 60, burst: 1, bucket: Kept::clone(&bucket) });
    let rules = compile(
        vec![(
            Table::Filter,
            Hook::Forward,
            vec![(vec![one()], Target::Accept), (vec![], Target::Drop)],
        )],
        1,
    );
    let mut gateway = Gateway::new(1, Spread::Hash, rules);
    let frame = udp(LAN, (CLIENT, 4000), (SERVER, 53));
    let accepted = ["rule 0 asks limit", "rule 0 Accept", "sent 1"];
    for _ in 0..3 {
        assert_eq!(words(&explained(&gateway, &frame))[3..], accepted);
    }
    assert_eq!(gateway.receive(LAN, &frame).len(), 1);
    let refused = explained(&gateway, &frame);
    assert_eq!(words(&refused)[3..], ["rule 0 asks limit", "rule 1 Drop", "Dropped(Rule)"]);
    let end = refused.last().map(|event| &event.step);
    assert!(matches!(end, Some(Step::End(End::Dropped(DropReason::Rule)))));
    assert!(matches!(refused[4].step, Step::Rule { did: Did::Drop, .. }));
    assert!(gateway.receive(LAN, &frame).is_empty());
}

/// Where a segment comes in, from whom to whom, its flags, numbers and data.
type Segment<'d> = ((u16, ([u8; 4], u16), ([u8; 4], u16)), u8, u32, u32, &'d [u8]);

/// As the control plane asks: what the packet is looked for by, who has that, and then the packet again.
fn explained_live(
    gateway: &Gateway,
    port: u16,
    frame: &[u8],
) -> (Option<Box<Excerpt<V4>>>, Vec<Event>) {
    let first = explained_with(gateway, port, frame, &Met::Nobody);
    let sought = first.sought.unwrap();
    let mut owners = gateway.workers.iter().map(|worker| &worker.v4().conntrack);
    match owners.find_map(|owner| owner.excerpt(&sought, gateway.now)).map(Box::new) {
        None => (None, first.steps),
        Some(excerpt) => {
            let met = Met::Connection(excerpt.clone());
            (Some(excerpt), explained_with(gateway, port, frame, &met).steps)
        }
    }
}

#[test]
fn packets_of_live_connections_are_explained_as_what_they_then_do() {
    let (client, server, outside) = ((CLIENT, 4000), (SERVER, 80), (GATEWAY, 4000));
    let [out, back] = [(LAN, client, server), (WAN, server, outside)];
    // A life, a reset that is too old, a segment from nowhere, and the tuple again.
    let talk: [Segment<'_>; 14] = [
        (out, 0x02, 100, 0, b""),
        (back, 0x12, 900, 101, b""),
        (out, 0x10, 101, 901, b""),
        (out, 0x18, 101, 901, b"question"),
        (back, 0x18, 901, 109, b"answer"),
        (back, 0x10, 901 + (1 << 30), 109, b""),
        (out, 0x04, 5, 0, b""),
        (out, 0x02, 100, 0, b""),
        (out, 0x11, 109, 907, b""),
        (back, 0x11, 907, 110, b""),
        (out, 0x10, 110, 908, b""),
        (out, 0x02, 70_000, 0, b""),
        (back, 0x14, 0, 70_001, b""),
        (out, 0x02, 70_000, 0, b""),
    ];
    let mut gateway = Gateway::new(1, Spread::Hash, rules(1));
    gateway.trace(Filter::default());
    for (number, ((port, from, to), flags, seq, ack, data)) in talk.into_iter().enumerate() {
        let frame = tcp(port, from, to, flags, seq, ack, data);
        let before = (gateway.rule_counts(), gateway.workers[0].v4().conntrack.count());
        let (found, explanation) = explained_live(&gateway, port, &frame);
        // The first begins it, and the reset before the last has ended it.
        assert_eq!(found.is_some(), ![0, 13].contains(&number), "{number}");
        let after = (gateway.rule_counts(), gateway.workers[0].v4().conntrack.count());
        assert_eq!(before, after, "an explanation changes nothing");
        gateway.receive(port, &frame);
        let mut happened = told(&gateway);
        happened.retain(|event| !matches!(event.step, Step::Cached(_)));
        assert_eq!(words(&explanation), words(&happened), "{number}");
    }
}

#[test]
fn the_numbers_of_a_connections_next_packet_are_taken() {
    let (client, server, outside) = ((CLIENT, 4000), (SERVER, 80), (GATEWAY, 4000));
    let [out, back] = [(LAN, client, server), (WAN, server, outside)];
    let talk: [Segment<'_>; 8] = [
        (out, 0x02, u32::MAX, 0, b""),
        (back, 0x12, 900, 0, b""),
        (out, 0x10, 0, 901, b""),
        (out, 0x18, 0, 901, b"question"),
        (back, 0x18, 901, 8, b"answer"),
        (out, 0x11, 8, 907, b""),
        (back, 0x11, 907, 9, b""),
        (out, 0x10, 9, 908, b""),
    ];
    for workers in [1, 3] {
        for spread in SPREADS {
            let mut gateway = Gateway::new(workers, spread, rules(workers));
            for (number, ((port, from, to), flags, seq, ack, data)) in talk.into_iter().enumerate()
            {
                gateway.receive(port, &tcp(port, from, to, flags, seq, ack, data));
                for (port, from, to) in [out, back] {
                    let any = tcp(port, from, to, 0x10, 1, 1, b"");
                    let (found, _) = explained_live(&gateway, port, &any);
                    let found = found.unwrap();
                    let next = found.numbers();
                    let frame = tcp(port, from, to, next.tcp_flags, next.seq, next.ack, b"");
                    let (_, steps) = explained_live(&gateway, port, &frame);
                    let invalid = words(&steps).contains(&"Invalid".to_owned());
                    assert!(!invalid, "{number} {port} {next:?} {workers} {spread:?}");
                    assert!(words(&steps).last().unwrap().starts_with("sent"), "{steps:?}");
                }
            }
        }
    }
}
