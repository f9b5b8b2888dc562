//! `-j MARK`: changes the packet's mark (kernel: xt_MARK, revision 2).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt, value_and_mask};

/// `mark = (mark & !mask) ^ value`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// Bits flipped afterwards.
    pub value: u32,
    /// Bits cleared first.
    pub mask: u32,
}

impl Words for Mark {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] =
            &[opt("set-xmark"), opt("set-mark"), opt("and-mark"), opt("or-mark"), opt("xor-mark")];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let help = "write a number, with a mask where needed: `0x10/0xff`";
        let parsed =
            value_and_mask(given.argument(0)).ok_or_else(|| given.bad("MARK").help(help))?;
        let (value, mask) = parsed;
        (self.value, self.mask) = match given.option {
            "set-xmark" => (value, mask),
            "set-mark" => (value, value | mask),
            "and-mark" => (0, !value),
            "or-mark" => (value, value),
            _ => (value, 0),
        };
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        match rule.seen {
            [_] => Ok(()),
            [] => Err(Fault::usage(
                "MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required",
            )
            .help("add `--set-mark VALUE`")),
            [first, second, ..] => {
                let message = format!(
                    "MARK: option \"--{second}\" cannot be used together with \"--{first}\".\n"
                );
                Err(Fault::usage(message).help("keep one of them"))
            }
        }
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --set-xmark {:#x}/{:#x}", self.value, self.mask));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let Self { value, mask } = *self;
        out.push_str(&match (value, mask) {
            (0, mask) => format!(" MARK and {:#x}", !mask),
            (value, mask) if value == mask => format!(" MARK or {value:#x}"),
            (value, 0) => format!(" MARK xor {value:#x}"),
            (value, u32::MAX) => format!(" MARK set {value:#x}"),
            (value, mask) => format!(" MARK xset {value:#x}/{mask:#x}"),
        });
    }
}
