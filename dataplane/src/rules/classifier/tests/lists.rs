//! Long lists as they are met: few rules are asked, few shapes looked at, little memory is used.

use super::Packet;
use crate::address::V4;
use crate::ids::InterfaceId;
use crate::rules::classifier::demand::Prefix;
use crate::rules::classifier::filter::Filter;
use crate::rules::classifier::{Candidates, Classifier};
use crate::rules::matches::address::{Destination, Source};
use crate::rules::matches::port::{DestinationPort, PortRange};
use crate::rules::matches::protocol::Protocol;
use crate::rules::matches::{Match, interface, length, multiport, port, state};
use crate::rules::targets::Target;
use crate::rules::{CounterId, Rule};

const HOST: u8 = 32;

fn mask(len: u8) -> V4 {
    V4(u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0).to_be_bytes())
}

fn number(base: [u8; 4], number: u32) -> V4 {
    V4((u32::from_be_bytes(base) + number).to_be_bytes())
}

fn from(address: V4, len: u8) -> Match<V4> {
    Match::Source(Source::new(address, mask(len), false))
}

fn to(address: V4, len: u8) -> Match<V4> {
    Match::Destination(Destination::new(address, mask(len), false))
}

fn tcp() -> Match<V4> {
    Match::Protocol(Protocol { number: 6, invert: false })
}

fn ports(from: u16, to: u16) -> Match<V4> {
    Match::DestinationPort(DestinationPort { range: PortRange { from, to }, invert: false })
}

fn chain(count: u32, matches: impl Fn(u32) -> Vec<Match<V4>>) -> Vec<Rule<V4>> {
    let rule = |at| Rule { counter: CounterId(at), matches: matches(at), target: Target::Drop };
    (0..count).map(rule).collect()
}

/// Positions of the rules a packet has to ask.
fn asked(classifier: &Classifier<V4>, packet: &Packet<V4>, rules: usize) -> Vec<usize> {
    packet.seen(|view| {
        let mut candidates = Candidates::from(Some(classifier), 0, view);
        std::iter::from_fn(|| Some(candidates.next(view)).filter(|at| *at < rules)).collect()
    })
}

/// What two packets have to ask of a list whose rules stand in so many `places` each: one that matches
/// nothing and one that matches rule `hit`.
fn check(
    (rules, places): (&[Rule<V4>], usize),
    stranger: &Packet<V4>,
    known: &Packet<V4>,
    hit: usize,
) {
    let classifier = Classifier::new(rules).unwrap();
    assert_eq!(asked(&classifier, stranger, rules.len()), [], "of one that matches nothing");
    assert_eq!(asked(&classifier, known, rules.len()), [hit], "of one that matches");
    assert!(classifier.probes.len() <= 32, "{} shapes", classifier.probes.len());
    let bytes = classifier.bytes();
    assert!(bytes <= 48 * places * rules.len() + 4096, "{bytes} bytes for {} rules", rules.len());
}

const STRANGER: V4 = V4([8, 8, 8, 8]);

#[test]
fn services_by_address_and_port() {
    for count in [10_000, 100_000] {
        let rules =
            chain(count, |at| vec![to(number([10, 96, 0, 0], at), HOST), tcp(), ports(443, 443)]);
        let known = Packet::syn(STRANGER, number([10, 96, 0, 0], 7_000), 443);
        check((&rules, 1), &Packet::syn(STRANGER, STRANGER, 443), &known, 7_000);
    }
}

#[test]
fn a_list_of_blocked_prefixes() {
    let prefix = |at: u32| (number([11, 0, 0, 0], at << 8), 24 + (at % 9) as u8);
    for count in [10_000, 100_000] {
        let rules = chain(count, |at| vec![from(prefix(at).0, prefix(at).1)]);
        let known = Packet::syn(prefix(9_999).0, STRANGER, 80);
        check((&rules, 1), &Packet::syn(STRANGER, STRANGER, 80), &known, 9_999);
    }
}

#[test]
fn one_port_range_each() {
    let rules = chain(10_000, |at| vec![tcp(), ports(6 * at as u16 + 1000, 6 * at as u16 + 1005)]);
    let known = Packet::syn(STRANGER, STRANGER, 31_005);
    check((&rules, 4), &Packet::syn(STRANGER, STRANGER, 999), &known, 5000);
}

#[test]
fn one_interface_each() {
    let rules = chain(4_000, |at| {
        let id = InterfaceId(at as u16 + 10);
        vec![Match::Ingress(interface::Ingress::new(vec![id], false))]
    });
    let stranger = Packet::syn(STRANGER, STRANGER, 80);
    let known = Packet { ingress: InterfaceId(3_010), ..stranger.clone() };
    check((&rules, 1), &stranger, &known, 3_000);
}

#[test]
fn several_ports_each() {
    let range = |port| PortRange { from: port, to: port };
    let rules = chain(1_000, |at| {
        let at = at as u16;
        let ranges = vec![range(2 * at), range(2 * at + 1), range(30_000 + at)];
        let end = multiport::End::Destination;
        vec![tcp(), Match::Multiport(multiport::Multiport { end, ranges, invert: false })]
    });
    let packet = |port| Packet::syn(STRANGER, STRANGER, port);
    check((&rules, 3), &packet(40_000), &packet(601), 300);
    check((&rules, 3), &packet(40_000), &packet(30_300), 300);
}

#[test]
fn rules_of_another_state_are_left_out() {
    let established = state::State { established: true, ..state::State::default() };
    let rules = chain(100, |_| vec![Match::State(established)]);
    let stranger = Packet::syn(STRANGER, STRANGER, 80);
    let classifier = Classifier::new(&rules).unwrap();
    assert_eq!(asked(&classifier, &stranger, 100), []);
    let known = Packet { state: crate::conntrack::CtState::Established, ..stranger };
    assert_eq!(asked(&classifier, &known, 100).len(), 100);
}

/// The plain walk asks about the packet before it sees that the address differs: so must this one.
#[test]
fn what_stands_behind_a_match_of_the_packet_is_not_indexed() {
    let long = || Match::Length(length::Length { from: 1000, to: 2000, invert: false });
    let flags = || Match::TcpFlags(port::TcpFlags { mask: 2, compare: 2, invert: false });
    let before = chain(100, |at| vec![from(number([11, 0, 0, 0], at), HOST), long(), flags()]);
    let behind = chain(100, |at| vec![long(), from(number([11, 0, 0, 0], at), HOST)]);
    let stranger = Packet::syn(STRANGER, STRANGER, 80);
    assert_eq!(asked(&Classifier::new(&before).unwrap(), &stranger, 100), []);
    assert_eq!(asked(&Classifier::new(&behind).unwrap(), &stranger, 100).len(), 100);
}

/// A range of many blocks is found by the one around it.
#[test]
fn wide_ranges_of_ports() {
    let rules = chain(100, |at| vec![tcp(), ports(200 * at as u16 + 1, 200 * at as u16 + 199)]);
    let classifier = Classifier::new(&rules).unwrap();
    let found = asked(&classifier, &Packet::syn(STRANGER, STRANGER, 10_050), 100);
    assert!(found.contains(&50) && found.len() < 12, "{found:?}");
}

/// Of the lengths at which there is nothing, the filter leaves few.
#[test]
fn filters_tell_lengths_apart() {
    let prefix = |at: u128| Prefix { bits: (10 << 24) + (at << 8), len: 24 };
    let shorter = Prefix { bits: 172 << 24, len: 8 };
    let filter = Filter::new(32, (0..1000).map(prefix).chain([shorter]));
    assert!((0..1000).all(|at| filter.look(prefix(at).bits + 7) & 0b101 == 0b101));
    assert_eq!(filter.look(172 << 24 | 5) & 0b011, 0b011);
    let vain = (0..1000).filter(|at| filter.look((11 << 24) + (at << 8)) & 0b100 != 0).count();
    assert!(vain < 200, "{vain}");
}
