//! `-m ttl`: the time to live of an IPv4 packet (kernel: xt_hl).

use crate::netfilter::Family;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt};

/// `[!] --ttl-eq N`, `--ttl-lt N` or `--ttl-gt N`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ttl {
    /// How the packet's value is compared.
    pub comparison: HopComparison,
    /// With what.
    pub value: u8,
}

/// How a packet's time to live or hop limit is compared with the rule's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HopComparison {
    /// The same.
    #[default]
    Equal,
    /// Another.
    NotEqual,
    /// The packet's is less.
    Less,
    /// The packet's is greater.
    Greater,
}

impl HopComparison {
    /// What an option of `ttl` or `hl` asks for.
    pub(super) fn asked(given: &Given<'_>) -> Self {
        match (given.option, given.negated) {
            ("ttl-lt" | "hl-lt", _) => Self::Less,
            ("ttl-gt" | "hl-gt", _) => Self::Greater,
            (_, true) => Self::NotEqual,
            (_, false) => Self::Equal,
        }
    }

    /// The end of its option's name and what stands before it.
    pub(super) fn option(self, name: &str) -> String {
        match self {
            Self::Equal => format!(" --{name}-eq"),
            Self::NotEqual => format!(" ! --{name}-eq"),
            Self::Less => format!(" --{name}-lt"),
            Self::Greater => format!(" --{name}-gt"),
        }
    }

    /// Its sign in a listing.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::Greater => ">",
        }
    }
}

impl Words for Ttl {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("ttl-lt").excludes(&["ttl-eq", "ttl-gt"]),
            opt("ttl-gt").excludes(&["ttl-eq", "ttl-lt"]),
            opt("ttl-eq").alias(&["ttl"]).negatable().excludes(&["ttl-lt", "ttl-gt"]),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.value = u8::try_from(given.integer("ttl", 0, 255)?).unwrap_or(u8::MAX);
        self.comparison = HopComparison::asked(given);
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some(
            "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt",
            "--ttl-eq VALUE",
        )
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V4)
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!("{} {}", self.comparison.option("ttl"), self.value));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" TTL match TTL {} {}", self.comparison.sign(), self.value));
    }
}
