//! The language of iptables and ip6tables: a ruleset as a typed model, its text read and written.
//!
//! ```text
//! Ruleset ─ per Table ─▶ TableModel ─▶ Chain ─▶ Rule ─▶ Match…, Target
//! ```
//!
//! Owns the words and the front end's refusals (iptables-nft 1.8.9); what a rule does to a packet
//! is the data plane's. A new match or target is one file in `matches` or `targets`, one variant
//! of its enum and one line of its registry.

pub mod address;
pub mod command;
mod edit;
mod fault;
mod given;
mod help;
mod hosts;
mod list;
pub mod matches;
mod names;
mod numbers;
mod options;
mod parser;
mod printed;
mod protocols;
mod restore;
mod rule;
mod rule_fields;
mod rule_parser;
mod ruleset;
mod run;
mod save;
pub(crate) mod services;
mod sets;
pub mod targets;
#[cfg(test)]
mod tests;
mod validate;
mod words;

pub use address::{AddressMask, PortRange};
pub use command::{Command, Invocation, Style};
pub use fault::{Fault, FaultKind};
pub use matches::Match;
pub use names::{Family, Hook, Protocol, Table};
pub use restore::{Names, RestoreError, RestoreOptions};
pub use rule::{Counters, Fragment, Identity, InterfacePattern, Negatable, Rule};
pub use ruleset::{Chain, Edition, Policy, Ruleset, TableModel};
pub use run::Outcome;
pub use save::SaveOptions;
pub use sets::{AnySet, SetFamily, Sets};
pub use targets::Target;
