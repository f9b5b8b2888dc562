//! A command applied to a ruleset: the ruleset it makes, or the text it prints.

use std::collections::HashMap;
use std::sync::Arc;

use super::command::{Command, Invocation};
use super::edit::Edit;
use super::fault::Fault;
use super::list::{list, told};
use super::save::list_rules;
use super::validate::{missing_target, validate};
use super::{Chain, Counters, Family, Ruleset, Table, TableModel, Target};
use crate::gateway::TimeoutPolicies;

/// What a command did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// The ruleset as it is afterwards, if the command changed it.
    pub ruleset: Option<Ruleset>,
    /// What it prints on standard output.
    pub output: String,
}

impl Invocation {
    /// Whether the command leaves the ruleset as it is.
    pub fn only_reads(&self) -> bool {
        match self.command {
            Command::List { .. } | Command::ListRules { .. } => !self.style.zero,
            Command::Check { .. } | Command::Help | Command::Version => true,
            Command::Append { .. }
            | Command::Insert { .. }
            | Command::Delete { .. }
            | Command::DeleteNumber { .. }
            | Command::Replace { .. }
            | Command::Flush { .. }
            | Command::Zero { .. }
            | Command::New { .. }
            | Command::Remove { .. }
            | Command::Rename { .. }
            | Command::Policy { .. }
            | Command::Nothing => false,
        }
    }

    /// Does what the command asks to a copy of the ruleset, where there is no timeout policy; refused whole where it
    /// is refused.
    pub fn run(&self, ruleset: &Ruleset) -> Result<Outcome, Fault> {
        self.run_with(ruleset, &TimeoutPolicies::new())
    }

    /// The same, where rules may name these timeout policies.
    pub fn run_with(
        &self,
        ruleset: &Ruleset,
        policies: &TimeoutPolicies,
    ) -> Result<Outcome, Fault> {
        let fresh = TableModel::new(self.table);
        let model = ruleset.table(self.table);
        let output = match &self.command {
            Command::List { chain, number } => {
                let model = model.unwrap_or(&fresh);
                let chains = self.listed(model, chain.as_deref())?;
                let all = references(model);
                let references = |name: &str| all.get(name).copied().unwrap_or_default();
                list(ruleset.family, &chains, *number, self.style, references)
            }
            Command::ListRules { chain, number } => {
                let chains = self.listed(model.unwrap_or(&fresh), chain.as_deref())?;
                list_rules(&chains, *number, self.style.verbose > 0)
            }
            Command::Version => format!("{} v1.8.9 (nf_tables)\n", ruleset.family.program()),
            Command::Help => super::help::text(ruleset.family),
            change => return self.change(ruleset, change.clone(), policies),
        };
        let (Command::List { chain, .. } | Command::ListRules { chain, .. }, true) =
            (&self.command, self.style.zero)
        else {
            return Ok(Outcome { ruleset: None, output });
        };
        let zero = Command::Zero { chain: chain.clone(), number: None };
        let zeroed = self.change(ruleset, zero, policies)?;
        let said = match self.style.verbose {
            0 => String::new(),
            _ => {
                let chains = self.listed(model.unwrap_or(&fresh), chain.as_deref())?;
                chains.iter().map(|chain| format!("Zeroing chain `{}'\n", chain.name)).collect()
            }
        };
        Ok(Outcome { ruleset: zeroed.ruleset, output: output + &said })
    }

    fn listed<'a>(
        &self,
        model: &'a TableModel,
        name: Option<&str>,
    ) -> Result<Vec<&'a Chain>, Fault> {
        let chains = model.chains.iter().map(AsRef::as_ref);
        let Some(name) = name else { return Ok(chains.collect()) };
        let missing = || {
            let names = model.chains.iter().map(|chain| chain.name.as_str());
            let fault = Fault::no_such_chain(name, self.table);
            match crate::diagnostic::nearest(name, names) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault,
            }
        };
        Ok(vec![model.chain(name).ok_or_else(missing)?])
    }

    fn change(
        &self,
        ruleset: &Ruleset,
        command: Command,
        policies: &TimeoutPolicies,
    ) -> Result<Outcome, Fault> {
        let check_only = matches!(command, Command::Check { .. });
        let mut edit = Edit::new(self.table, ruleset.table(self.table));
        if let Some(fault) = command.rules().iter().find_map(|rule| missing_target(&edit, rule)) {
            return Err(fault);
        }
        let output = match self.style.verbose {
            0 => String::new(),
            _ => told_of(
                &command,
                ruleset.table(self.table),
                &TableModel::new(self.table),
                ruleset.family,
            ),
        };
        edit.apply(command, 1)?;
        if check_only {
            return Ok(Outcome { ruleset: None, output });
        }
        validate(&edit, ruleset.family, Some(policies)).map_err(|refusal| refusal.fault)?;
        let mut changed = ruleset.clone();
        changed.set_table(self.table, edit.finish());
        Ok(Outcome { ruleset: Some(changed), output })
    }
}

/// What `-v` says about a change.
fn told_of(
    command: &Command,
    model: Option<&TableModel>,
    fresh: &TableModel,
    family: Family,
) -> String {
    let named =
        |chain: &Chain, name: &Option<String>| name.as_ref().is_none_or(|name| chain.name == *name);
    let chains = model.unwrap_or(fresh).chains.iter().map(AsRef::as_ref);
    let each = |doing: &str, chains: &mut dyn Iterator<Item = &Chain>| -> String {
        chains.map(|chain| format!("{doing} chain `{}'\n", chain.name)).collect()
    };
    match command {
        Command::Flush { chain } => each("Flushing", &mut chains.filter(|c| named(c, chain))),
        Command::Remove { chain } => {
            each("Deleting", &mut chains.filter(|c| named(c, chain) && c.policy.is_none()))
        }
        // A builtin chain that nothing was ever put in is not there to be zeroed.
        Command::Zero { chain, number: None } => each(
            "Zeroing",
            &mut chains.filter(|c| {
                named(c, chain) && (c.policy.is_none() || c.counts || !c.rules.is_empty())
            }),
        ),
        command => command.rules().iter().map(|rule| told(family, rule)).collect(),
    }
}

/// How many rules lead to each chain.
fn references(model: &TableModel) -> HashMap<&str, usize> {
    let targets =
        model.chains.iter().flat_map(|chain| &chain.rules).filter_map(|rule| rule.target.as_ref());
    let mut all = HashMap::new();
    for chain in targets.filter_map(Target::chain) {
        *all.entry(chain).or_default() += 1;
    }
    all
}

impl Ruleset {
    /// Zeroes every counter.
    pub fn zero(&mut self) {
        for table in Table::ALL {
            let Some(model) = self.table_mut(table) else { continue };
            for chain in model.chains.iter_mut().map(Arc::make_mut) {
                chain.count_from(Counters::default());
                chain.rules.iter_mut().for_each(|rule| rule.counters = Counters::default());
            }
        }
    }
}
