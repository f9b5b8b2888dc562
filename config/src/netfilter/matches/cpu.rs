//! `-m cpu`: which CPU handles the packet (kernel: xt_cpu).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// `[!] --cpu NUMBER`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cpu {
    /// `!`
    pub negated: bool,
    /// From 0.
    pub number: u32,
}

impl Words for Cpu {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("cpu").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.number = given.integer("cpu", 0, u64::from(u32::MAX))? as u32;
        self.negated = given.negated;
        Ok(())
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --cpu {}", self.number));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = if self.negated { "! " } else { "" };
        out.push_str(&format!(" cpu {bang}{}", self.number));
    }
}
