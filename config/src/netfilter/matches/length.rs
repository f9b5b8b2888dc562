//! `-m length`: length of the whole IP packet (IPv6: payload length + 40).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// `[!] --length MIN[:MAX]`, bytes, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Length {
    /// `!`
    pub negated: bool,
    /// Shortest.
    pub min: u16,
    /// Longest.
    pub max: u16,
}

impl Length {
    fn text(&self) -> String {
        if self.min == self.max {
            self.min.to_string()
        } else {
            format!("{}:{}", self.min, self.max)
        }
    }
}

impl Words for Length {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("length").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let (min, max) = given.integers("length", u64::from(u16::MAX))?;
        let number = |length| u16::try_from(length).unwrap_or(u16::MAX);
        (self.min, self.max) = (number(min), number(max));
        self.negated = given.negated;
        Ok(())
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --length {}", self.text()));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = if self.negated { "!" } else { "" };
        out.push_str(&format!(" length {bang}{}", self.text()));
    }
}
