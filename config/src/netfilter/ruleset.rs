//! The tables of one family, their chains in order.

use super::{Counters, Family, Hook, Rule, Table};

/// All rules of one family.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruleset {
    /// Whose addresses its rules name.
    pub family: Family,
    tables: [Option<TableModel>; 5],
}

impl Ruleset {
    /// No table at all: everything passes.
    pub fn new(family: Family) -> Self {
        Self { family, tables: [const { None }; 5] }
    }

    /// The table, if it exists.
    pub fn table(&self, table: Table) -> Option<&TableModel> {
        self.tables.get(table as usize).and_then(Option::as_ref)
    }

    /// The table to change, if it exists.
    pub fn table_mut(&mut self, table: Table) -> Option<&mut TableModel> {
        self.tables.get_mut(table as usize).and_then(Option::as_mut)
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
        slot.get_or_insert_with(|| TableModel::new(table))
    }

    /// Puts or removes a table as a whole.
    pub fn set_table(&mut self, table: Table, model: Option<TableModel>) {
        if let Some(slot) = self.tables.get_mut(table as usize) {
            *slot = model;
        }
    }

    /// Every table that exists, in the order in which packets see them.
    pub fn tables(&self) -> impl Iterator<Item = (Table, &TableModel)> {
        Table::ALL.into_iter().zip(&self.tables).filter_map(|(t, model)| Some((t, model.as_ref()?)))
    }
}

/// The chains of one table: builtin ones in hook order, then the user's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableModel {
    /// In the order the tools list them.
    pub chains: Vec<Chain>,
}

impl TableModel {
    /// The table's builtin chains, empty and accepting.
    pub fn new(table: Table) -> Self {
        Self { chains: table.hooks().iter().map(|hook| Chain::builtin(*hook)).collect() }
    }

    /// The chain of that name.
    pub fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.name == name)
    }

    /// The chain of that name, to change.
    pub fn chain_mut(&mut self, name: &str) -> Option<&mut Chain> {
        self.chains.iter_mut().find(|chain| chain.name == name)
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
