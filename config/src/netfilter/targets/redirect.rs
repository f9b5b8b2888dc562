//! `-j REDIRECT`: DNAT to the incoming interface's address.

use super::nat_range::{Base, NatRange};
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};
use crate::netfilter::{Hook, Table};

/// `-j REDIRECT [--to-ports]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Redirect {
    /// The new destination; it names no address.
    pub range: NatRange,
}

impl Words for Redirect {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("to-ports"), opt("random").arguments(0)];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.range.set(given, Base::Refused)
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Nat)
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Prerouting, Hook::Output]
    }

    fn save(&self, out: &mut String) {
        if let Some(ports) = self.range.ports_text() {
            out.push_str(&format!(" --to-ports {ports}"));
        }
        out.push_str(&self.range.flags_text("--"));
    }

    fn list(&self, out: &mut String, _look: Look) {
        if let Some(ports) = self.range.ports_text() {
            out.push_str(&format!(" redir ports {ports}"));
        }
        out.push_str(&self.range.flags_text(""));
    }
}
