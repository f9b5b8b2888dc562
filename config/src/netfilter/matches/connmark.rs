//! `-m connmark`: the connection's mark (kernel: xt_connmark, revision 1).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// `[!] --mark VALUE[/MASK]`: `connection & mask == value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connmark {
    /// `!`
    pub negated: bool,
    /// Compared with.
    pub value: u32,
    /// Bits that count.
    pub mask: u32,
}

impl Connmark {
    fn text(&self) -> String {
        match self.mask {
            u32::MAX => format!("{:#x}", self.value),
            mask => format!("{:#x}/{mask:#x}", self.value),
        }
    }
}

impl Words for Connmark {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("mark").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        (self.value, self.mask) = given.mark("connmark")?;
        self.negated = given.negated;
        Ok(())
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --mark {}", self.text()));
    }

    fn list(&self, out: &mut String, _look: Look) {
        // The value brings a blank of its own.
        let bang = if self.negated { "!" } else { "" };
        out.push_str(&format!(" connmark match {bang} {}", self.text()));
    }
}
