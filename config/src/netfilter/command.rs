//! One command: what it asks for, and how its words are read.
//!
//! ```text
//! "-t nat -A POSTROUTING -o wan -j MASQUERADE" ──▶ Invocation { table, command, … }
//! ```

use super::fault::{Fault, FaultKind};
use super::parser::Parser;
use super::sets::{AnySet, Sets};
use super::{Family, Policy, Rule, Table};

/// A command line, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// `-t`; filter where absent.
    pub table: Table,
    /// What to do.
    pub command: Command,
    /// How a listing looks.
    pub style: Style,
    /// Lines for standard error about a rule that is taken all the same.
    pub warnings: Vec<String>,
}

/// How a listing looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// `-v`, counted.
    pub verbose: u8,
    /// `-n`
    pub numeric: bool,
    /// `-x`
    pub exact: bool,
    /// `--line-numbers`
    pub line_numbers: bool,
    /// `-Z` beside `-L` or `-S`: zero what was listed.
    pub zero: bool,
}

/// What a command line asks for. A rule with comma lists of addresses stands for several.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Command {
    /// `-A CHAIN RULE`
    Append { chain: String, rules: Vec<Rule> },
    /// `-I CHAIN [NUMBER] RULE`
    Insert { chain: String, number: usize, rules: Vec<Rule> },
    /// `-D CHAIN RULE`
    Delete { chain: String, rules: Vec<Rule> },
    /// `-D CHAIN NUMBER`
    DeleteNumber { chain: String, number: usize },
    /// `-R CHAIN NUMBER RULE`
    Replace { chain: String, number: usize, rule: Box<Rule> },
    /// `-C CHAIN RULE`
    Check { chain: String, rules: Vec<Rule> },
    /// `-F [CHAIN]`
    Flush { chain: Option<String> },
    /// `-Z [CHAIN [NUMBER]]`
    Zero { chain: Option<String>, number: Option<usize> },
    /// `-N CHAIN`
    New { chain: String },
    /// `-X [CHAIN]`
    Remove { chain: Option<String> },
    /// `-E OLD NEW`
    Rename { old: String, new: String },
    /// `-P CHAIN POLICY`; `None` is a policy no chain can have.
    Policy { chain: String, policy: Option<Policy> },
    /// `-L [CHAIN [NUMBER]]`
    List { chain: Option<String>, number: Option<usize> },
    /// `-S [CHAIN [NUMBER]]`
    ListRules { chain: Option<String>, number: Option<usize> },
    /// `-h`
    Help,
    /// `-V`
    Version,
    /// A line of restore text for the other family (`-4`, `-6`), which is passed over.
    Nothing,
}

impl Command {
    /// The rules it names, none where it goes by number.
    pub(super) fn rules(&self) -> &[Rule] {
        match self {
            Self::Append { rules, .. }
            | Self::Insert { rules, .. }
            | Self::Delete { rules, .. }
            | Self::Check { rules, .. } => rules,
            Self::Replace { rule, .. } => std::slice::from_ref(rule),
            Self::DeleteNumber { .. }
            | Self::Flush { .. }
            | Self::Zero { .. }
            | Self::New { .. }
            | Self::Remove { .. }
            | Self::Rename { .. }
            | Self::Policy { .. }
            | Self::List { .. }
            | Self::ListRules { .. }
            | Self::Help
            | Self::Version
            | Self::Nothing => &[],
        }
    }
}

/// A word of a line and the column it begins at, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word without its quotes.
    pub text: String,
    /// Column in characters.
    pub column: usize,
}

impl Invocation {
    /// Reads a command's arguments (without the program's name); any word names a set.
    pub fn parse<S: AsRef<str>>(family: Family, arguments: &[S]) -> Result<Self, Fault> {
        Self::parse_with_sets(family, arguments, &AnySet)
    }

    /// The same, where a rule may name these sets only.
    pub fn parse_with_sets<S: AsRef<str>>(
        family: Family,
        arguments: &[S],
        sets: &dyn Sets,
    ) -> Result<Self, Fault> {
        let mut column = 1;
        let words: Vec<Word> = arguments
            .iter()
            .map(|argument| {
                let text = argument.as_ref().to_owned();
                let word = Word { column, text };
                column += word.text.chars().count() + 1;
                word
            })
            .collect();
        Parser::new(family, &words, None, sets).parse()
    }

    /// Reads a line of restore text whose table is known.
    pub(super) fn parse_line(
        family: Family,
        words: &[Word],
        table: Table,
        sets: &dyn Sets,
    ) -> Result<Self, Fault> {
        Parser::new(family, words, Some(table), sets).parse()
    }
}

/// Refuses what cannot name a new chain.
pub(super) fn check_chain_name(name: &str) -> Result<(), Fault> {
    let help = "a chain's name has 1 to 28 bytes, no spaces, and does not begin with `-` or `!`";
    let fault = |message: String| Err(Fault::usage(message).help(help));
    match name.chars().next() {
        None => return fault("chain name may not clash with target name".to_owned()),
        Some(first @ ('-' | '!')) => {
            return fault(format!("chain name not allowed to start with `{first}'"));
        }
        Some(_) => {}
    }
    if name.len() >= 29 {
        return fault(format!("chain name `{name}' too long (must be under 29 chars)"));
    }
    // Quotes would not survive being saved and read again.
    if name.chars().any(|c| c.is_whitespace() || matches!(c, '"' | '\\')) {
        return fault(format!("Invalid chain name `{name}'"));
    }
    Ok(())
}

/// The table of that name, as `-t` takes it.
pub(super) fn table_of_name(name: &str) -> Result<Table, Fault> {
    Table::from_name(name).ok_or_else(|| {
        let names = Table::ALL.map(Table::name).join(", ");
        Fault::new(FaultKind::NoTable, format!("table '{name}' does not exist"))
            .help(format!("tables are {names}"))
    })
}
