use super::*;
use crate::address::V4;
use crate::rules::Rule;
use crate::rules::matches::address::{Destination, Source};
use crate::rules::matches::multiport::Multiport;
use crate::rules::matches::port::{DestinationPort, SourcePort};
use crate::rules::targets::Target;
use crate::rules::{Chain, CounterId};
use proptest::prelude::*;

fn chain(matches: &[Match<V4>]) -> Chain<V4> {
    let rule = |one: &Match<V4>| Rule {
        counter: CounterId(0),
        matches: vec![one.clone()],
        target: Target::Drop,
    };
    Chain { rules: matches.iter().map(rule).collect(), policy: None }
}

fn rules(matches: &[Match<V4>]) -> Consulted<V4> {
    Consulted::new(&[chain(matches)])
}

/// Addresses that differ in few bits.
fn address() -> impl Strategy<Value = V4> {
    (0..4u8, 0..4u8).prop_map(|(net, host)| V4([10, net, 0, host]))
}

/// Masks, one of them with a hole.
fn mask() -> impl Strategy<Value = V4> {
    let masks =
        [[0; 4], [255, 0, 0, 0], [255, 255, 0, 0], [255, 254, 0, 0], [255; 4], [255, 0, 0, 255]];
    prop::sample::select(masks.map(V4).to_vec())
}

fn port() -> impl Strategy<Value = u16> {
    prop_oneof![0..4u16, 60..70u16, 1000..1003u16, 65_530..=65_535u16]
}

fn range() -> impl Strategy<Value = PortRange> {
    (port(), port()).prop_map(|(a, b)| PortRange { from: a.min(b), to: a.max(b) })
}

fn condition() -> impl Strategy<Value = Match<V4>> {
    let ends = prop::sample::select(vec![End::Source, End::Destination, End::Either]);
    prop_oneof![
        (address(), mask(), any::<bool>())
            .prop_map(|(a, m, i)| Match::Source(Source::new(a, m, i))),
        (address(), mask(), any::<bool>())
            .prop_map(|(a, m, i)| Match::Destination(Destination::new(a, m, i))),
        (range(), any::<bool>())
            .prop_map(|(range, invert)| Match::SourcePort(SourcePort { range, invert })),
        (range(), any::<bool>())
            .prop_map(|(range, invert)| Match::DestinationPort(DestinationPort { range, invert })),
        (ends, prop::collection::vec(range(), 1..4), any::<bool>())
            .prop_map(|(end, ranges, invert)| Match::Multiport(Multiport { end, ranges, invert })),
    ]
}

fn tuple() -> impl Strategy<Value = Tuple<V4>> {
    (address(), address(), port(), port()).prop_map(|(source, destination, from, to)| Tuple {
        source,
        destination,
        source_port: L4Port::new(from),
        destination_port: L4Port::new(to),
        protocol: 17,
        ..Tuple::default()
    })
}

/// What a match says of a tuple, plainly.
fn says(condition: &Match<V4>, tuple: &Tuple<V4>) -> bool {
    let address = |(bits, mask): (u128, u128), address: V4| address.to_bits() & mask == bits;
    match condition {
        Match::Source(one) => address(one.named(), tuple.source),
        Match::Destination(one) => address(one.named(), tuple.destination),
        Match::SourcePort(one) => one.range.contains(tuple.source_port),
        Match::DestinationPort(one) => one.range.contains(tuple.destination_port),
        Match::Multiport(ports) => ports.ranges.iter().any(|range| {
            let (from, to) =
                (range.contains(tuple.source_port), range.contains(tuple.destination_port));
            match ports.end {
                End::Source => from,
                End::Destination => to,
                End::Either => from || to,
            }
        }),
        other => panic!("{other:?} is not made here"),
    }
}

proptest! {
    /// Tuples of which the same is told meet the same answers, and one tuple always tells the same.
    #[test]
    fn what_is_told_is_all_that_rules_see(
        matches in prop::collection::vec(condition(), 0..8),
        tuples in prop::collection::vec(tuple(), 2..24),
    ) {
        let consulted = rules(&matches);
        let told: Vec<_> = tuples.iter().map(|tuple| consulted.told(tuple)).collect();
        for (one, told_one) in tuples.iter().zip(&told) {
            for (other, told_other) in tuples.iter().zip(&told) {
                if told_one == told_other {
                    for condition in &matches {
                        prop_assert_eq!(says(condition, one), says(condition, other), "{:?}", condition);
                    }
                }
            }
        }
    }
}

/// More masks than are told apart count in any case.
#[test]
fn many_masks() {
    let matches: Vec<_> = (1..=32u32)
        .map(|length| V4::from_bits(u128::from(u32::MAX << (32 - length))))
        .map(|mask| Match::Source(Source::new(V4([10, 1, 2, 3]), mask, false)))
        .collect();
    let consulted = rules(&matches);
    let of = |source| consulted.told(&Tuple { source, ..Tuple::default() });
    let (one, other) = (V4([10, 1, 2, 3]), V4([10, 1, 2, 2]));
    assert_ne!(of(one), of(other));
}

/// What no rule names is all the same, but for a few false hits.
#[test]
fn strangers_are_alike() {
    let all = V4([255; 4]);
    let consulted = rules(&[
        Match::Source(Source::new(V4([172, 16, 0, 1]), all, false)),
        Match::Destination(Destination::new(V4([192, 0, 2, 0]), V4([255, 255, 255, 0]), false)),
        Match::DestinationPort(DestinationPort {
            range: PortRange { from: 22, to: 22 },
            invert: false,
        }),
    ]);
    let stranger = |number: u16| {
        let [a, b] = number.to_be_bytes();
        let (source, destination) = (V4([10, 0, a, b]), V4([198, 51, b, a]));
        let source_port = L4Port::new(number);
        consulted.told(&Tuple { source, destination, source_port, ..Tuple::default() })
    };
    let nothing = Told { tuple: Tuple::default(), hits: 0 };
    let alike = (0..2000).filter(|&number| stranger(number) == nothing).count();
    assert!(alike > 1950, "{alike} of 2000");
}

proptest! {
    /// What is added later is told apart as if it had been there from the beginning.
    #[test]
    fn names_that_are_added_tell_tuples_apart(
        first in prop::collection::vec(condition(), 0..8),
        more in prop::collection::vec(condition(), 0..8),
        one in tuple(),
        other in tuple(),
    ) {
        let all = [first.clone(), more.clone()].concat();
        let chain = |matches: &[Match<V4>]| Arc::new(Prepared::new(chain(matches), None));
        let (first, more) = (chain(&first), chain(&more));
        let before = Consulted::new([&**first]);
        let after = before.after(&[Arc::clone(&first)], &[first, more]);
        if after.told(&one) == after.told(&other) {
            for condition in &all {
                prop_assert_eq!(says(condition, &one), says(condition, &other), "{:?}", condition);
            }
        }
    }
}

/// One name after the other: from time to time all is found anew, and nothing is forgotten.
#[test]
fn thousands_of_names_may_be_added_one_by_one() {
    let name = |at: u16| V4([10, 0, at.to_be_bytes()[0], at.to_be_bytes()[1]]);
    let source = |at| Match::Source(Source::new(name(at), V4([255; 4]), false));
    let mut chains = vec![Arc::new(Prepared::new(chain(&[source(0)]), None))];
    let mut consulted = Consulted::new(chains.iter().map(|chain| &***chain));
    for at in 1..3000 {
        let before = chains.clone();
        chains.push(Arc::new(Prepared::new(chain(&[source(at)]), None)));
        consulted = consulted.after(&before, &chains);
    }
    let told = |at| consulted.told(&Tuple { source: name(at), ..Tuple::default() }).tuple.source;
    assert!((0..3000).all(|at| told(at) == name(at)));
    let others = (30_000..40_000).filter(|at| told(*at) == name(*at)).count();
    assert!(others < 1000, "{others} of 10,000 are told apart in vain");
}
