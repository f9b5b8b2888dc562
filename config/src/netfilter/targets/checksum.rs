//! `-j CHECKSUM`: computes a checksum that was left to the network device.

use crate::netfilter::Table;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// `--checksum-fill`, which may not be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Checksum;

impl Words for Checksum {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("checksum-fill").arguments(0).required()];
        OPTIONS
    }

    fn set(&mut self, _given: &Given<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Mangle)
    }

    fn save(&self, out: &mut String) {
        out.push_str(" --checksum-fill");
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(" CHECKSUM fill");
    }
}
