//! Timeout policies over the public interface of the data plane: a packet that takes the fast path sets the same end as
//! one that goes the long way, with a policy and without.

mod support;

use sluice_dataplane::address::{V4, V6};
use sluice_dataplane::conntrack::{
    Changes, ConntrackSettings, Policies, PolicyId, PolicyKind, Timeouts,
};
use sluice_dataplane::interface::{Interface, ReversePathFilter};
use sluice_dataplane::rules::matches::Match;
use sluice_dataplane::rules::matches::address::Source;
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::targets::ct::{Template, ZoneNumber};
use sluice_dataplane::rules::{Hook, Rules, Table};
use sluice_dataplane::snapshot::Snapshot;
use sluice_dataplane::worker::counters::Counter;
use std::sync::Arc;
use support::frames::{self, tcp};
use support::rules::compile;
use support::{CLIENT, Gateway, LAN, SERVER, SPREADS, Spread, WAN, snapshot_with};

const FAR: [u8; 4] = [198, 51, 100, 7];
const OTHER: [u8; 4] = [10, 1, 0, 3];
const SYN: u8 = 2;
const ACK: u8 = 0x10;

/// Those of the policy. What the gateway has for itself is 30 and 120 of UDP, and 432,000 of TCP.
fn own() -> Timeouts {
    let mut timeouts = Timeouts { udp: 70, udp_stream: 700, ..Timeouts::default() };
    timeouts.tcp.established = 7_000;
    timeouts.tcp.unacknowledged = 4_000;
    timeouts
}

/// Policies of which one has these timeouts, after those of before.
fn policies(before: &Policies, timeouts: Option<Timeouts>) -> Policies {
    let kind = PolicyKind { name: "own".into(), protocol: None, version: None };
    Policies::after(before, timeouts.map(|timeouts| (kind, timeouts)))
}

/// The client's connections have a policy, those of others none.
fn rules(policy: PolicyId, workers: usize) -> Rules<V4> {
    let template = Template {
        zone: ZoneNumber::Fixed(0),
        original: true,
        reply: true,
        silenced: Changes::default(),
        silenced_expectations: Changes::default(),
        policy,
        helper: None,
    };
    let client = Match::Source(Source::new(V4(CLIENT), V4([255; 4]), false));
    compile(
        vec![
            (Table::Raw, Hook::Prerouting, vec![(vec![client], Target::Ct(template))]),
            (Table::Filter, Hook::Forward, vec![]),
        ],
        workers,
    )
}

fn snapshot(policies: Policies, workers: usize, number: u32) -> Arc<Snapshot> {
    let rules = rules(policies.named("own").unwrap_or_default(), workers);
    let unfiltered = |interface: &mut Interface| interface.reverse_path = ReversePathFilter::Off;
    let plain = snapshot_with(rules, Rules::<V6>::empty(workers), unfiltered);
    let conntrack = ConntrackSettings { policies, ..ConntrackSettings::default() };
    Arc::new(Snapshot { number, conntrack, ..plain })
}

/// A gateway with the policy; `forgets`: every packet goes the long way.
struct Run {
    gateway: Gateway,
    workers: usize,
    forgets: bool,
    policies: Policies,
    number: u32,
}

impl Run {
    fn new(workers: usize, spread: Spread, forgets: bool) -> Self {
        let policies = policies(&Policies::default(), Some(own()));
        let mut gateway = Gateway::new(workers, spread, rules(PolicyId::default(), workers));
        gateway.publish_snapshot(snapshot(policies.clone(), workers, 1));
        Self { gateway, workers, forgets, policies, number: 1 }
    }

    fn change(&mut self, timeouts: Option<Timeouts>) {
        self.policies = policies(&self.policies, timeouts);
        self.number += 1;
        self.gateway.publish_snapshot(snapshot(self.policies.clone(), self.workers, self.number));
    }

    fn says(&mut self, port: u16, frame: &[u8]) {
        if self.forgets {
            self.gateway.forget_verdicts();
        }
        assert_eq!(self.gateway.receive(port, frame).len(), 1);
    }

    /// Seconds until the only connection ends.
    #[track_caller]
    fn left(&mut self, expected: u32) {
        let seconds: Vec<u32> = self.gateway.listed().iter().map(|one| one.timeout_s).collect();
        assert!(
            matches!(seconds[..], [left] if (expected - 1..=expected).contains(&left)),
            "{} workers, forgets {}: {seconds:?}, expected {expected}",
            self.workers,
            self.forgets
        );
    }
}

fn everywhere(test: impl Fn(Run)) {
    for workers in [1, 2] {
        for spread in SPREADS {
            for forgets in [false, true] {
                test(Run::new(workers, spread, forgets));
            }
        }
    }
}

#[test]
fn udp() {
    everywhere(|mut run| {
        let question = frames::udp(LAN, (CLIENT, 4000), (SERVER, 53));
        let answer = frames::udp(WAN, (SERVER, 53), (CLIENT, 4000));
        for _ in 0..3 {
            run.says(LAN, &question);
            run.left(70);
            run.gateway.age(1);
        }
        run.says(WAN, &answer);
        run.left(70);
        for seconds in [0, 1, 300, 600] {
            run.gateway.age(seconds);
            run.says(LAN, &question);
            run.left(700);
            run.says(WAN, &answer);
            run.left(700);
        }
        run.change(Some(Timeouts { udp_stream: 99, ..own() }));
        run.left(700);
        for (port, frame) in [(LAN, &question), (WAN, &answer), (LAN, &question)] {
            run.says(port, frame);
            run.left(99);
        }
        run.change(None);
        for (port, frame) in [(LAN, &question), (WAN, &answer), (LAN, &question)] {
            run.says(port, frame);
            run.left(120);
        }
    });
}

#[test]
fn tcp_established() {
    everywhere(|mut run| {
        let client = |flags, seq, ack, data: &[u8]| {
            tcp(LAN, (CLIENT, 4000), (SERVER, 80), flags, seq, ack, data)
        };
        let server = |flags, seq, ack, data: &[u8]| {
            tcp(WAN, (SERVER, 80), (CLIENT, 4000), flags, seq, ack, data)
        };
        run.says(LAN, &client(SYN, 100, 0, b""));
        run.left(120);
        run.says(WAN, &server(SYN | ACK, 500, 101, b""));
        run.says(LAN, &client(ACK, 101, 501, b""));
        run.left(7_000);
        for round in 0..4 {
            run.gateway.age(1_000);
            run.says(LAN, &client(ACK, 101 + 4 * round, 501, b"data"));
            run.left(4_000);
            run.says(WAN, &server(ACK, 501, 105 + 4 * round, b""));
            run.left(7_000);
        }
        let mut other = own();
        other.tcp.established = 77;
        run.change(Some(other));
        run.says(LAN, &client(ACK, 117, 501, b"data"));
        run.left(77);
        run.change(None);
        run.says(WAN, &server(ACK, 501, 121, b""));
        run.left(432_000);
    });
}

/// Others beside it have what the gateway has for all.
#[test]
fn those_without_one() {
    everywhere(|mut run| {
        let question = frames::udp(LAN, (OTHER, 4000), (SERVER, 53));
        for _ in 0..3 {
            run.says(LAN, &question);
            run.left(30);
            run.gateway.age(1);
        }
    });
}

/// First packets like others before them have the policy of those, and no other's.
#[test]
fn first_packets_of_a_class() {
    let mut run = Run::new(1, Spread::Hash, false);
    for port in 1000..1100 {
        run.says(LAN, &frames::udp(LAN, (CLIENT, port), (FAR, 53)));
        run.says(LAN, &frames::udp(LAN, (OTHER, port), (FAR, 53)));
    }
    assert!(run.gateway.total(Counter::Cached) > 190, "{}", run.gateway.total(Counter::Cached));
    let listed = run.gateway.listed();
    assert_eq!(listed.len(), 200);
    for one in listed {
        let own = one.original.source == std::net::IpAddr::from(CLIENT);
        let expected = if own { 69..=70 } else { 29..=30 };
        assert!(expected.contains(&one.timeout_s), "{one:?}");
    }
}
