//! `-j SNAT`: a new source address.

use super::nat_range::{Base, NatRange};
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};
use crate::netfilter::{Hook, Table};

/// `-j SNAT --to-source`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Snat {
    /// The new source.
    pub range: NatRange,
}

impl Words for Snat {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("to-source").required(),
            opt("random").arguments(0),
            opt("random-fully").arguments(0),
            opt("persistent").arguments(0),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.range.set(given, Base::Lost)
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Nat)
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Input, Hook::Postrouting]
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --to-source {}{}", self.range, self.range.flags_text("--")));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" to:{}{}", self.range, self.range.flags_text("")));
    }
}
