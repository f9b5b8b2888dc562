//! `-m eui64`: the source address was made from the sender's Ethernet address (kernel: ip6t_eui64).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words};
use crate::netfilter::{Family, Hook};

/// Has no options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Eui64;

impl Words for Eui64 {
    fn options(&self) -> &'static [Opt] {
        &[]
    }

    fn set(&mut self, _given: &Given<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V6)
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Prerouting, Hook::Input, Hook::Forward]
    }

    fn save(&self, _out: &mut String) {}

    /// The tool shows nothing of it.
    fn list(&self, _out: &mut String, _look: Look) {}
}
