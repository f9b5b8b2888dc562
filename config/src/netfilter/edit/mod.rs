//! One table while commands change it, with the tools' refusals.
//!
//! Chains are found by name in constant time and rules remember the line that wrote them, so a
//! restore of hundreds of thousands of lines is linear and every error has its place.

mod chain;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::command::{Command, check_chain_name};
use super::fault::Fault;
use super::{Chain, Counters, Policy, Rule, Table, TableModel};
pub(super) use chain::{EditChain, Stand};
use chain::{Open, Placed};

/// A table being changed.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) table: Table,
    /// Those that were there before, in their order, then others.
    chains: Vec<EditChain>,
    /// How many were there before.
    before: usize,
    /// Where chains are that got their names since.
    index: HashMap<String, usize>,
    /// The chains that rules lead to, while chains are only taken away or renamed: a restore may do so with thousands
    /// in a row.
    targets: Option<HashSet<String>>,
}

impl Edit {
    pub(super) fn new(table: Table, model: Option<&TableModel>) -> Self {
        let chains = model.into_iter().flat_map(|model| &model.chains);
        let chains: Vec<_> =
            chains.map(|chain| EditChain { before: Arc::clone(chain), open: None }).collect();
        Self { table, before: chains.len(), chains, index: HashMap::new(), targets: None }
    }

    /// The table as it is now: builtin chains in hook order, then the user's by name; `None` if
    /// nothing ever made it.
    pub(super) fn finish(self) -> Option<TableModel> {
        if self.chains.is_empty() {
            return None;
        }
        let hooks = self.table.hooks();
        let in_order = self.index.is_empty();
        let mut chains: Vec<_> = self.chains.into_iter().filter_map(EditChain::finish).collect();
        if !in_order {
            let rank = |chain: &Chain| {
                let builtin = hooks.iter().position(|hook| Some(*hook) == chain.hook());
                builtin.unwrap_or(hooks.len())
            };
            chains.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name)));
        }
        Some(TableModel { chains })
    }

    /// Every chain there is.
    pub(super) fn chains(&self) -> impl Iterator<Item = &EditChain> {
        self.chains.iter().filter(|chain| !chain.is_gone())
    }

    fn chains_mut(&mut self) -> impl Iterator<Item = &mut EditChain> {
        self.chains.iter_mut().filter(|chain| !chain.is_gone())
    }

    fn push(&mut self, chain: Chain) {
        self.index.insert(chain.name.clone(), self.chains.len());
        self.chains.push(EditChain { before: Arc::new(chain), open: None });
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let at = match self.index.get(name) {
            Some(at) => *at,
            None => self.position_before(name)?,
        };
        let chain = self.chains.get(at)?;
        (!chain.is_gone() && chain.head().name == name).then_some(at)
    }

    /// Where the chain stands that had this name before.
    fn position_before(&self, name: &str) -> Option<usize> {
        let all = self.chains.get(..self.before)?;
        let users = all.partition_point(|chain| chain.before.policy.is_some());
        let (builtin, user) = all.split_at(users);
        builtin.iter().position(|chain| chain.before.name == name).or_else(|| {
            let at = user.binary_search_by(|chain| chain.before.name.as_str().cmp(name)).ok()?;
            Some(users + at)
        })
    }

    pub(super) fn chain(&self, name: &str) -> Option<&EditChain> {
        self.position(name).and_then(|at| self.chains.get(at))
    }

    fn chain_mut(&mut self, name: &str) -> Result<&mut EditChain, Fault> {
        let at = self.position(name);
        at.and_then(|at| self.chains.get_mut(at)).ok_or_else(|| no_chain(name, self.table))
    }

    fn open(&mut self, name: &str) -> Result<&mut Open, Fault> {
        self.chain_mut(name).map(EditChain::open)
    }

    pub(super) fn is_builtin(&self, name: &str) -> bool {
        self.table.hooks().iter().any(|hook| hook.chain() == name)
    }

    /// Whether the tool has that builtin chain in its kernel: it makes one when it first needs it.
    pub(super) fn is_used(&self, name: &str) -> bool {
        self.chain(name).is_some_and(|chain| chain.head().counts || chain.len() > 0)
    }

    /// Makes the builtin chains, as the first change to a table does.
    fn create(&mut self) {
        if self.chains.is_empty() {
            for hook in self.table.hooks() {
                self.push(Chain::builtin(*hook));
            }
        }
    }

    /// Does what a command asks; listings change nothing.
    pub(super) fn apply(&mut self, command: Command, line: usize) -> Result<(), Fault> {
        let placed = |rule, operation| Placed { rule, line, operation };
        if !matches!(command, Command::Remove { .. } | Command::Rename { .. }) {
            self.targets = None;
        }
        match command {
            Command::Append { chain, rules } => {
                self.create();
                let chain = self.open(&chain)?;
                chain.rules.extend(rules.into_iter().map(|rule| placed(rule, "RULE_APPEND")));
            }
            Command::Insert { chain, number, rules } => {
                self.create();
                let chain = self.open(&chain)?;
                for rule in rules {
                    if number > chain.rules.len() + 1 {
                        let help = format!("the chain has {} rules", chain.rules.len());
                        return Err(Fault::refused("Index of insertion too big.").help(help));
                    }
                    chain.rules.insert(number.saturating_sub(1), placed(rule, "RULE_INSERT"));
                }
            }
            Command::Delete { chain, rules } => {
                for rule in &rules {
                    let at = self.find(&chain, rule).ok_or_else(no_rule)?;
                    self.open(&chain)?.rules.remove(at);
                }
            }
            Command::Check { chain, rules } => {
                if rules.iter().any(|rule| self.find(&chain, rule).is_none()) {
                    return Err(no_rule());
                }
            }
            Command::DeleteNumber { chain, number } => {
                let chain = self.open(&chain)?;
                if number > chain.rules.len() {
                    let help = format!("the chain has {} rules", chain.rules.len());
                    return Err(Fault::refused("Index of deletion too big.").help(help));
                }
                chain.rules.remove(number.saturating_sub(1));
            }
            Command::Replace { chain, number, rule } => {
                let chain = self.open(&chain)?;
                let len = chain.rules.len();
                let slot = chain.rules.get_mut(number.saturating_sub(1));
                *slot.ok_or_else(|| {
                    Fault::refused("Index of replacement too big.")
                        .help(format!("the chain has {len} rules"))
                })? = placed(*rule, "RULE_REPLACE");
            }
            Command::Flush { chain: Some(chain) } => {
                // As the tool makes a builtin chain that is not there yet.
                if self.is_builtin(&chain) {
                    self.create();
                }
                self.chain_mut(&chain)?.clear();
            }
            Command::Flush { chain: None } => {
                self.chains_mut().filter(|chain| chain.len() > 0).for_each(EditChain::clear);
            }
            Command::Zero { number: Some(_), chain: Some(chain) }
                if self.position(&chain).is_none() && !self.is_builtin(&chain) =>
            {
                return Err(no_rule());
            }
            Command::Zero { chain, number } => self.zero(chain.as_deref(), number)?,
            Command::New { chain } => self.new_chain(&chain)?,
            Command::Remove { chain } => self.remove(chain.as_deref())?,
            Command::Rename { old, new } => self.rename(&old, &new)?,
            Command::Policy { chain, policy } => self.policy(&chain, policy)?,
            Command::List { .. }
            | Command::ListRules { .. }
            | Command::Help
            | Command::Version
            | Command::Nothing => {}
        }
        Ok(())
    }

    fn find(&self, chain: &str, wanted: &Rule) -> Option<usize> {
        self.chain(chain)?.rules().position(|stand| stand.rule.is_same(wanted))
    }

    fn zero(&mut self, name: Option<&str>, number: Option<usize>) -> Result<(), Fault> {
        let zero = |chain: &mut EditChain| {
            let chain = chain.open();
            if number.is_none() {
                chain.chain.count_from(Counters::default());
            }
            for (placed, nth) in chain.rules.iter_mut().zip(1..) {
                if number.is_none_or(|number| number == nth) {
                    placed.rule.counters = Counters::default();
                }
            }
        };
        match name {
            Some(name) if self.position(name).is_none() && self.is_builtin(name) => {}
            Some(name) => zero(self.chain_mut(name)?),
            None => self.chains_mut().for_each(zero),
        }
        Ok(())
    }

    fn new_chain(&mut self, name: &str) -> Result<(), Fault> {
        self.create();
        if self.position(name).is_some() {
            return Err(Fault::refused("Chain already exists.").help("choose another name"));
        }
        self.push(Chain::user(name));
        Ok(())
    }

    fn remove(&mut self, name: Option<&str>) -> Result<(), Fault> {
        let names: Vec<String> = match name {
            Some(name) => vec![name.to_owned()],
            None => {
                let user = self.chains().filter(|chain| chain.head().policy.is_none());
                user.map(|chain| chain.head().name.clone()).collect()
            }
        };
        let targets = self.targets.take().unwrap_or_else(|| self.targets());
        let refused = names.iter().find_map(|name| self.unremovable(name, &targets));
        self.targets = Some(targets);
        if let Some(fault) = refused {
            return Err(fault);
        }
        for name in &names {
            if self.is_builtin(name) {
                continue;
            }
            self.open(name)?.gone = true;
        }
        Ok(())
    }

    /// The chains that rules lead to.
    fn targets(&self) -> HashSet<String> {
        let rules = self.chains().flat_map(EditChain::rules);
        let targets = rules.filter_map(|stand| stand.rule.target.as_ref()?.chain());
        targets.map(str::to_owned).collect()
    }

    /// Why a chain cannot go: the kernel takes none that has rules or is led to, one by one.
    fn unremovable(&self, name: &str, targets: &HashSet<String>) -> Option<Fault> {
        match self.chain(name) {
            Some(chain) if chain.head().policy == Some(Policy::Drop) => Some(
                Fault::refused("Directory not empty.")
                    .help(format!("write `-P {name} ACCEPT` before it")),
            ),
            Some(chain) if chain.len() > 0 => {
                Some(busy(name).help(format!("write `-F {name}` before it")))
            }
            Some(_) if targets.contains(name) => {
                Some(busy(name).help("delete the rules that lead to it first"))
            }
            Some(_) if !self.is_builtin(name) || self.is_used(name) => None,
            Some(_) | None => Some(no_chain(name, self.table)),
        }
    }

    fn rename(&mut self, old: &str, new: &str) -> Result<(), Fault> {
        if self.position(old).is_some() && (self.position(new).is_some() || self.is_builtin(new)) {
            return Err(Fault::refused("File exists.").help("choose a name that no chain has"));
        }
        if self.is_builtin(old) {
            let fault = match self.is_used(old) {
                true => Fault::refused("Operation not supported."),
                false => Fault::no_such_name(),
            };
            return Err(fault.help("builtin chains keep their names"));
        }
        let at = self.position(old).ok_or_else(|| no_chain(old, self.table))?;
        self.open(old)?.chain.name = new.to_owned();
        self.index.remove(old);
        self.index.insert(new.to_owned(), at);
        let mut targets = self.targets.take().unwrap_or_else(|| self.targets());
        if targets.remove(old) {
            targets.insert(new.to_owned());
            self.lead_to(old, new);
        }
        self.targets = Some(targets);
        Ok(())
    }

    /// Has the rules that lead to a chain follow its new name.
    fn lead_to(&mut self, old: &str, new: &str) {
        let leads = |chain: &EditChain| {
            let mut targets = chain.rules().filter_map(|stand| stand.rule.target.as_ref());
            targets.any(|target| target.chain() == Some(old))
        };
        let leading = self.chains_mut().filter(|chain| leads(chain)).map(EditChain::open);
        for placed in leading.flat_map(|chain| &mut chain.rules) {
            match &mut placed.rule.target {
                Some(super::Target::Jump(chain) | super::Target::Goto(chain)) if chain == old => {
                    *chain = new.to_owned();
                }
                Some(_) | None => {}
            }
        }
    }

    fn policy(&mut self, name: &str, policy: Option<Policy>) -> Result<(), Fault> {
        if !self.is_builtin(name) {
            return Err(Fault::refused("Bad built-in chain name.")
                .help("only builtin chains have a policy; end a user chain with a rule"));
        }
        let policy = policy.ok_or_else(|| {
            Fault::refused("Bad policy name. Run `dmesg' for more information.")
                .help("policies are ACCEPT and DROP")
        })?;
        self.create();
        let chain = self.open(name)?;
        chain.chain.policy = Some(policy);
        // The tool sends zeroes with every policy, whatever `-c` says.
        chain.chain.count_from(Counters::default());
        Ok(())
    }

    /// `:CHAIN POLICY [P:B]` of restore text: declares a chain and empties a user's.
    pub(super) fn declare(
        &mut self,
        name: &str,
        policy: &str,
        counters: Option<Counters>,
    ) -> Result<(), Fault> {
        self.create();
        if self.is_builtin(name) {
            let known = [Policy::Accept, Policy::Drop].into_iter().find(|p| p.name() == policy);
            // A builtin chain declared like a user's keeps its policy.
            if known.is_none() && policy != "-" {
                let help = "policies are ACCEPT and DROP";
                return Err(Fault::refused("Bad policy name.").help(help));
            }
            let chain = self.open(name)?;
            chain.chain.policy = known.or(chain.chain.policy);
            chain.chain.count_from(counters.unwrap_or_default());
            return Ok(());
        }
        check_chain_name(name)?;
        self.targets = None;
        if super::Target::NAMES.contains(&name) {
            return Err(Fault::usage("chain name may not clash with target name")
                .help("choose a name that is no target's"));
        }
        match self.position(name).and_then(|at| self.chains.get_mut(at)) {
            Some(chain) => chain.clear(),
            None => self.push(Chain::user(name)),
        }
        Ok(())
    }
}

impl Rule {
    /// Whether both say the same; counters aside.
    pub fn is_same(&self, other: &Self) -> bool {
        let Self {
            source,
            destination,
            in_interface,
            out_interface,
            protocol,
            fragment,
            matches,
            target,
            counters: _,
            identity: _,
        } = self;
        *source == other.source
            && *destination == other.destination
            && *in_interface == other.in_interface
            && *out_interface == other.out_interface
            && *protocol == other.protocol
            && *fragment == other.fragment
            && (*matches == other.matches || self.printed_matches() == other.printed_matches())
            && *target == other.target
    }
}

fn busy(chain: &str) -> Fault {
    Fault::kernel("CHAIN_DEL", "Device or resource busy", &format!("chain {chain}"))
}

fn no_rule() -> Fault {
    Fault::refused("Bad rule (does a matching rule exist in that chain?).")
        .help("see the rules with `-S`")
}

fn no_chain(name: &str, table: Table) -> Fault {
    Fault::no_such_name().help(format!("table {table} has no chain `{name}`; declare it first"))
}
