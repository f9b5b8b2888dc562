//! Random rulesets: the classifier's walk and the plain one end alike, count alike and remember alike.

use super::Packet;
use super::random::{chains, packet};
use crate::address::{Address, V4, V6};
use crate::ids::WorkerId;
use crate::rules::classifier::Classifier;
use crate::rules::{Chain, ChainId, Count, Outcome, Rules, Trail, Walk};
use proptest::collection::vec;
use proptest::prelude::*;

const PLAIN: WorkerId = WorkerId(0);
const INDEXED: WorkerId = WorkerId(1);

/// Walks by one of the two ways: outcome, mark, whether it may be cached, trail.
fn walk<'r, A: Address>(
    rules: &'r Rules<A>,
    packet: &Packet<A>,
    by: WorkerId,
) -> (Outcome<'r, A>, u32, bool, String) {
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
