//! The tables of one family, their chains in order.
//!
//! Tables and chains are shared between a ruleset and its copies until one of them changes one: a copy of hundreds of
//! thousands of rules costs nothing, and a change of one rule a copy of its chain.

use super::{Counters, Family, Hook, Rule, Table};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// All rules of one family.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruleset {
    /// Whose addresses its rules name.
    pub family: Family,
    tables: [Option<Arc<TableModel>>; 5],
}

impl Ruleset {
    /// No table at all: everything passes.
    pub fn new(family: Family) -> Self {
        Self { family, tables: [const { None }; 5] }
    }

    /// The table, if it exists.
    pub fn table(&self, table: Table) -> Option<&TableModel> {
        self.tables.get(table as usize).and_then(Option::as_deref)
    }

    /// The table to change, if it exists.
    pub fn table_mut(&mut self, table: Table) -> Option<&mut TableModel> {
        self.tables.get_mut(table as usize)?.as_mut().map(Arc::make_mut)
    }

    /// The table, made with empty accepting builtin chains if it did not exist.
    pub fn table_or_new(&mut self, table: Table) -> &mut TableModel {
        let [raw, mangle, nat, filter, security] = &mut self.tables;
        let slot = match table {
            Table::Raw => raw,
            Table::Mangle => mangle,
            Table::Nat => nat,
            Table::Filter => filter,
            Table::Security => security,
        };
        Arc::make_mut(slot.get_or_insert_with(|| Arc::new(TableModel::new(table))))
    }

    /// Puts or removes a table as a whole.
    pub fn set_table(&mut self, table: Table, model: Option<TableModel>) {
        if let Some(slot) = self.tables.get_mut(table as usize) {
            *slot = model.map(Arc::new);
        }
    }

    /// Every table that exists, in the order in which packets see them.
    pub fn tables(&self) -> impl Iterator<Item = (Table, &TableModel)> {
        Table::ALL
            .into_iter()
            .zip(&self.tables)
            .filter_map(|(t, model)| Some((t, model.as_deref()?)))
    }
}

/// The chains of one table: builtin ones in hook order, then the user's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableModel {
    /// In the order the tools list them: the builtin ones as their hooks come, then the user's by name.
    pub chains: Vec<Arc<Chain>>,
}

impl TableModel {
    /// The table's builtin chains, empty and accepting.
    pub fn new(table: Table) -> Self {
        Self { chains: table.hooks().iter().map(|hook| Arc::new(Chain::builtin(*hook))).collect() }
    }

    /// Where the chain of that name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        let users = self.chains.partition_point(|chain| chain.policy.is_some());
        let (builtin, user) = self.chains.split_at(users);
        let place = builtin.iter().position(|chain| chain.name == name);
        place.or_else(|| {
            let at = user.binary_search_by(|chain| chain.name.as_str().cmp(name)).ok()?;
            Some(users + at)
        })
    }

    /// The chain of that name.
    pub fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains.get(self.position(name)?).map(Arc::as_ref)
    }

    /// The chain of that name, to change what it says.
    pub fn chain_mut(&mut self, name: &str) -> Option<&mut Chain> {
        let at = self.position(name)?;
        let chain = Arc::make_mut(self.chains.get_mut(at)?);
        chain.edition = Edition::default();
        Some(chain)
    }

    /// The chain at that place, to count in.
    pub fn counting(&mut self, at: usize) -> Option<&mut Chain> {
        self.chains.get_mut(at).map(Arc::make_mut)
    }
}

/// A chain of rules.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// What becomes of a packet no rule decided; absent in user chains, which return.
    pub policy: Option<Policy>,
    /// Packets the policy decided, where it [counts](Self::counts).
    pub counters: Counters,
    /// Whether the policy counts. As with iptables-nft, a builtin chain that came to be because some rule or
    /// chain was made does not, until `-P`, `-Z` or a declaration (`:INPUT ACCEPT [0:0]`) names it.
    pub counts: bool,
    /// First match decides.
    pub rules: Vec<Rule>,
    /// Which chain it is, and since which change.
    pub edition: Edition,
}

/// Tells a chain from all others, and from what it was before the last change of what it says; counters may differ.
/// A copy is the same edition, whoever changes a copy gives it a new one.
///
/// Never differs in comparisons of chains, which are about what they say.
#[derive(Debug, Clone, Copy)]
pub struct Edition(u64);

impl Edition {
    /// A number no other edition has.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl Default for Edition {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Relaxed))
    }
}

impl PartialEq for Edition {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Chain {
    /// The builtin chain of a hook, empty and accepting.
    pub fn builtin(hook: Hook) -> Self {
        Self { name: hook.chain().to_owned(), policy: Some(Policy::Accept), ..Self::default() }
    }

    /// An empty user chain.
    pub fn user(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// A builtin chain's policy counts from here on.
    pub fn count_from(&mut self, counters: Counters) {
        self.counters = counters;
        self.counts = self.policy.is_some();
    }

    /// The hook it is attached to, if it is a builtin chain.
    pub fn hook(&self) -> Option<Hook> {
        self.policy.and_then(|_| Hook::from_chain(&self.name))
    }
}

/// A builtin chain's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Packets pass.
    Accept,
    /// Packets are dropped.
    Drop,
}

impl Policy {
    /// Its name in the text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Drop => "DROP",
        }
    }
}
