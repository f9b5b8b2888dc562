//! Which indexes are built again when rules change.

use crate::address::V4;
use crate::rules::matches::{Match, port};
use crate::rules::targets::Target;
use crate::rules::{Chain, CounterId, Rule, Rules};
use std::sync::Arc;

/// Twenty rules of a destination port each.
fn chain(first: u16, target: Target<V4>) -> Chain<V4> {
    let rule = |at: u16| {
        let range = port::PortRange { from: first + at, to: first + at };
        let to = Match::DestinationPort(port::DestinationPort { range, invert: false });
        Rule { counter: CounterId(u32::from(at)), matches: vec![to], target: target.clone() }
    };
    Chain { rules: (0..20).map(rule).collect(), policy: None }
}

/// Whether each chain of `after` has the index of one of `before`.
fn kept(before: Vec<Chain<V4>>, after: Vec<Chain<V4>>) -> Vec<bool> {
    let before = Rules::new(before, &[], 20, 1);
    let after = Rules::after(&before, after, &[], 20, 1);
    let old: Vec<_> = before.chains.iter().filter_map(|chain| chain.index()).collect();
    let is_old = |new| old.iter().any(|old| Arc::ptr_eq(old, new));
    after.chains.iter().filter_map(|chain| chain.index()).map(is_old).collect()
}

fn drops(first: u16) -> Chain<V4> {
    chain(first, Target::Drop)
}

#[test]
fn only_the_chain_that_changed_is_indexed_anew() {
    let mut changed = drops(200);
    changed.rules.pop();
    let before = vec![drops(100), drops(200), drops(300)];
    assert_eq!(kept(before, vec![drops(100), changed, drops(300)]), [true, false, true]);
}

#[test]
fn targets_and_counters_are_not_in_the_index() {
    assert_eq!(kept(vec![drops(100)], vec![chain(100, Target::Accept)]), [true]);
    let mut counted = drops(100);
    counted.rules[0].counter = CounterId(19);
    assert_eq!(kept(vec![drops(100)], vec![counted]), [true]);
}

#[test]
fn chains_behind_a_new_or_removed_one_keep_theirs() {
    let three = || vec![drops(100), drops(200), drops(300)];
    let four = || vec![drops(100), drops(150), drops(200), drops(300)];
    assert_eq!(kept(three(), four()), [true, false, true, true]);
    assert_eq!(kept(four(), three()), [true, true, true]);
}
