//! A ruleset: chains get numbers, rules get counters, base chains get hooks.

use super::States;
use super::error::CompileError;
use super::{bounds, matches, targets};
use crate::sets::SharedSets;
use sluice_config::netfilter::{self as text, Ruleset, TableModel};
use sluice_dataplane::address::Address;
use sluice_dataplane::conntrack::Policies;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::{Chain, ChainId, CounterId, Hook, Policy, Rule, Rules, Table};
use std::collections::HashMap;

/// A compiled ruleset. Counters are numbered in the order of the model: table by table, chain by chain,
/// each rule and then, for a built-in chain, its policy.
#[derive(Debug)]
pub struct Compiled<A> {
    /// What the data plane runs.
    pub rules: Rules<A>,
    /// How many counters it has.
    pub counters: usize,
}

/// What rules may name beside one another.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// Interfaces.
    pub interfaces: &'a Interfaces,
    /// What rules remember from packet to packet.
    pub states: &'a States,
    /// Named sets.
    pub sets: &'a SharedSets,
    /// Timeout policies.
    pub policies: &'a Policies,
    /// How many workers will count.
    pub workers: usize,
}

/// Compiles every table of one family. What long chains of `previous` have in common with these is not
/// built again.
///
/// # Errors
/// The first rule that cannot be compiled.
pub fn compile<A: Address>(
    ruleset: &Ruleset,
    world: World<'_>,
    previous: &Rules<A>,
) -> Result<Compiled<A>, CompileError> {
    let mut builder = Builder { chains: Vec::new(), entries: Vec::new(), counters: 0 };
    for (table, model) in ruleset.tables() {
        if !is_idle(model) {
            bounds::check(table, model)?;
            builder.table(table, model, &world)?;
        } else {
            // Nothing to walk: only the counters keep their places.
            builder.counters += model.chains.len();
        }
    }
    let Builder { chains, entries, counters } = builder;
    Ok(Compiled {
        rules: Rules::after(previous, chains, &entries, counters, world.workers),
        counters,
    })
}

/// A table without a rule and with every policy ACCEPT, which no packet can notice.
pub(crate) fn is_idle(model: &TableModel) -> bool {
    model
        .chains
        .iter()
        .all(|chain| chain.rules.is_empty() && chain.policy == Some(text::Policy::Accept))
}

/// Chains by name: there may be a hundred thousand.
pub(super) fn places(model: &TableModel) -> HashMap<&str, usize> {
    model.chains.iter().map(|chain| chain.name.as_str()).zip(0..).collect()
}

struct Builder<A> {
    chains: Vec<Chain<A>>,
    entries: Vec<(Table, Hook, ChainId)>,
    counters: usize,
}

impl<A: Address> Builder<A> {
    fn counter(&mut self) -> CounterId {
        let id = CounterId(u32::try_from(self.counters).unwrap_or(u32::MAX));
        self.counters += 1;
        id
    }

    fn table(
        &mut self,
        table: text::Table,
        model: &TableModel,
        world: &World<'_>,
    ) -> Result<(), CompileError> {
        let first = self.chains.len();
        let places = places(model);
        let find = |name: &str| u32::try_from(first + places.get(name)?).ok().map(ChainId);
        for chain in &model.chains {
            let mut rules = Vec::with_capacity(chain.rules.len());
            for (index, rule) in chain.rules.iter().enumerate() {
                let place = Place { table, chain, rule: index + 1 };
                let counter = self.counter();
                let matches =
                    matches::compile(rule, world).map_err(|missing| place.unsupported(missing))?;
                let target = targets::compile(rule.target.as_ref(), world, find)
                    .map_err(|problem| place.problem(problem))?;
                rules.push(Rule { counter, matches, target });
            }
            let policy = chain.policy.map(|policy| {
                let policy = match policy {
                    text::Policy::Accept => Policy::Accept,
                    text::Policy::Drop => Policy::Drop,
                };
                (policy, self.counter())
            });
            if let (Some(hook), Some(id)) = (chain.hook(), find(&chain.name)) {
                self.entries.push((table_id(table), hook_id(hook), id));
            }
            self.chains.push(Chain { rules, policy });
        }
        Ok(())
    }
}

/// Where a rule stands, for messages.
struct Place<'a> {
    table: text::Table,
    chain: &'a text::Chain,
    rule: usize,
}

impl Place<'_> {
    fn unsupported(&self, missing: super::error::Unsupported) -> CompileError {
        CompileError::Unsupported {
            table: self.table.name(),
            chain: self.chain.name.clone(),
            rule: self.rule,
            what: missing.what,
            instead: missing.instead,
        }
    }
    fn problem(&self, problem: targets::Problem) -> CompileError {
        match problem {
            targets::Problem::Unsupported(missing) => self.unsupported(missing),
            targets::Problem::NoPolicy(policy) => CompileError::NoPolicy {
                table: self.table.name(),
                chain: self.chain.name.clone(),
                rule: self.rule,
                policy,
            },
            targets::Problem::NoChain(target) => CompileError::NoChain {
                table: self.table.name(),
                chain: self.chain.name.clone(),
                rule: self.rule,
                target,
            },
        }
    }
}

fn table_id(table: text::Table) -> Table {
    match table {
        text::Table::Raw => Table::Raw,
        text::Table::Mangle => Table::Mangle,
        text::Table::Nat => Table::Nat,
        text::Table::Filter => Table::Filter,
        text::Table::Security => Table::Security,
    }
}

fn hook_id(hook: text::Hook) -> Hook {
    match hook {
        text::Hook::Prerouting => Hook::Prerouting,
        text::Hook::Input => Hook::Input,
        text::Hook::Forward => Hook::Forward,
        text::Hook::Output => Hook::Output,
        text::Hook::Postrouting => Hook::Postrouting,
    }
}
