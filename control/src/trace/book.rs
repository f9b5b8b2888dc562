//! Which rule a counter belongs to, as the [`Layout`] says.

use crate::compile::Layout;
use sluice_config::netfilter::{Chain, Ruleset, Table};
use sluice_dataplane::rules::{ChainId, CounterId};
use std::collections::HashMap;

/// Where each chain of a ruleset is in the data plane.
#[derive(Debug)]
pub(crate) struct Book<'r> {
    /// Chains with their first counters, by these.
    chains: Vec<(usize, Table, &'r Chain)>,
    /// Those of tables that packets walk.
    walked: HashMap<u32, (Table, &'r Chain)>,
}

/// A place in a ruleset.
#[derive(Debug)]
pub(super) struct Place<'r> {
    pub(super) table: Table,
    pub(super) chain: &'r Chain,
    /// From 0; that of a policy lies behind the last rule.
    pub(super) rule: usize,
}

impl<'r> Book<'r> {
    pub(crate) fn of(ruleset: &'r Ruleset, layout: &Layout) -> Self {
        let all = || {
            let tables = ruleset.tables();
            tables
                .flat_map(|(table, model)| model.chains.iter().map(move |chain| (table, &**chain)))
        };
        let blocks = layout.blocks().zip(all());
        let mut chains: Vec<_> = blocks
            .filter(|((_, _, block), _)| !block.is_empty())
            .map(|((_, _, block), (table, chain))| (block.start, table, chain))
            .collect();
        chains.sort_unstable_by_key(|(first, ..)| *first);
        let walked = layout.ids().zip(all());
        let walked = walked.filter_map(|(id, chain)| Some((id?.0, chain)));
        Self { chains, walked: walked.collect() }
    }

    /// The rule or policy of a counter.
    pub(super) fn place(&self, CounterId(counter): CounterId) -> Option<Place<'r>> {
        let counter = counter as usize;
        let after = self.chains.partition_point(|(first, ..)| *first <= counter);
        let (first, table, chain) = *self.chains.get(after.checked_sub(1)?)?;
        Some(Place { table, chain, rule: counter - first })
    }

    /// A chain of a table that packets walk.
    pub(super) fn chain(&self, id: ChainId) -> Option<(Table, &'r Chain)> {
        self.walked.get(&id.0).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_config::netfilter::Family;

    #[test]
    fn counters_lead_to_rules_and_policies() {
        let text = "*mangle\n-F\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n\
                    :FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:mine - [0:0]\n:empty - [0:0]\n-A FORWARD -p tcp -j mine\n-A FORWARD -j LOG\n-A mine -j RETURN\nCOMMIT\n";
        let ruleset = Ruleset::parse(Family::V4, text, "test").unwrap();
        let book = Book::of(&ruleset, &Layout::default().after(&ruleset));
        let name = |counter| {
            let place = book.place(CounterId(counter)).unwrap();
            format!("{} {} {}", place.table, place.chain.name, place.rule)
        };
        // What the compiler numbers comes out in the same order.
        let mut all = Vec::new();
        let mut counter = 0;
        for (table, model) in ruleset.tables() {
            for chain in &model.chains {
                for rule in 0..chain.rules.len() + usize::from(chain.policy.is_some()) {
                    all.push((counter, format!("{table} {} {rule}", chain.name)));
                    counter += 1;
                }
            }
        }
        for (counter, expected) in all {
            assert_eq!(name(counter), expected);
        }
        let filter = ruleset.table(Table::Filter).unwrap();
        for (id, chain) in filter.chains.iter().enumerate() {
            let (table, found) = book.chain(ChainId(id as u32)).unwrap();
            assert_eq!((table, &found.name), (Table::Filter, &chain.name), "mangle is idle");
        }
        assert!(book.chain(ChainId(100)).is_none());
    }
}
