//! `-m length`: length of the whole IP packet (IPv6: payload length + 40).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, number16, opt};

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
        let text = given.argument(0);
        let bound = |text: &str, open: u16| match text {
            "" => Some(open),
            text => number16(text),
        };
        let range = match text.split_once(':') {
            Some((min, max)) => bound(min, 0).zip(bound(max, u16::MAX)),
            None => number16(text).map(|length| (length, length)),
        };
        let help = "write a length in bytes or a range such as `64:1500`";
        (self.min, self.max) = range.ok_or_else(|| given.bad("length").help(help))?;
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
