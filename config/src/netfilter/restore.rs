//! `iptables-restore`: text of whole tables, applied one COMMIT after the other.

use super::command::{Invocation, Word};
use super::edit::Edit;
use super::fault::{Fault, FaultKind};
use super::sets::{AnySet, Sets};
use super::validate::{missing_target, validate};
use super::{Counters, Family, Ruleset, Table};
use crate::diagnostic::Diagnostic;
use crate::gateway::TimeoutPolicies;

/// What `iptables-restore` was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestoreOptions {
    /// `-n`: tables keep what the text does not name.
    pub noflush: bool,
    /// `-c`: counters are taken from the text.
    pub counters: bool,
    /// `-T`: one table only.
    pub table: Option<Table>,
}

/// What rules of a restore text may name.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// The sets that exist.
    pub sets: &'a dyn Sets,
    /// The timeout policies that exist; none where it is not known which do: then any name is taken.
    pub policies: Option<&'a TimeoutPolicies>,
}

/// Everything wrong with a restore text.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoreError {
    /// Every error found, top down; never empty.
    pub diagnostics: Vec<Diagnostic>,
    /// What iptables-restore writes to standard error about the first, behind what it warned of before.
    pub stderr: String,
    /// Its exit code.
    pub code: u8,
    /// The ruleset with the tables that were committed before the first error: what the tool
    /// leaves behind. Whoever wants all or nothing drops it.
    pub committed: Ruleset,
}

/// Errors beyond this many are not collected: the text is no restore text.
const MAX_ERRORS: usize = 100;

impl Ruleset {
    /// Reads restore text (or `iptables-save` text) into an empty ruleset, with the counters it brings. Any word names a
    /// set, none a timeout policy.
    pub fn parse(family: Family, text: &str, file: &str) -> Result<Self, Vec<Diagnostic>> {
        let options = RestoreOptions { counters: true, ..RestoreOptions::default() };
        let empty = Self::new(family);
        empty.restore(text, file, &options).map_err(|error| error.diagnostics)
    }

    /// Reads what a gateway starts with: rules may name these timeout policies, any where it is not known which there are,
    /// and counting begins at zero, as with `iptables-restore < FILE`.
    pub fn parse_with_policies(
        family: Family,
        text: &str,
        file: &str,
        policies: Option<&TimeoutPolicies>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let options = RestoreOptions::default();
        let empty = Self::new(family);
        let names = Names { sets: &AnySet, policies };
        empty.restore_naming(text, file, &options, names).map_err(|error| error.diagnostics)
    }

    /// The ruleset as restore text changes it; this one stays as it is. Any word names a set, none a timeout policy.
    pub fn restore(
        &self,
        text: &str,
        file: &str,
        options: &RestoreOptions,
    ) -> Result<Self, Box<RestoreError>> {
        let names = Names { sets: &AnySet, policies: Some(&TimeoutPolicies::new()) };
        self.restore_naming(text, file, options, names)
    }

    /// The same, where a rule may name these.
    pub fn restore_naming(
        &self,
        text: &str,
        file: &str,
        options: &RestoreOptions,
        names: Names<'_>,
    ) -> Result<Self, Box<RestoreError>> {
        self.restore_warning(text, file, options, names).map(|(ruleset, _)| ruleset)
    }

    /// The same, with what iptables-restore warns of: lines, each with its end.
    pub fn restore_warning(
        &self,
        text: &str,
        file: &str,
        options: &RestoreOptions,
        names: Names<'_>,
    ) -> Result<(Self, String), Box<RestoreError>> {
        let mut restore = Restore {
            ruleset: self.clone(),
            committed: None,
            first: None,
            file,
            options,
            names,
            edit: None,
            undeclared: None,
            failed: false,
            warnings: String::new(),
            diagnostics: Vec::new(),
        };
        let mut last = 0;
        for (line, number) in text.lines().zip(1..) {
            last = number;
            if let Err(fault) = restore.line(line, number) {
                restore.report(fault, number, number);
            }
            if restore.diagnostics.len() >= MAX_ERRORS {
                break;
            }
        }
        restore.end(last + 1)
    }
}

struct Restore<'a> {
    ruleset: Ruleset,
    /// What was committed when the first error came.
    committed: Option<Ruleset>,
    first: Option<(String, u8)>,
    file: &'a str,
    options: &'a RestoreOptions,
    names: Names<'a>,
    /// The table between `*NAME` and `COMMIT`.
    edit: Option<Edit>,
    /// The first rule of it that led to a chain not declared before, and its line.
    undeclared: Option<(Fault, usize)>,
    /// That table has an error: it is not committed.
    failed: bool,
    /// What was warned of before the first error.
    warnings: String,
    diagnostics: Vec<Diagnostic>,
}

impl Restore<'_> {
    fn line(&mut self, line: &str, number: usize) -> Result<(), Fault> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if self.edit.is_none() {
            return match line.strip_prefix('*') {
                Some(name) => self.begin(name.trim_end(), number),
                None => {
                    Err(Fault::refused("").help("begin a table with `*filter`, `*nat`, …").at(1))
                }
            };
        }
        if line == "COMMIT" {
            self.commit(number);
            return Ok(());
        }
        if self.is_skipped() {
            return Ok(());
        }
        match line.strip_prefix(':') {
            Some(declaration) => self.declare(declaration, number),
            None => self.rule(line, number),
        }
    }

    fn begin(&mut self, name: &str, number: usize) -> Result<(), Fault> {
        let program = self.ruleset.family.program();
        let table = Table::from_name(name);
        // Its lines are read all the same, for the errors in them.
        let own = table.unwrap_or(Table::Filter);
        let current = self.ruleset.table(own).filter(|_| self.options.noflush);
        self.edit = Some(Edit::new(own, current));
        self.failed = table.is_none();
        match table {
            Some(_) => Ok(()),
            None => {
                let message =
                    format!("{program}-restore: line {number} table name '{name}' invalid");
                let names = Table::ALL.map(Table::name).join(", ");
                Err(Fault::usage(message).help(format!("tables are {names}")).at(2))
            }
        }
    }

    /// Whether the table is not the one asked for: its lines are not even read.
    fn is_skipped(&self) -> bool {
        let only = self.options.table;
        self.edit.as_ref().is_some_and(|edit| only.is_some_and(|only| only != edit.table))
    }

    fn commit(&mut self, number: usize) {
        let skipped = self.is_skipped();
        let Some(edit) = self.edit.take() else { return };
        if let Some((fault, line)) = self.undeclared.take() {
            self.report(fault, line, number);
        }
        if self.failed || skipped {
            return;
        }
        if let Err(refusal) = validate(&edit, self.ruleset.family, self.names.policies) {
            // The tool blames the COMMIT for a jump to nothing; people want the rule.
            let said = if refusal.fault.kind == FaultKind::Usage { number } else { refusal.line };
            let line = if refusal.line == 0 { number } else { refusal.line };
            self.report(refusal.fault, line, said);
            return;
        }
        if self.diagnostics.is_empty() {
            let table = edit.table;
            self.ruleset.set_table(table, edit.finish());
        }
    }

    fn declare(&mut self, declaration: &str, number: usize) -> Result<(), Fault> {
        let Some(edit) = &mut self.edit else { return Ok(()) };
        let mut words = declaration.split_ascii_whitespace();
        let invalid = |what: &str| {
            let message = format!("iptables-restore: line {number} {what} invalid");
            Fault::usage(message)
                .help("write `:CHAIN POLICY [0:0]`, with policy `-` for a user's chain")
        };
        let name = words.next().ok_or_else(|| invalid("chain name"))?;
        let policy = words.next().ok_or_else(|| invalid("policy"))?;
        let invalid = || {
            Fault::usage(format!("invalid policy counters for chain '{name}'"))
                .help("write `[PACKETS:BYTES]`")
        };
        let counters = match self.options.counters && edit.is_builtin(name) {
            true => Some(words.next().and_then(counters).ok_or_else(invalid)?),
            false => None,
        };
        edit.declare(name, policy, counters)
    }

    fn rule(&mut self, line: &str, number: usize) -> Result<(), Fault> {
        let Some(edit) = &mut self.edit else { return Ok(()) };
        let (given, rest, skipped) = split_counters(line)?;
        let words = split(rest, skipped);
        let family = self.ruleset.family;
        let mut invocation = Invocation::parse_line(family, &words, edit.table, self.names.sets)?;
        if let Some(given) = given.filter(|_| self.options.counters) {
            set_counters(&mut invocation, given);
        }
        if self.first.is_none() {
            self.warnings.extend(invocation.warnings.iter().flat_map(|line| [line.as_str(), "\n"]));
        }
        if self.undeclared.is_none() {
            let rules = invocation.command.rules().iter();
            let missing = rules.filter_map(|rule| missing_target(edit, rule)).next();
            self.undeclared = missing.map(|fault| (fault, number));
        }
        edit.apply(invocation.command, number)
    }

    fn report(&mut self, fault: Fault, line: usize, said: usize) {
        if self.first.is_none() {
            let text = fault.restore_text(self.ruleset.family, said);
            self.first = Some((text, fault.exit_code()));
            self.committed = Some(self.ruleset.clone());
        }
        self.failed = true;
        let message = match fault.message.trim() {
            "" => "not in a table".to_owned(),
            message => message.to_owned(),
        };
        self.diagnostics.push(Diagnostic {
            file: self.file.to_owned(),
            line,
            column: fault.column.unwrap_or(1),
            message,
            help: fault.help,
        });
    }

    fn end(mut self, line: usize) -> Result<(Ruleset, String), Box<RestoreError>> {
        if self.edit.is_some() && self.diagnostics.len() < MAX_ERRORS {
            let fault =
                Fault::refused("COMMIT expected").help("end the table with a line `COMMIT`");
            let program = self.ruleset.family.program();
            let first = self.first.is_none();
            self.report(fault, line, line);
            if first {
                let text = format!("{program}-restore: COMMIT expected at line {line}");
                self.first = Some((text, 1));
            }
        }
        let Some((said, code)) = self.first else { return Ok((self.ruleset, self.warnings)) };
        let stderr = self.warnings + &said;
        self.diagnostics.sort_by_key(|diagnostic| diagnostic.line);
        let committed = self.committed.unwrap_or(self.ruleset);
        Err(Box::new(RestoreError { diagnostics: self.diagnostics, stderr, code, committed }))
    }
}

fn set_counters(invocation: &mut Invocation, counters: Counters) {
    use super::command::Command;
    match &mut invocation.command {
        Command::Append { rules, .. } | Command::Insert { rules, .. } => {
            rules.iter_mut().for_each(|rule| rule.counters = counters);
        }
        Command::Replace { rule, .. } => rule.counters = counters,
        _ => {}
    }
}

/// `[PACKETS:BYTES]`
fn counters(text: &str) -> Option<Counters> {
    let (packets, bytes) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
    Some(Counters { packets: packets.parse().ok()?, bytes: bytes.parse().ok()? })
}

/// `[P:B] REST` → counters, rest, columns before the rest. Numbers that are none count as zero, as
/// with the tool.
fn split_counters(line: &str) -> Result<(Option<Counters>, &str, usize), Fault> {
    if !line.starts_with('[') {
        return Ok((None, line, 0));
    }
    let unclosed = || Fault::usage("need ]").help("write `[PACKETS:BYTES]` before the rule").at(1);
    let end = line.find(']').ok_or_else(unclosed)?;
    let (head, rest) = line.split_at(end + 1);
    Ok((Some(counters(head).unwrap_or_default()), rest, head.chars().count()))
}

/// Words between blanks; double quotes hold a word together, a backslash in them takes the next
/// character as it is.
fn split(line: &str, skipped: usize) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let (mut quoted, mut escaped) = (false, false);
    for (c, column) in line.chars().zip(skipped + 1..) {
        if !quoted && matches!(c, ' ' | '\t') {
            words.extend(word.take());
            continue;
        }
        let current = word.get_or_insert_with(|| Word { text: String::new(), column });
        match c {
            _ if escaped => {
                current.text.push(c);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c => current.text.push(c),
        }
    }
    words.extend(word);
    words
}
