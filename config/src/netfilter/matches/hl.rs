//! `-m hl`: the hop limit of an IPv6 packet (kernel: xt_hl).

use super::HopComparison;
use crate::netfilter::Family;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt};

/// `[!] --hl-eq N`, `--hl-lt N` or `--hl-gt N`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hl {
    /// How the packet's value is compared.
    pub comparison: HopComparison,
    /// With what.
    pub value: u8,
}

impl Words for Hl {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("hl-lt").excludes(&["hl-eq", "hl-gt"]),
            opt("hl-gt").excludes(&["hl-eq", "hl-lt"]),
            opt("hl-eq").alias(&["hl"]).negatable().excludes(&["hl-lt", "hl-gt"]),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.value = u8::try_from(given.integer("hl", 0, 255)?).unwrap_or(u8::MAX);
        self.comparison = HopComparison::asked(given);
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some(
            "HL match: You must specify one of `--hl-eq', `--hl-lt', `--hl-gt'",
            "--hl-eq VALUE",
        )
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V6)
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!("{} {}", self.comparison.option("hl"), self.value));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" HL match HL {} {}", self.comparison.sign(), self.value));
    }
}
