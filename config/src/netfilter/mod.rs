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
pub mod matches;
mod names;
mod rule;
mod ruleset;
pub mod targets;

pub use address::{AddressMask, PortRange};
pub use matches::Match;
pub use names::{Family, Hook, Protocol, Table};
pub use rule::{Counters, Fragment, InterfacePattern, Negatable, Rule};
pub use ruleset::{Chain, Policy, Ruleset, TableModel};
pub use targets::Target;
