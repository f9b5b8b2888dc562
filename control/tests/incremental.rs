//! Rules of which only what changed was compiled are those that are compiled from nothing, but for their numbers; and they
//! count for the same rules of the ruleset. Rulesets and changes are drawn, of all tables, matches and targets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be built fails the test")]

#[path = "random/drawn/mod.rs"]
mod drawn;

use drawn::choices::Choices;
use drawn::play::compiled;
use drawn::rules;
use proptest::prelude::*;
use sluice_config::netfilter::{Family, Ruleset, SaveOptions};
use sluice_control::compile::{Before, Compiled, Layout, States, World, compile};
use sluice_control::sets::SharedSets;
use sluice_control::tally::Tally;
use sluice_dataplane::address::V4;
use sluice_dataplane::conntrack::Policies;
use sluice_dataplane::ids::WorkerId;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{ChainId, Count, CounterId, Hook, Rules, Table};
use std::collections::HashMap;

/// Counts a different number of packets in each counter, so many that none is mistaken for another.
fn count(compiled: &Compiled<V4>) -> Vec<Count> {
    let counters = compiled.rules.counters(WorkerId(0)).unwrap();
    let all = compiled.layout.blocks().flat_map(|(_, _, block)| block);
    for (number, counter) in all.enumerate() {
        let counter = CounterId(u32::try_from(counter).unwrap());
        (0..=number).for_each(|_| counters.count(counter, 100));
    }
    compiled.rules.totals()
}

fn saved(ruleset: &Ruleset) -> String {
    ruleset.save(&SaveOptions { counters: true, ..SaveOptions::default() })
}

/// Where a chain of one is in the other.
type Places = HashMap<u32, ChainId>;

fn same_target(own: &Target<V4>, other: &Target<V4>, places: &Places) -> bool {
    match (own, other) {
        (Target::Jump(own), Target::Jump(other)) | (Target::Goto(own), Target::Goto(other)) => {
            places.get(&own.0) == Some(other)
        }
        // Each compilation makes its own.
        (Target::Tell(_), Target::Tell(_)) => true,
        (own, other) => own == other,
    }
}

fn assert_alike(own: &Compiled<V4>, other: &Compiled<V4>) {
    let ids = || own.layout.ids().zip(other.layout.ids());
    assert!(ids().all(|(own, other)| own.is_some() == other.is_some()));
    assert_eq!(own.layout.ids().count(), other.layout.ids().count());
    let places: Places = ids().filter_map(|(own, other)| Some((own?.0, other?))).collect();
    let blocks = || own.layout.blocks().zip(other.layout.blocks());
    let mut used = vec![false; own.layout.counters()];
    for ((one, two), (own_block, other_block)) in ids().zip(blocks()) {
        assert_eq!((own_block.0, own_block.1), (other_block.0, other_block.1));
        let (own_block, other_block) = (own_block.2, other_block.2);
        for used in &mut used[own_block.clone()] {
            assert!(!std::mem::replace(used, true), "two chains have the same counters");
        }
        let (Some(one), Some(two)) = (one, two) else { continue };
        let (one, two) = (own.rules.prepared(one).unwrap(), other.rules.prepared(two).unwrap());
        assert_eq!(one.rules.len(), two.rules.len());
        for (rule, theirs) in one.rules.iter().zip(&two.rules) {
            assert_eq!(rule.matches, theirs.matches);
            assert!(same_target(&rule.target, &theirs.target, &places), "{rule:?}, {theirs:?}");
        }
        let policy = |chain: &sluice_dataplane::rules::Chain<V4>| chain.policy.map(|own| own.0);
        assert_eq!(policy(one), policy(two));
        let counters = |chain: &sluice_dataplane::rules::Chain<V4>| -> Vec<usize> {
            let rules = chain.rules.iter().map(|rule| rule.counter);
            rules.chain(chain.policy.map(|policy| policy.1)).map(|own| own.0 as usize).collect()
        };
        assert_eq!(counters(one), own_block.collect::<Vec<_>>());
        assert_eq!(counters(two), other_block.collect::<Vec<_>>());
    }
    for table in [Table::Raw, Table::Mangle, Table::Nat, Table::Filter, Table::Security] {
        for hook in [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting]
        {
            let entry = own.rules.entry(table, hook).map(|own| places[&own.0]);
            assert_eq!(entry, other.rules.entry(table, hook));
        }
    }
    let facts = |rules: &Rules<V4>| {
        let asks = (rules.needs_conntrack(), rules.needs_accounting(), rules.copies());
        (asks, rules.have_zones(), rules.counts_connections(), rules.transit().is_some())
    };
    assert_eq!(facts(&own.rules), facts(&other.rules));
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn what_is_compiled_of_changes_is_what_is_compiled_of_all(
        bytes in prop::collection::vec(any::<u8>(), 0..1500),
    ) {
        let choices = &mut Choices::new(&bytes);
        let (interfaces, states) = (&Interfaces::default(), &States::default());
        let (sets, policies) = (&drawn::play::some_sets(), &drawn::play::policies());
        let world = World { interfaces, states, sets, policies, workers: 1 };
        let none = Rules::empty(1);
        let mut ruleset = rules::empty(Family::V4);
        let mut last = compile::<V4>(&ruleset, world, &none).unwrap();
        while !choices.is_over() {
            let before = ruleset.clone();
            for _ in 0..=choices.below(4) {
                rules::change(choices, &mut ruleset);
            }
            let kept = Before { rules: &last.rules, layout: &last.layout, same_world: true };
            let own = compiled(&mut ruleset, world, kept);
            let other = compile::<V4>(&ruleset, world, &none).unwrap();
            assert_alike(&own, &other);
            // What was counted before goes to the same rules, and so does what is counted now.
            let dense = compile::<V4>(&before, world, &none).unwrap();
            let (mut one, mut two) = (ruleset.clone(), ruleset.clone());
            Tally::default().carry((&before, &last.layout), &mut one, &count(&last));
            Tally::default().carry((&before, &dense.layout), &mut two, &count(&dense));
            prop_assert_eq!(saved(&one), saved(&two));
            Tally::default().fold(&mut one, &own.layout, count(&own));
            Tally::default().fold(&mut two, &other.layout, count(&other));
            prop_assert_eq!(saved(&one), saved(&two));
            // None of the counts is left for the next round.
            let kept = Before { rules: &own.rules, layout: &own.layout, same_world: true };
            last = compiled(&mut ruleset, world, kept);
        }
    }
}

/// A chain that grows and grows moves, and what it leaves behind is used again in the end.
#[test]
fn numbers_do_not_grow_without_bounds() {
    let (interfaces, states) = (&Interfaces::default(), &States::default());
    let (sets, policies) = (&SharedSets::default(), &Policies::default());
    let world = World { interfaces, states, sets, policies, workers: 1 };
    let none = Rules::<V4>::empty(1);
    let mut ruleset = Ruleset::new(Family::V4);
    let mut last: Option<Compiled<V4>> = None;
    let nothing = Layout::default();
    for round in 0..60_usize {
        let rules = "-A FORWARD -p tcp -j DROP\n".repeat(100 * round);
        let text = format!("*filter\n:C{round} - [0:0]\n{rules}COMMIT\n");
        ruleset = Ruleset::parse(Family::V4, &text, "rules").unwrap_or(ruleset);
        let before = match &last {
            Some(last) => Before { rules: &last.rules, layout: &last.layout, same_world: true },
            None => Before { rules: &none, layout: &nothing, same_world: true },
        };
        let own = compiled(&mut ruleset, world, before);
        assert!(own.layout.counters() <= 2 * (100 * round + 5) + 4096 + 1000);
        assert_alike(&own, &compile(&ruleset, world, &none).unwrap());
        last = Some(own);
    }
}
