//! `-j TTL` and `-j HL`: change how far a packet may still go (kernel: xt_HL).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt};
use crate::netfilter::{Family, Table};

/// A change of the hop limit. It never goes above 255 or below 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HopChange {
    /// To this value.
    Set(u8),
    /// Up by this many.
    Increment(u8),
    /// Down by this many.
    Decrement(u8),
}

impl Default for HopChange {
    fn default() -> Self {
        Self::Set(0)
    }
}

impl HopChange {
    fn read(given: &Given<'_>, extension: &str) -> Result<Self, Fault> {
        let least = |min| given.integer(extension, min, 255).map(|hops| hops as u8);
        Ok(match given.option.rsplit('-').next() {
            Some("inc") => Self::Increment(least(1)?),
            Some("dec") => Self::Decrement(least(1)?),
            Some(_) | None => Self::Set(least(0)?),
        })
    }

    fn save(self, prefix: &str, out: &mut String) {
        out.push_str(&match self {
            Self::Set(hops) => format!(" --{prefix}-set {hops}"),
            Self::Increment(hops) => format!(" --{prefix}-inc {hops}"),
            Self::Decrement(hops) => format!(" --{prefix}-dec {hops}"),
        });
    }

    fn list(self, name: &str, out: &mut String) {
        out.push_str(&match self {
            Self::Set(hops) => format!(" {name} set to {hops}"),
            Self::Increment(hops) => format!(" {name} increment by {hops}"),
            Self::Decrement(hops) => format!(" {name} decrement by {hops}"),
        });
    }
}

/// `-j TTL`, IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ttl {
    /// What becomes of the time to live.
    pub change: HopChange,
}

impl Words for Ttl {
    fn options(&self) -> &'static [Opt] {
        const ALL: &[&str] = &["ttl-set", "ttl-inc", "ttl-dec"];
        const OPTIONS: &[Opt] = &[
            opt("ttl-set").excludes(ALL),
            opt("ttl-dec").excludes(ALL),
            opt("ttl-inc").excludes(ALL),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.change = HopChange::read(given, "TTL")?;
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some("TTL: You must specify an action", "--ttl-set VALUE")
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V4)
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Mangle)
    }

    fn save(&self, out: &mut String) {
        self.change.save("ttl", out);
    }

    fn list(&self, out: &mut String, _look: Look) {
        self.change.list("TTL", out);
    }
}

/// `-j HL`, IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hl {
    /// What becomes of the hop limit.
    pub change: HopChange,
}

impl Words for Hl {
    fn options(&self) -> &'static [Opt] {
        const ALL: &[&str] = &["hl-set", "hl-inc", "hl-dec"];
        const OPTIONS: &[Opt] = &[
            opt("hl-set").excludes(ALL),
            opt("hl-dec").excludes(ALL),
            opt("hl-inc").excludes(ALL),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.change = HopChange::read(given, "HL")?;
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some("HL: You must specify an action", "--hl-set VALUE")
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V6)
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Mangle)
    }

    fn save(&self, out: &mut String) {
        self.change.save("hl", out);
    }

    fn list(&self, out: &mut String, _look: Look) {
        self.change.list("HL", out);
    }
}
