//! Random rulesets of every match there is, and what happens between packets: the classifier's walk and the plain one end alike,
//! count alike and remember alike.

use super::Packet;
use super::random::{Step, all_chains, steps};
use super::twin::Twins;
use crate::address::{Address, V4, V6};
use crate::ids::WorkerId;
use crate::rules::classifier::Classifier;
use crate::rules::matches::address::{Destination, Source};
use crate::rules::matches::{Match, multiport, port};
use crate::rules::targets::Target;
use crate::rules::{Chain, ChainId, Count, CounterId, Outcome, Rule, Rules, Trail, Walk};
use crate::time::Instant;
use crate::tuple::Tuple;
use proptest::prelude::*;
use std::time::Duration;

const WORKER: WorkerId = WorkerId(0);

/// Rules that are walked in one of the two ways.
struct Side<A> {
    rules: Rules<A>,
    counters: usize,
    plainly: bool,
}

impl<A: Address> Side<A> {
    fn new(chains: Vec<Chain<A>>, counters: usize, plainly: bool) -> Self {
        Self { rules: Rules::new(chains, &[], counters, 1), counters, plainly }
    }

    fn replace(&mut self, chains: Vec<Chain<A>>) {
        self.rules = Rules::after(&self.rules, chains, &[], self.counters, 1);
    }

    /// Walks: outcome, mark, whether it may be cached, trail.
    fn walk(&self, packet: &Packet<A>) -> (Outcome<A>, u32, bool, String) {
        packet.seen(|view| {
            let (mut trail, mut cacheable) = (Trail::new(), true);
            let walk = Walk {
                counters: self.rules.counters(WORKER),
                trail: Some(&mut trail),
                cacheable: &mut cacheable,
            };
            let outcome = if self.plainly {
                self.rules.evaluate_plainly(ChainId(0), view, walk)
            } else {
                self.rules.evaluate(ChainId(0), view, walk)
            };
            (outcome, view.mark.get(), cacheable, format!("{trail:?}"))
        })
    }

    fn counts(&self) -> Vec<Count> {
        let mut sums = Vec::new();
        self.rules.counters(WORKER).unwrap().add_to(&mut sums);
        sums
    }
}

/// Plays the steps on both sides, each with states of its own.
fn agree<A: Address>((mut chains, counters): (Vec<Chain<A>>, usize), steps: &[Step<A>]) {
    let mut twins = Twins::new();
    let mut indexed = Side::new(twins.chains(&chains), counters, false);
    let mut plain = Side::new(chains.clone(), counters, true);
    let mut now = Instant(1_000_000_000_000);
    let mut seen: Vec<Tuple<A>> = Vec::new();
    for step in steps {
        match step {
            Step::Packet(packet) => {
                let packet = Packet { now, ..packet.clone() };
                assert_eq!(indexed.walk(&packet), plain.walk(&packet), "{packet:?}");
                seen.push(packet.tuple());
            }
            Step::Time(milliseconds) => now = now + Duration::from_millis(*milliseconds),
            Step::Put(address, port) => twins.put(*address, *port, now),
            Step::Take(address, port) => twins.take(*address, *port, now),
            Step::Flush => twins.flush(),
            Step::End(back) => {
                let tuple = seen.iter().rev().nth(*back);
                tuple.into_iter().for_each(|tuple| twins.forget(tuple));
            }
            Step::Change { chain, rule, matches } => {
                assert_eq!(indexed.counts(), plain.counts());
                let at = chain % chains.len();
                let rules = &mut chains[at].rules;
                let Some(at) = rule.checked_rem(rules.len()) else { continue };
                rules[at].matches = matches.clone();
                indexed.replace(twins.chains(&chains));
                plain.replace(chains.clone());
            }
        }
    }
    assert_eq!(indexed.counts(), plain.counts());
}

/// One packet, and nothing that happens besides.
fn agree_on<A: Address>(chains: (Vec<Chain<A>>, usize), packet: Packet<A>) {
    agree(chains, &[Step::Packet(packet)]);
}

/// `matches` in each of `count` rules that let the walk go on; some call a chain that returns at once: as seldom
/// as lists are merged several times between, and where those at hand have come to an end.
fn all_match(count: u32, matches: impl Fn(u32) -> Vec<Match<V4>>) -> (Vec<Chain<V4>>, usize) {
    let rule = |at: u32| Rule {
        counter: CounterId(at),
        matches: matches(at),
        target: if at % 16 == 7 { Target::Jump(ChainId(1)) } else { Target::Continue },
    };
    let called = Rule { counter: CounterId(count), matches: vec![], target: Target::Return };
    let chain = |rules| Chain { rules, policy: None };
    (vec![chain((0..count).map(rule).collect()), chain(vec![called])], count as usize + 1)
}

const ADDRESS: V4 = V4([10, 1, 2, 3]);

/// More lists than are merged at a time, all of which begin early.
#[test]
fn a_packet_that_all_shapes_match() {
    let mask = |len: u32| V4((u32::MAX << (32 - len)).to_be_bytes());
    let rules = all_match(60, |at| {
        vec![
            Match::Source(Source::new(ADDRESS, mask(1 + at % 32), false)),
            Match::Destination(Destination::new(ADDRESS, mask(1 + at / 7), false)),
        ]
    });
    let indexed = Classifier::new(&rules.0[0].rules).unwrap();
    assert_eq!(indexed.probes.len(), 60);
    agree_on(rules, Packet::syn(ADDRESS, ADDRESS, 80));
}

/// One rule stands at the head of more lists than are merged at a time.
#[test]
fn a_rule_of_overlapping_ranges() {
    let ranges: Vec<_> =
        (0..12).map(|bits| port::PortRange { from: 0x3fff >> bits << bits, to: 0x3fff }).collect();
    let rules = all_match(20, |_| {
        let (end, ranges) = (multiport::End::Destination, ranges.clone());
        vec![Match::Multiport(multiport::Multiport { end, ranges, invert: false })]
    });
    let indexed = Classifier::new(&rules.0[0].rules).unwrap();
    assert_eq!(indexed.probes.len(), 12);
    agree_on(rules, Packet::syn(ADDRESS, ADDRESS, 0x3fff));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_chains_of_v4(chains in all_chains::<V4>(40), steps in steps(30)) {
        agree(chains, &steps);
    }

    #[test]
    fn random_chains_of_v6(chains in all_chains::<V6>(40), steps in steps(30)) {
        agree(chains, &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// More shapes than are told apart.
    #[test]
    fn many_shapes(chains in all_chains::<V6>(600), steps in steps(30)) {
        let longest = chains.0.iter().max_by_key(|chain| chain.rules.len()).unwrap();
        let classifier = Classifier::new(&longest.rules).unwrap();
        assert!(classifier.probes.len() <= 300, "{}", classifier.probes.len());
        agree(chains, &steps);
    }
}
