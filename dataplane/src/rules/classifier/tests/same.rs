//! Random rulesets: the classifier's walk and the plain one end alike, count alike and remember alike.

use super::Packet;
use super::random::{chains, packet};
use crate::address::{Address, V4, V6};
use crate::ids::WorkerId;
use crate::rules::classifier::Classifier;
use crate::rules::matches::address::{Destination, Source};
use crate::rules::matches::{Match, multiport, port};
use crate::rules::targets::Target;
use crate::rules::{Chain, ChainId, Count, CounterId, Outcome, Rule, Rules, Trail, Walk};
use proptest::collection::vec;
use proptest::prelude::*;

const PLAIN: WorkerId = WorkerId(0);
const INDEXED: WorkerId = WorkerId(1);

/// Walks by one of the two ways: outcome, mark, whether it may be cached, trail.
fn walk<A: Address>(
    rules: &Rules<A>,
    packet: &Packet<A>,
    by: WorkerId,
) -> (Outcome<A>, u32, bool, String) {
    let headers = packet.headers();
    let mut view = packet.view(&headers);
    let (mut trail, mut cacheable) = (Trail::new(), true);
    let walk =
        Walk { counters: rules.counters(by), trail: Some(&mut trail), cacheable: &mut cacheable };
    let outcome = if by == PLAIN {
        rules.evaluate_plainly(ChainId(0), &mut view, walk)
    } else {
        rules.evaluate(ChainId(0), &mut view, walk)
    };
    (outcome, view.mark, cacheable, format!("{trail:?}"))
}

fn counts<A: Address>(rules: &Rules<A>, by: WorkerId) -> Vec<Count> {
    let mut sums = Vec::new();
    rules.counters(by).unwrap().add_to(&mut sums);
    sums
}

fn agree<A: Address>((chains, counters): (Vec<Chain<A>>, usize), packets: &[Packet<A>]) {
    let rules = Rules::new(chains, &[], counters, 2);
    for packet in packets {
        assert_eq!(walk(&rules, packet, INDEXED), walk(&rules, packet, PLAIN), "{packet:?}");
    }
    assert_eq!(counts(&rules, INDEXED), counts(&rules, PLAIN));
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
    agree(rules, &[Packet::syn(ADDRESS, ADDRESS, 80)]);
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
    agree(rules, &[Packet::syn(ADDRESS, ADDRESS, 0x3fff)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_chains_of_v4(chains in chains::<V4>(40), packets in vec(packet(), 1..20)) {
        agree(chains, &packets);
    }

    #[test]
    fn random_chains_of_v6(chains in chains::<V6>(40), packets in vec(packet(), 1..20)) {
        agree(chains, &packets);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// More shapes than are told apart.
    #[test]
    fn many_shapes(chains in chains::<V6>(600), packets in vec(packet(), 20)) {
        let longest = chains.0.iter().max_by_key(|chain| chain.rules.len()).unwrap();
        let classifier = Classifier::new(&longest.rules).unwrap();
        assert!(classifier.probes.len() <= 300, "{}", classifier.probes.len());
        agree(chains, &packets);
    }
}
