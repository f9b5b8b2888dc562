//! `-j TOS`: changes the type of service or traffic class octet (kernel: xt_DSCP, TOS).

use crate::netfilter::Table;
use crate::netfilter::fault::Fault;
use crate::netfilter::matches::tos::{name, value_and_mask};
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt};

/// `tos = (tos & !mask) ^ value`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tos {
    /// Bits flipped afterwards.
    pub value: u8,
    /// Bits cleared first.
    pub mask: u8,
}

impl Words for Tos {
    fn options(&self) -> &'static [Opt] {
        const ALL: &[&str] = &["set-tos", "and-tos", "or-tos", "xor-tos"];
        const OPTIONS: &[Opt] = &[
            opt("set-tos").excludes(ALL),
            opt("and-tos").excludes(ALL),
            opt("or-tos").excludes(ALL),
            opt("xor-tos").excludes(ALL),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let bits = || given.integer("TOS", 0, 255).map(|bits| bits as u8);
        (self.value, self.mask) = match given.option {
            "set-tos" => value_and_mask(given.argument(0))?,
            "and-tos" => (0, !bits()?),
            "or-tos" => bits().map(|bits| (bits, bits))?,
            _ => (bits()?, 0),
        };
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some("TOS: An action is required", "--set-tos VALUE")
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Mangle)
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --set-tos {:#04x}/{:#04x}", self.value, self.mask));
    }

    fn list(&self, out: &mut String, look: Look) {
        let Self { value, mask } = *self;
        let name = name(value, mask);
        out.push_str(&match (value, mask) {
            (_, _) if look.numeric => format!(" TOS set {value:#04x}/{mask:#04x}"),
            // The tool sets the blank in the wrong place.
            (_, _) if name.is_some() => format!("  TOS set{}", name.unwrap_or_default()),
            (0, mask) => format!(" TOS and {:#04x}", !mask),
            (value, mask) if value == mask => format!(" TOS or {value:#04x}"),
            (value, 0) => format!(" TOS xor {value:#04x}"),
            (value, mask) => format!(" TOS set {value:#04x}/{mask:#04x}"),
        });
    }
}
