//! `-j DSCP`: sets the differentiated services code point.

use crate::netfilter::Table;
use crate::netfilter::fault::Fault;
use crate::netfilter::matches::dscp::CLASSES;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt};

/// `--set-dscp VALUE`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dscp {
    /// 0 to 63.
    pub value: u8,
}

impl Words for Dscp {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] =
            &[opt("set-dscp").excludes(&["set-dscp-class"]), opt("set-dscp-class")];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        if given.option == "set-dscp" {
            self.value = given.integer("DSCP", 0, 63).map(|value| value as u8)?;
            return Ok(());
        }
        let text = given.argument(0);
        let class = CLASSES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let unknown = || {
            Fault::usage(format!("Invalid DSCP value `{text}'"))
                .help("classes are CS0 to CS7, BE, AF11 to AF43 and EF")
        };
        self.value = class.ok_or_else(unknown)?.1;
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some("DSCP target: Parameter --set-dscp is required", "--set-dscp VALUE")
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Mangle)
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --set-dscp {:#04x}", self.value));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" DSCP set {:#04x}", self.value));
    }
}
