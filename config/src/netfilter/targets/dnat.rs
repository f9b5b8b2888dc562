//! `-j DNAT`: a new destination address.

use super::nat_range::{Base, NatRange};
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};
use crate::netfilter::{Hook, Table};

/// `-j DNAT --to-destination`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dnat {
    /// The new destination.
    pub range: NatRange,
}

impl Words for Dnat {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("to-destination").required(),
            opt("random").arguments(0),
            opt("persistent").arguments(0),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.range.set(given, Base::Kept)
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Nat)
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Prerouting, Hook::Output]
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --to-destination {}{}", self.range, self.range.flags_text("--")));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" to:{}{}", self.range, self.range.flags_text("")));
    }
}
