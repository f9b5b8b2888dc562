//! `-m quota`: matches until so many bytes have (kernel: xt_quota).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// `[!] --quota BYTES`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// `!`: matches once the bytes are spent.
    pub negated: bool,
    /// Bytes of IP packets.
    pub bytes: u64,
}

impl Words for Quota {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("quota").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.bytes = given.integer("quota", 0, u64::MAX)?;
        self.negated = given.negated;
        Ok(())
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --quota {}", self.bytes));
    }

    /// The tool does not show `!`.
    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" quota: {} bytes", self.bytes));
    }
}
