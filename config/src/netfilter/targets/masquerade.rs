//! `-j MASQUERADE`: SNAT to the outgoing interface's address.

use super::nat_range::{Base, NatRange};
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};
use crate::netfilter::{Hook, Table};

/// `-j MASQUERADE [--to-ports]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Masquerade {
    /// The new source; it names no address.
    pub range: NatRange,
}

impl Words for Masquerade {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] =
            &[opt("to-ports"), opt("random").arguments(0), opt("random-fully").arguments(0)];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.range.set(given, Base::Lost)
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Nat)
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Postrouting]
    }

    fn save(&self, out: &mut String) {
        if let Some(ports) = self.range.ports_text() {
            out.push_str(&format!(" --to-ports {ports}"));
        }
        out.push_str(&self.range.flags_text("--"));
    }

    fn list(&self, out: &mut String, _look: Look) {
        if let Some(ports) = self.range.ports_text() {
            out.push_str(&format!(" masq ports: {ports}"));
        }
        out.push_str(&self.range.flags_text(""));
    }
}
