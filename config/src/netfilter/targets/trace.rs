//! `-j TRACE`: says of every rule the packet meets from here on that it met it.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words};

/// It has no options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Trace;

impl Words for Trace {
    fn options(&self) -> &'static [Opt] {
        &[]
    }

    fn set(&mut self, _given: &Given<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn save(&self, _out: &mut String) {}

    fn list(&self, _out: &mut String, _look: Look) {}
}
