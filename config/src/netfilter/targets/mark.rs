//! `-j MARK`: changes the packet's mark (kernel: xt_MARK, revision 2).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt};

/// `mark = (mark & !mask) ^ value`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// Bits flipped afterwards.
    pub value: u32,
    /// Bits cleared first.
    pub mask: u32,
}

/// Only one of them may be given.
const OPERATIONS: &[&str] = &["set-mark", "and-mark", "or-mark", "xor-mark", "set-xmark"];

/// What clearing `mask` and flipping `value` comes to, as listings say it.
pub(super) fn operation(value: u32, mask: u32) -> String {
    match (value, mask) {
        (0, mask) => format!("and {:#x}", !mask),
        (value, mask) if value == mask => format!("or {value:#x}"),
        (value, 0) => format!("xor {value:#x}"),
        (value, u32::MAX) => format!("set {value:#x}"),
        (value, mask) => format!("xset {value:#x}/{mask:#x}"),
    }
}

impl Words for Mark {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("set-xmark").excludes(OPERATIONS),
            opt("set-mark").excludes(OPERATIONS),
            opt("and-mark").excludes(OPERATIONS),
            opt("or-mark").excludes(OPERATIONS),
            opt("xor-mark").excludes(OPERATIONS),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        (self.value, self.mask) = match given.option {
            "set-xmark" => given.mark("MARK")?,
            "set-mark" => given.mark("MARK").map(|(value, mask)| (value, value | mask))?,
            "and-mark" => (0, !given.word("MARK")?),
            "or-mark" => given.word("MARK").map(|bits| (bits, bits))?,
            _ => (given.word("MARK")?, 0),
        };
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        let message = "MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required";
        rule.some(message, "--set-mark VALUE")
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --set-xmark {:#x}/{:#x}", self.value, self.mask));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" MARK {}", operation(self.value, self.mask)));
    }
}
