//! One rule: what it matches and what it does.

use super::{AddressMask, Match, Protocol, Target};
use std::sync::Arc;

/// A rule of a chain.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rule {
    /// `-s`
    pub source: Option<Negatable<AddressMask>>,
    /// `-d`
    pub destination: Option<Negatable<AddressMask>>,
    /// `-i`
    pub in_interface: Option<Negatable<InterfacePattern>>,
    /// `-o`
    pub out_interface: Option<Negatable<InterfacePattern>>,
    /// `-p`; absent for all.
    pub protocol: Option<Negatable<Protocol>>,
    /// `-f`, IPv4 only.
    pub fragment: Fragment,
    /// `-m NAME …`, in the order written; all must match.
    pub matches: Vec<Match>,
    /// `-j` or `-g`; a rule without one only counts.
    pub target: Option<Target>,
    /// `[packets:bytes]` as loaded.
    pub counters: Counters,
    /// Which rule it is, whatever it says.
    pub identity: Identity,
}

/// Tells a rule from another that says the same. A rule keeps it as long as it stands in the ruleset, through any
/// change of other rules; one that is replaced or restored is another rule. What a rule has counted
/// (`-m limit`'s tokens, `-m quota`'s bytes) belongs to it.
///
/// Never differs in comparisons of rules, which are about what they say.
#[derive(Debug, Clone, Default)]
pub struct Identity(Arc<()>);

impl Identity {
    /// A number no other rule has while a clone of this lives.
    pub fn number(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl PartialEq for Identity {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

/// A value that `!` may precede.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Negatable<T> {
    /// Whether `!` stood before it.
    pub negated: bool,
    /// The value.
    pub value: T,
}

impl<T> Negatable<T> {
    /// The value, not negated.
    pub fn plain(value: T) -> Self {
        Self { negated: false, value }
    }

    /// The value, negated.
    pub fn not(value: T) -> Self {
        Self { negated: true, value }
    }
}

/// An interface by name, or by the beginning of its name (`eth+`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InterfacePattern {
    /// The name, without `+`.
    pub name: String,
    /// Whether any name that begins so matches.
    pub wildcard: bool,
}

impl InterfacePattern {
    /// Whether an interface of that name is meant.
    pub fn matches(&self, interface: &str) -> bool {
        if self.wildcard { interface.starts_with(&self.name) } else { interface == self.name }
    }
}

/// `-f`: which fragments a rule sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fragment {
    /// No `-f`: any packet.
    #[default]
    Any,
    /// `-f`: second and further fragments.
    Further,
    /// `! -f`: whole packets and first fragments.
    NotFurther,
}

/// Packets and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes of the IP packets.
    pub bytes: u64,
}
