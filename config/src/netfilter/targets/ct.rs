//! `-j CT --notrack` and its alias `-j NOTRACK`: exempt the packet from connection tracking.

use crate::netfilter::Table;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// Settings for the connection about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ct {
    /// Do not track.
    pub notrack: bool,
    /// Written as `-j NOTRACK`.
    pub alias: bool,
    /// `--zone`; 0 where absent.
    pub zone: u16,
}

impl Words for Ct {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("notrack").arguments(0), opt("zone")];
        const ALIAS: &[Opt] = &[];
        if self.alias { ALIAS } else { OPTIONS }
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "notrack" => self.notrack = true,
            _ => self.zone = given.number("CT", 65_535).map(|zone| zone as u16)?,
        }
        Ok(())
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Raw)
    }

    fn save(&self, out: &mut String) {
        if self.notrack && !self.alias {
            out.push_str(" --notrack");
        }
        if self.zone != 0 {
            out.push_str(&format!(" --zone {}", self.zone));
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        if self.alias {
            out.push_str(" NOTRACK");
            return;
        }
        out.push_str(" CT");
        if self.notrack {
            out.push_str(" notrack");
        }
        if self.zone != 0 {
            out.push_str(&format!(" zone {}", self.zone));
        }
    }
}
