//! `-m connlimit`: how many connections a host or network has (kernel: xt_connlimit, revision 1).

use crate::netfilter::Family;
use crate::netfilter::address::{AddressMask, inet_aton, numeric};
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, number, opt};

/// `--connlimit-above N | --connlimit-upto N [--connlimit-mask LENGTH] [--connlimit-daddr]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connlimit {
    /// Connections, this packet's included.
    pub limit: u32,
    /// Whether the rule matches above the limit; up to it otherwise.
    pub above: bool,
    /// Leading bits of the address that tell groups apart.
    pub prefix: u8,
    /// Whether destinations are counted; sources otherwise.
    pub by_destination: bool,
}

/// A prefix length, or the mask that says it. A mask with gaps counts as all bits, and for IPv4 so
/// does any number too large, which the tools take for an address.
pub(super) fn prefix(given: &Given<'_>, text: &str, extension: &str) -> Result<u8, Fault> {
    let bits = given.family.bits();
    let length = number(text).and_then(|length| u8::try_from(length).ok());
    if let Some(length) = length.filter(|length| *length <= bits) {
        return Ok(length);
    }
    let mask = match given.family {
        Family::V4 => inet_aton(text).map(Into::into),
        Family::V6 => numeric(text, Family::V6),
    };
    match mask {
        Some(mask) => Ok(AddressMask::new(mask, mask)
            .and_then(|mask| mask.prefix_length())
            .unwrap_or(u8::MAX)),
        None => {
            let message = format!(
                "{extension}: bad value for option \"--{}\", neither a valid network mask nor valid CIDR (0-{bits}).\n",
                given.option
            );
            Err(Fault::usage(message).help(format!("write a length from 0 to {bits}")))
        }
    }
}

impl Words for Connlimit {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("connlimit-upto").negatable().excludes(&["connlimit-above"]),
            opt("connlimit-above").negatable().excludes(&["connlimit-upto"]),
            opt("connlimit-mask"),
            opt("connlimit-saddr").arguments(0).excludes(&["connlimit-daddr"]),
            opt("connlimit-daddr").arguments(0).excludes(&["connlimit-saddr"]),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let limit = || {
            let limit = given.integer("connlimit", 0, u64::from(u32::MAX));
            limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX))
        };
        match given.option {
            "connlimit-upto" => (self.limit, self.above) = (limit()?, given.negated),
            "connlimit-above" => (self.limit, self.above) = (limit()?, !given.negated),
            "connlimit-mask" => {
                self.prefix =
                    prefix(given, given.argument(0), "connlimit")?.min(given.family.bits())
            }
            option => self.by_destination = option == "connlimit-daddr",
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        if !rule.seen.contains(&"connlimit-mask") {
            self.prefix = rule.family.bits();
        }
        let given = |option: &&str| ["connlimit-upto", "connlimit-above"].contains(option);
        match rule.seen.iter().any(given) {
            true => Ok(()),
            false => {
                Err(Fault::usage("You must specify \"--connlimit-above\" or \"--connlimit-upto\".")
                    .help("add `--connlimit-above NUMBER`"))
            }
        }
    }

    fn save(&self, out: &mut String) {
        let side = if self.above { "above" } else { "upto" };
        let address = if self.by_destination { "daddr" } else { "saddr" };
        let Self { limit, prefix, .. } = self;
        out.push_str(&format!(
            " --connlimit-{side} {limit} --connlimit-mask {prefix} --connlimit-{address}"
        ));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let sign = if self.above { ">" } else { "<=" };
        let address = if self.by_destination { "dst" } else { "src" };
        out.push_str(&format!(" #conn {address}/{} {sign} {}", self.prefix, self.limit));
    }
}
