//! `-m tos`: the type-of-service octet (IPv6: traffic class; kernel: xt_dscp, tos revision 1).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, leading_number, opt};

/// `[!] --tos VALUE[/MASK]` or a name: `packet & mask == value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tos {
    /// Compared with.
    pub value: u8,
    /// Bits that count.
    pub mask: u8,
    /// `!`
    pub negated: bool,
}

/// Values by name (RFC 1349).
pub(in crate::netfilter) const NAMES: [(&str, u8); 5] = [
    ("Minimize-Delay", 0x10),
    ("Maximize-Throughput", 0x08),
    ("Maximize-Reliability", 0x04),
    ("Minimize-Cost", 0x02),
    ("Normal-Service", 0x00),
];

/// The bits a name speaks of: all but those of ECN, and the two above that RFC 1349 knew nothing
/// of are left as they are.
pub(in crate::netfilter) const NAME_MASK: u8 = 0x3f;

/// `VALUE[/MASK]` or a name, as value and mask.
pub(in crate::netfilter) fn value_and_mask(text: &str) -> Result<(u8, u8), Fault> {
    let byte = |text| {
        leading_number(text).and_then(|(value, rest)| Some((u8::try_from(value).ok()?, rest)))
    };
    let help = "write numbers from 0 to 255, as in `0x10/0x3f`, or a name, as `Minimize-Delay`";
    let Some((value, rest)) = byte(text) else {
        let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        return named.map(|(_, value)| (*value, NAME_MASK)).ok_or_else(|| {
            Fault::usage(format!("Symbolic name \"{text}\" is unknown")).help(help)
        });
    };
    let illegal = || Fault::usage(format!("Illegal value: \"{text}\"")).help(help);
    match rest.strip_prefix('/') {
        Some(mask) => match byte(mask) {
            Some((mask, "")) => Ok((value, mask)),
            Some(_) | None => Err(illegal()),
        },
        None if rest.is_empty() => Ok((value, u8::MAX)),
        None => Err(illegal()),
    }
}

/// The name that a value and mask have.
pub(in crate::netfilter) fn name(value: u8, mask: u8) -> Option<&'static str> {
    let named = NAMES.iter().find(|(_, own)| *own == value && mask == NAME_MASK);
    named.map(|(name, _)| *name)
}

impl Words for Tos {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("tos").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        (self.value, self.mask) = value_and_mask(given.argument(0))?;
        self.negated = given.negated;
        Ok(())
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --tos {:#04x}/{:#04x}", self.value, self.mask));
    }

    fn list(&self, out: &mut String, look: Look) {
        let bang = if self.negated { "!" } else { "" };
        let name = name(self.value, self.mask).filter(|_| !look.numeric);
        out.push_str(&match name {
            Some(name) => format!(" tos match{bang} {name}"),
            None => format!(" tos match{bang}{:#04x}/{:#04x}", self.value, self.mask),
        });
    }
}
