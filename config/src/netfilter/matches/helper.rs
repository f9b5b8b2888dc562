//! `-m helper`: which helper announced the packet's connection (kernel: xt_helper).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, cut, opt, quoted};

/// `[!] --helper NAME`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Helper {
    /// `!`
    pub negated: bool,
    /// At most 29 bytes: `ftp`, `ftp-2121`; empty for any helper.
    pub name: String,
}

/// The kernel's buffer of 30 bytes, less the final zero.
const MAX: usize = 29;

impl Words for Helper {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("helper").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        // A longer one is cut, not refused.
        self.name = cut(given.argument(0), MAX);
        self.negated = given.negated;
        Ok(())
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --helper {}", quoted(&self.name)));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = if self.negated { "! " } else { "" };
        out.push_str(&format!(" helper match {bang}\"{}\"", self.name));
    }
}
