//! `-m dscp`: the differentiated services code point (RFC 2474; kernel: xt_dscp).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt};

/// `[!] --dscp VALUE` or `[!] --dscp-class NAME`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dscp {
    /// 0 to 63.
    pub value: u8,
    /// `!`
    pub negated: bool,
}

/// Code points by name (RFC 2474, 2597, 3246), in the order the tools try them.
pub(in crate::netfilter) const CLASSES: [(&str, u8); 22] = [
    ("CS0", 0),
    ("CS1", 8),
    ("CS2", 16),
    ("CS3", 24),
    ("CS4", 32),
    ("CS5", 40),
    ("CS6", 48),
    ("CS7", 56),
    ("BE", 0),
    ("AF11", 10),
    ("AF12", 12),
    ("AF13", 14),
    ("AF21", 18),
    ("AF22", 20),
    ("AF23", 22),
    ("AF31", 26),
    ("AF32", 28),
    ("AF33", 30),
    ("AF41", 34),
    ("AF42", 36),
    ("AF43", 38),
    ("EF", 46),
];

/// The code point of a class, whose name may have anything behind it, as the tools have it.
fn code_point(text: &str) -> Result<u8, Fault> {
    let begins = |name: &str| {
        let start = text.as_bytes().get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    };
    CLASSES.iter().find(|(name, _)| begins(name)).map(|(_, value)| *value).ok_or_else(|| {
        Fault::usage(format!("Invalid DSCP value `{text}'"))
            .help("classes are CS0 to CS7, BE, AF11 to AF43 and EF")
    })
}

impl Words for Dscp {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("dscp").negatable().excludes(&["dscp-class"]),
            opt("dscp-class").negatable().excludes(&["dscp"]),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.value = match given.option {
            "dscp" => u8::try_from(given.integer("dscp", 0, 63)?).unwrap_or(63),
            _ => code_point(given.argument(0))?,
        };
        self.negated |= given.negated;
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some("DSCP match: Parameter --dscp is required", "--dscp VALUE")
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --dscp {:#04x}", self.value));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = if self.negated { "!" } else { "" };
        out.push_str(&format!(" DSCP match {bang}{:#04x}", self.value));
    }
}
