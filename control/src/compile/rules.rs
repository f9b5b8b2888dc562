//! A ruleset: chains get numbers, rules get counters, base chains get hooks. A chain that says what it said keeps what was
//! compiled of it.

use super::States;
use super::error::CompileError;
use super::layout::Layout;
use super::{bounds, matches, targets};
use crate::sets::SharedSets;
use sluice_config::netfilter::{self as text, Ruleset, TableModel};
use sluice_dataplane::address::Address;
use sluice_dataplane::conntrack::Policies;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::{
    Chain, ChainId, CounterId, Hook, Policy, Prepared, Rule, Rules, Table,
};
use std::sync::Arc;

/// A compiled ruleset.
#[derive(Debug)]
pub struct Compiled<A> {
    /// What the data plane runs.
    pub rules: Rules<A>,
    /// Which numbers chains and counters have in it.
    pub layout: Layout,
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

/// What was compiled before.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a, A> {
    /// The rules in force.
    pub rules: &'a Rules<A>,
    /// Their numbers.
    pub layout: &'a Layout,
    /// Whether the world is the one they were compiled in: then chains that say what they said are not compiled again.
    pub same_world: bool,
}

/// Compiles every table of one family, from nothing. Counters and chains are numbered in the order of the model: table by
/// table, chain by chain, each rule and then, for a built-in chain, its policy.
///
/// # Errors
/// The first rule that cannot be compiled.
pub fn compile<A: Address>(
    ruleset: &Ruleset,
    world: World<'_>,
    previous: &Rules<A>,
) -> Result<Compiled<A>, CompileError> {
    let layout = &Layout::default();
    compile_after(ruleset, world, Before { rules: previous, layout, same_world: false })
}

/// Compiles every table of one family, to be published after `before`: only what has changed.
///
/// # Errors
/// The first rule that cannot be compiled.
pub fn compile_after<A: Address>(
    ruleset: &Ruleset,
    world: World<'_>,
    before: Before<'_, A>,
) -> Result<Compiled<A>, CompileError> {
    let layout = before.layout.after(ruleset);
    let empty = Arc::new(Prepared::empty());
    let mut builder = Builder {
        before,
        layout: &layout,
        at: 0,
        chains: vec![empty; layout.chains()],
        entries: Vec::new(),
    };
    for (table, model) in ruleset.tables() {
        if !is_idle(model) {
            builder.table(table, model, &world)?;
        }
        builder.at += model.chains.len();
    }
    let Builder { chains, entries, .. } = builder;
    bounds::check(&chains, &entries, |id| Names { ruleset, layout: &layout }.of(id))?;
    Ok(Compiled {
        rules: Rules::of(before.rules, chains, &entries, layout.counters(), world.workers),
        layout,
    })
}

/// A table without a rule, with every policy ACCEPT and none that counts: no packet notices it, nor whoever lists it.
pub(crate) fn is_idle(model: &TableModel) -> bool {
    model.chains.iter().all(|chain| {
        let passes_all = chain.rules.is_empty() && chain.policy == Some(text::Policy::Accept);
        passes_all && !chain.counts
    })
}

struct Builder<'a, A> {
    before: Before<'a, A>,
    layout: &'a Layout,
    /// How many chains are in tables before.
    at: usize,
    chains: Vec<Arc<Prepared<A>>>,
    entries: Vec<(Table, Hook, ChainId)>,
}

impl<A: Address> Builder<'_, A> {
    fn table(
        &mut self,
        table: text::Table,
        model: &TableModel,
        world: &World<'_>,
    ) -> Result<(), CompileError> {
        let places = self.layout.places.get(self.at..).unwrap_or_default();
        let find = |name: &str| places.get(model.position(name)?)?.id;
        for (chain, place) in model.chains.iter().zip(places) {
            let Some(id) = place.id else { continue };
            if let Some(hook) = chain.hook() {
                self.entries.push((table_id(table), hook_id(hook), id));
            }
            let old = self.before.rules.prepared(id);
            let prepared = match old.filter(|_| place.is_kept && self.before.same_world) {
                Some(old) => Arc::clone(old),
                None => {
                    let compiled = chain_of((table, chain), CounterId(place.first), world, find)?;
                    Arc::new(Prepared::new(compiled, old.map(Arc::as_ref)))
                }
            };
            if let Some(slot) = self.chains.get_mut(id.0 as usize) {
                *slot = prepared;
            }
        }
        Ok(())
    }
}

/// Compiles one chain, its counters from `first` on.
fn chain_of<A: Address>(
    (table, chain): (text::Table, &text::Chain),
    CounterId(first): CounterId,
    world: &World<'_>,
    find: impl Fn(&str) -> Option<ChainId>,
) -> Result<Chain<A>, CompileError> {
    let mut counters = (first..).map(CounterId);
    let mut counter = || counters.next().unwrap_or(CounterId(u32::MAX));
    let mut rules = Vec::with_capacity(chain.rules.len());
    for (index, rule) in chain.rules.iter().enumerate() {
        let place = Place { table, chain, rule: index + 1 };
        let counter = counter();
        let matches =
            matches::compile(rule, world).map_err(|missing| place.unsupported(missing))?;
        let target = targets::compile(rule.target.as_ref(), world, &find)
            .map_err(|problem| place.problem(problem))?;
        rules.push(Rule { counter, matches, target });
    }
    let policy = chain.policy.map(|policy| {
        let policy = match policy {
            text::Policy::Accept => Policy::Accept,
            text::Policy::Drop => Policy::Drop,
        };
        (policy, counter())
    });
    Ok(Chain { rules, policy })
}

/// What chains are called, for messages.
struct Names<'a> {
    ruleset: &'a Ruleset,
    layout: &'a Layout,
}

impl Names<'_> {
    fn of(&self, id: ChainId) -> (&'static str, String) {
        let chains = self.ruleset.tables().flat_map(|(table, model)| {
            model.chains.iter().map(move |chain| (table.name(), chain.name.clone()))
        });
        let mut named = self.layout.ids().zip(chains);
        named.find(|(own, _)| *own == Some(id)).map(|(_, name)| name).unwrap_or_default()
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
