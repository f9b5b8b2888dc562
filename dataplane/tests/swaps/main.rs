//! Changes under established traffic: a gateway that keeps verdicts and one that forgets them before every packet let out
//! the same packets and count the same, whatever changes in between.

#![allow(clippy::unwrap_used, reason = "what is set up wrong fails its test")]

mod drawn;
mod sets;
#[path = "../support/mod.rs"]
mod support;

use sluice_dataplane::address::{Mac, V4};
use sluice_dataplane::conntrack::Direction;
use sluice_dataplane::ids::{InterfaceId, NextHopId};
use sluice_dataplane::interface::ReversePathFilter;
use sluice_dataplane::rules::matches::address::{Destination, Source};
use sluice_dataplane::rules::matches::addrtype::{AddressType, Kinds, Limit, kind};
use sluice_dataplane::rules::matches::connmark::Connmark;
use sluice_dataplane::rules::matches::conntrack::{Asked, Conntrack, End};
use sluice_dataplane::rules::matches::length::Length;
use sluice_dataplane::rules::matches::mark::Mark;
use sluice_dataplane::rules::matches::port::{DestinationPort, PortRange};
use sluice_dataplane::rules::matches::protocol::Protocol;
use sluice_dataplane::rules::matches::reverse_path::ReversePath;
use sluice_dataplane::rules::matches::{Match, state::State};
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::targets::connmark::{ConnmarkChange, MarkCopy, MarkShift};
use sluice_dataplane::rules::{Chain, ChainId, Count, CounterId, Hook, Policy, Rule, Rules, Table};
use sluice_dataplane::worker::counters::Counter;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use support::frames::neighbour_mac;
use support::plain::{Sent, Transport};
use support::rules::{dnat, established_only, new_only, snat};
use support::{CLIENT, GATEWAY, Gateway, LAN, SERVER, Spread, WAN, snapshot_with};

const ACK: u8 = 0x10;
const SYN: u8 = 2;
/// Behind the server, by a route of its own.
const FAR: [u8; 4] = [198, 51, 100, 5];
/// Behind the default route, once there is one.
const BEYOND: [u8; 4] = [203, 0, 113, 9];

type RuleList = Vec<(Vec<Match<V4>>, Target<V4>)>;

/// Chains of a table each, with their policy; then one that others call.
#[derive(Debug, Clone)]
struct Ruleset {
    bases: Vec<(Table, Hook, RuleList, Policy)>,
    own: RuleList,
}

const OWN: ChainId = ChainId(PLACES.len() as u32);

const PLACES: [(Table, Hook); 8] = [
    (Table::Raw, Hook::Prerouting),
    (Table::Mangle, Hook::Prerouting),
    (Table::Filter, Hook::Forward),
    (Table::Filter, Hook::Input),
    (Table::Mangle, Hook::Forward),
    (Table::Mangle, Hook::Postrouting),
    (Table::Nat, Hook::Prerouting),
    (Table::Nat, Hook::Postrouting),
];

impl Ruleset {
    fn empty() -> Self {
        let bases = PLACES.map(|(table, hook)| (table, hook, vec![], Policy::Accept));
        Self { bases: bases.to_vec(), own: vec![] }
    }

    /// A chain by its place among [`PLACES`], or the one others call.
    fn chain(&mut self, at: usize) -> &mut RuleList {
        match self.bases.get_mut(at) {
            Some((_, _, rules, _)) => rules,
            None => &mut self.own,
        }
    }

    fn with(mut self, table: Table, hook: Hook, rules: RuleList) -> Self {
        let at = PLACES.iter().position(|place| *place == (table, hook)).unwrap();
        *self.chain(at) = rules;
        self
    }

    /// Numbered as the control plane does it. A table nobody has written to is not walked.
    fn compile(&self, previous: &Rules<V4>) -> Rules<V4> {
        let (mut chains, mut entries, mut counters) = (Vec::new(), Vec::new(), 0);
        let mut next = || {
            counters += 1;
            CounterId(counters - 1)
        };
        let own = (None, &self.own, None);
        let bases = self
            .bases
            .iter()
            .map(|(table, hook, rules, policy)| (Some((*table, *hook)), rules, Some(*policy)));
        for (at, (place, rules, policy)) in bases.chain([own]).enumerate() {
            let idle = place.is_some_and(|(table, _)| {
                let of_table = self.bases.iter().filter(|base| base.0 == table);
                of_table.clone().all(|base| base.2.is_empty() && base.3 == Policy::Accept)
            });
            if let Some((table, hook)) = place.filter(|_| !idle) {
                entries.push((table, hook, ChainId(at as u32)));
            }
            let rules = rules.iter().cloned();
            let rules =
                rules.map(|(matches, target)| Rule { counter: next(), matches, target }).collect();
            chains.push(Chain { rules, policy: policy.map(|policy| (policy, next())) });
        }
        Rules::after(previous, chains, &entries, counters as usize, 1)
    }
}

/// The two gateways.
struct Both {
    kept: Gateway,
    forgetful: Gateway,
    rules: Ruleset,
    filter: ReversePathFilter,
}

impl Both {
    fn new(rules: Ruleset) -> Self {
        let gateway = || Gateway::new(1, Spread::Hash, Rules::empty(1));
        let (kept, forgetful) = (gateway(), gateway());
        let mut both = Self { kept, forgetful, rules, filter: ReversePathFilter::Off };
        both.publish();
        both
    }

    fn each(&mut self, change: impl Fn(&mut Gateway)) {
        change(&mut self.kept);
        change(&mut self.forgetful);
    }

    /// Puts the rules in force.
    fn publish(&mut self) {
        let (rules, filter) = (self.rules.clone(), self.filter);
        self.each(|gateway| {
            let previous = gateway.published.current();
            let rules4 = rules.compile(&previous.rules4);
            let rules6 = Rules::after(&previous.rules6, vec![], &[], 0, 1);
            let next = snapshot_with(rules4, rules6, |interface| interface.reverse_path = filter);
            gateway.publish_snapshot(Arc::new(next.after(&previous)));
        });
    }

    fn change(&mut self, table: Table, hook: Hook, change: impl FnOnce(&mut RuleList)) {
        let at = PLACES.iter().position(|place| *place == (table, hook)).unwrap();
        change(self.rules.chain(at));
        self.publish();
    }

    /// Adds a route to both tables, or takes it out.
    fn route(&mut self, to: [u8; 4], length: u8, next_hop: Option<u32>) {
        self.each(|gateway| match next_hop {
            Some(id) => drop(gateway.routes.0.insert(V4(to), length, NextHopId(id)).unwrap()),
            None => drop(gateway.routes.0.remove(V4(to), length)),
        });
    }

    /// How many of a burst took a cached verdict.
    fn pass(&mut self, port: u16, frames: &[Vec<u8>]) -> u64 {
        let before = self.kept.total(Counter::Cached);
        let mut together = self.kept.receive_burst(0, port, frames);
        let mut alone = Vec::new();
        for frame in frames {
            self.forgetful.forget_verdicts();
            alone.extend(self.forgetful.receive_at(0, port, frame));
        }
        alone.sort_by_key(|(port, _)| *port);
        for (_, frame) in together.iter_mut().chain(&mut alone) {
            // An ICMP error has a random identification.
            if frame[23] == 1 {
                frame[18..20].fill(0);
                frame[24..26].fill(0);
            }
        }
        assert_eq!(together, alone);
        self.kept.now = self.forgetful.now;
        let counts = |gateway: &Gateway| -> (Vec<Count>, Vec<u64>) {
            let counters = [Counter::Transmitted, Counter::Local, Counter::Inserted];
            (gateway.rule_counts(), counters.map(|counter| gateway.total(counter)).to_vec())
        };
        assert_eq!(counts(&self.kept), counts(&self.forgetful));
        assert_eq!(self.forgetful.total(Counter::Cached), 0);
        self.kept.total(Counter::Cached) - before
    }

    /// One packet of each connection, and how many took a cached verdict.
    fn exchange(&mut self, back: bool) -> u64 {
        let frames: Vec<_> =
            (0..CONNECTIONS).map(|index| segment(index, back, 1, 1, ACK)).collect();
        self.pass(if back { WAN } else { LAN }, &frames)
    }

    /// Lets time pass.
    fn wait(&mut self, time: Duration) {
        self.each(|gateway| gateway.now = gateway.now + time);
    }

    /// Begins all connections.
    fn establish(&mut self) {
        for index in 0..CONNECTIONS {
            for (back, seq, ack, flags) in
                [(false, 0, 0, SYN), (true, 0, 1, SYN | ACK), (false, 1, 1, ACK), (true, 1, 1, ACK)]
            {
                let frame = segment(index, back, seq, ack, flags);
                self.pass(if back { WAN } else { LAN }, &[frame]);
            }
        }
        assert_eq!(self.exchange(false), CONNECTIONS as u64);
        assert_eq!(self.exchange(true), CONNECTIONS as u64);
    }

    /// Packets of connections that are judged anew when their next packets come, of both directions.
    fn judged_anew(&mut self) -> u64 {
        ALL - self.exchange(false) - self.exchange(true)
    }

    /// Some are, and others take over what was found of them; none a second time.
    fn assert_judged_anew_once(&mut self, why: &str) {
        let anew = self.judged_anew();
        assert!((2..ALL).contains(&anew), "{why}: {anew}");
        assert_eq!(self.judged_anew(), 0, "{why}");
    }
}

/// To the server, to what lies behind it, by turns of UDP and TCP; one beyond the default route.
const CONNECTIONS: usize = 6;
/// Packets of both directions of all.
const ALL: u64 = 2 * CONNECTIONS as u64;

fn peer(index: usize) -> [u8; 4] {
    [SERVER, FAR, SERVER, FAR, BEYOND, BEYOND][index]
}

/// A segment or datagram of a connection; sources are translated to the gateway's address.
fn segment(index: usize, back: bool, seq: u32, ack: u32, flags: u8) -> Vec<u8> {
    let (client, server) = ((IpAddr::from(CLIENT), 5000 + index as u16), (peer(index).into(), 80));
    let outside = (IpAddr::from(GATEWAY), client.1);
    let (from, to) = if back { (server, outside) } else { (client, server) };
    let base = |back: bool| if back { 9000 } else { 1000 };
    let transport = match index % 2 {
        0 => Transport::Udp,
        _ => Transport::Tcp(
            base(back) + seq,
            if flags == SYN { 0 } else { base(!back) + ack },
            flags,
        ),
    };
    Sent { transport, from, to, ttl: 64, payload: 0, padding: 0, unsummed: false }.frame(if back {
        WAN
    } else {
        LAN
    })
}

fn to_port(port: u16) -> Match<V4> {
    let range = PortRange { from: port, to: port };
    Match::DestinationPort(DestinationPort { range, invert: false })
}

/// As most firewalls are.
fn firewall() -> Ruleset {
    Ruleset::empty()
        .with(
            Table::Filter,
            Hook::Forward,
            vec![
                (vec![established_only()], Target::Accept),
                (vec![new_only(), to_port(80)], Target::Accept),
                (vec![], Target::Drop),
            ],
        )
        .with(Table::Nat, Hook::Postrouting, vec![(vec![], snat(GATEWAY, None))])
}

fn established() -> Both {
    let mut both = Both::new(firewall());
    both.route([0; 4], 0, Some(7));
    both.establish();
    assert_eq!(both.judged_anew(), 0);
    both
}

fn drop_port(port: u16) -> (Vec<Match<V4>>, Target<V4>) {
    (vec![to_port(port)], Target::Drop)
}

#[test]
fn what_established_packets_cannot_reach_changes_under_them() {
    let mut both = established();
    let forward = (Table::Filter, Hook::Forward);
    both.publish();
    assert_eq!(both.judged_anew(), 0, "nothing has changed");
    both.change(forward.0, forward.1, |rules| rules.insert(1, drop_port(7)));
    assert_eq!(both.judged_anew(), 0, "behind ESTABLISHED");
    both.change(forward.0, forward.1, |rules| {
        rules.insert(0, (vec![new_only(), to_port(9)], Target::Drop));
    });
    assert_eq!(both.judged_anew(), 0, "for NEW, before ESTABLISHED");
    both.change(Table::Nat, Hook::Prerouting, |rules| {
        rules.push((vec![to_port(99)], dnat(SERVER, 80)));
    });
    assert_eq!(both.judged_anew(), 0, "nat");
    both.change(Table::Filter, Hook::Input, |rules| rules.push(drop_port(80)));
    assert_eq!(both.judged_anew(), 0, "INPUT");
    both.rules.bases[2].3 = Policy::Drop;
    both.publish();
    assert_eq!(both.judged_anew(), 0, "a policy nobody meets");
    both.rules.own.push(drop_port(80));
    both.publish();
    assert_eq!(both.judged_anew(), 0, "a chain that nobody calls");
    both.change(forward.0, forward.1, |rules| drop(rules.remove(0)));
    assert_eq!(both.judged_anew(), 0, "rules move");
}

#[test]
fn what_they_can_reach_has_them_judged_anew_once() {
    let mut both = established();
    let forward = (Table::Filter, Hook::Forward);
    both.change(forward.0, forward.1, |rules| rules.insert(0, drop_port(7)));
    both.assert_judged_anew_once("before ESTABLISHED");
    both.change(Table::Mangle, Hook::Prerouting, |rules| {
        rules.push((vec![], Target::Mark { value: 1, mask: 1 }));
    });
    both.assert_judged_anew_once("a mark");
    both.change(forward.0, forward.1, |rules| {
        let marked = Match::Mark(Mark { value: 1, mask: 1, invert: false });
        rules.insert(0, (vec![marked], Target::Jump(OWN)));
    });
    both.assert_judged_anew_once("a chain is called");
    both.rules.own.push((vec![to_port(80)], Target::Continue));
    both.publish();
    both.assert_judged_anew_once("the chain they are in");
    both.change(forward.0, forward.1, |rules| rules.insert(0, drop_port(80)));
    assert_eq!(both.exchange(false), 0);
    both.exchange(true);
    let passed = both.kept.total(Counter::Transmitted);
    assert_eq!(both.exchange(false), 0, "what is dropped is judged each time");
    assert_eq!(both.kept.total(Counter::Transmitted), passed);
    both.change(forward.0, forward.1, |rules| drop(rules.remove(0)));
    both.assert_judged_anew_once("the rule is gone");
    both.change(forward.0, forward.1, |rules| {
        let long = Match::Length(Length { from: 1000, to: 2000, invert: false });
        rules.insert(0, (vec![long], Target::Continue));
    });
    assert_eq!((both.judged_anew(), both.judged_anew()), (ALL, ALL), "what asks every packet");
}

/// Of connections that nobody has answered, packets are of state NEW.
#[test]
fn unanswered_connections_are_told_from_answered_ones() {
    let mut both = established();
    let frame = |port: u16| {
        let (from, to) = ((IpAddr::from(CLIENT), 6000 + port), (IpAddr::from(FAR), 80));
        let udp = Transport::Udp;
        Sent { transport: udp, from, to, ttl: 64, payload: 4, padding: 0, unsummed: false }
            .frame(LAN)
    };
    let frames: Vec<_> = (0..4).map(frame).collect();
    both.pass(LAN, &frames);
    assert_eq!(both.pass(LAN, &frames), 4);
    both.change(Table::Nat, Hook::Prerouting, |rules| {
        rules.push((vec![to_port(9)], Target::Accept))
    });
    assert_eq!(both.pass(LAN, &frames), 4, "nat");
    both.change(Table::Filter, Hook::Forward, |rules| {
        rules.insert(1, (vec![to_port(80)], Target::Drop));
    });
    assert_eq!(both.pass(LAN, &frames), 0, "all of them are dropped now");
    assert_eq!(both.judged_anew(), 0, "answered ones are not");
}

#[test]
fn routes_concern_those_who_take_them() {
    let mut both = established();
    both.route([192, 0, 2, 0], 24, Some(7));
    assert_eq!(both.judged_anew(), 0, "another's route");
    both.route([198, 51, 100, 0], 25, Some(7));
    assert_eq!(both.judged_anew(), 0, "a longer one that leads to the same");
    // Back to the LAN, where nobody has the address.
    both.route(FAR, 32, Some(0));
    assert_eq!(both.exchange(false), 4, "two of six go elsewhere");
    assert_eq!(both.exchange(true), 6, "what comes back goes where it went");
    both.route(FAR, 32, None);
    assert_eq!(both.judged_anew(), 0, "as if nothing had been");
    both.route([0; 4], 0, None);
    assert_eq!(both.exchange(false), 4, "without a default route");
    both.route([0; 4], 0, Some(6));
    assert_eq!(both.exchange(false), 4, "into a black hole");
    both.route([0; 4], 0, Some(7));
    assert_eq!(both.judged_anew(), 0);
    both.route(CLIENT, 32, Some(4));
    assert_eq!(both.exchange(true), 0, "all answers are refused");
}

#[test]
fn the_way_back_counts_where_sources_are_filtered() {
    let mut both = established();
    both.filter = ReversePathFilter::Strict;
    both.publish();
    assert_eq!((both.judged_anew(), both.judged_anew()), (ALL, 0), "interfaces have changed");
    both.route([192, 0, 2, 0], 24, Some(7));
    assert_eq!(both.judged_anew(), 0, "another's route");
    // The client seems to be outside.
    both.route(CLIENT, 32, Some(1));
    assert_eq!(both.exchange(false), 0, "spoofed");
    both.route(CLIENT, 32, None);
    both.judged_anew();
    assert_eq!(both.judged_anew(), 0);
    both.route([0; 4], 0, None);
    assert_eq!(both.exchange(true), 4, "without a route back");
}

#[test]
fn rules_that_ask_for_routes_are_asked_again() {
    let mut both = established();
    both.change(Table::Filter, Hook::Forward, |rules| {
        let kinds = Kinds { bits: kind::LOCAL, invert: false };
        let local = AddressType { source: None, destination: Some(kinds), limit: Limit::None };
        rules.insert(0, (vec![Match::AddressType(local)], Target::Drop));
    });
    both.assert_judged_anew_once("a rule that asks for routes");
    both.route([192, 0, 2, 0], 24, Some(7));
    both.assert_judged_anew_once("a route");
}

#[test]
fn neighbours_come_and_go() {
    let mut both = established();
    let interface = InterfaceId(WAN);
    let set = |gateway: &mut Gateway, mac: [u8; 6]| {
        let now = gateway.now;
        gateway
            .machine
            .set(interface, SERVER.into(), Mac(mac), true, now, &mut Vec::new())
            .unwrap();
    };
    both.each(|gateway| set(gateway, [2, 0, 0, 0, 0, 0x77]));
    assert_eq!(both.judged_anew(), 0, "another MAC is no other way");
    // Another neighbour gets the place.
    both.each(|gateway| {
        assert!(gateway.machine.delete(interface, SERVER.into(), &mut Vec::new()));
        gateway.machine.reclaim(&sluice_dataplane::published::Quiescence::new(0));
        let (now, other) = (gateway.now, IpAddr::from([192, 168, 1, 200]));
        gateway.machine.set(interface, other, Mac([2; 6]), true, now, &mut Vec::new()).unwrap();
    });
    assert_eq!(both.exchange(false), 0, "nobody is there");
    both.each(|gateway| set(gateway, neighbour_mac(WAN)));
    both.judged_anew();
    assert_eq!(both.judged_anew(), 0);
}
