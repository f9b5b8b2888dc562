//! A refusal, in the words and with the exit code of iptables-nft 1.8.9.

use super::Family;

/// Why a command or a line was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Which part of the tool refuses; decides exit code and form of the text.
    pub kind: FaultKind,
    /// The tool's message, without its program prefix.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Column of the word at fault, where known.
    pub column: Option<usize>,
}

/// Which part of the tool refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The words are wrong: exit code 2.
    Usage,
    /// A word no option asked for: exit code 2, no program prefix.
    BadArgument,
    /// No such table: exit code 3.
    NoTable,
    /// A chain to list is not there: exit code 1, with the version.
    NoChain,
    /// The words are right, the ruleset does not have what they name: exit code 1.
    Refused,
    /// The kernel would refuse the transaction: exit code 4.
    Kernel,
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None, column: None }
    }

    /// The words are wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Usage, message)
    }

    /// The ruleset does not have what the command names.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Refused, message)
    }

    /// `OPERATION failed (REASON): OBJECT`.
    pub(crate) fn kernel(operation: &str, reason: &str, object: &str) -> Self {
        Self::new(FaultKind::Kernel, format!("{operation} failed ({reason}): {object}"))
    }

    pub(crate) fn no_such_name() -> Self {
        Self::refused("No chain/target/match by that name.")
    }

    /// A chain to list that is not there; the tool takes it for one that nft made.
    pub(crate) fn no_such_chain(name: &str, table: super::Table) -> Self {
        let message = format!("chain `{name}' in table `{table}' is incompatible, use 'nft' tool.");
        Self::new(FaultKind::NoChain, message)
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.get_or_insert(help.into());
        self
    }

    #[must_use]
    pub(crate) fn at(mut self, column: usize) -> Self {
        self.column.get_or_insert(column);
        self
    }

    /// The tool's exit code.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            FaultKind::Usage | FaultKind::BadArgument => 2,
            FaultKind::NoTable => 3,
            FaultKind::Refused | FaultKind::NoChain => 1,
            FaultKind::Kernel => 4,
        }
    }

    /// What the command writes to standard error, without the last line end.
    pub fn command_text(&self, family: Family) -> String {
        let (program, message) = (family.program(), &self.message);
        let version = format!("{program} v1.8.9 (nf_tables)");
        let hint = format!("Try `{program} -h' or '{program} --help' for more information.");
        match self.kind {
            FaultKind::Usage => format!("{version}: {message}\n{hint}"),
            FaultKind::BadArgument if message.is_empty() => hint,
            FaultKind::BadArgument => format!("{message}\n{hint}"),
            FaultKind::NoTable => {
                format!(
                    "{version}: {message}\nPerhaps {program} or your kernel needs to be upgraded."
                )
            }
            FaultKind::Refused => format!("{program}: {message}"),
            FaultKind::NoChain => format!("{version}: {message}"),
            FaultKind::Kernel => format!("{version}:  {message}"),
        }
    }

    /// What the restore program writes to standard error, without the last line end.
    pub fn restore_text(&self, family: Family, line: usize) -> String {
        let (program, message) = (format!("{}-restore", family.program()), &self.message);
        let version = format!("{program} v1.8.9 (nf_tables)");
        let hint = format!(
            "Error occurred at line: {line}\nTry `{program} -h' or '{program} --help' for more information."
        );
        match self.kind {
            FaultKind::Usage | FaultKind::NoTable | FaultKind::NoChain => {
                format!("{version}: {message}\n{hint}")
            }
            FaultKind::BadArgument => format!("{message}\n{hint}"),
            FaultKind::Refused if message.is_empty() => format!("{program}: line {line} failed"),
            FaultKind::Refused => format!("{program}: line {line} failed: {message}"),
            FaultKind::Kernel => format!("{version}: \nline {line}: {message}"),
        }
    }
}
