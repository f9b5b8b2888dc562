//! `-j CONNMARK`: changes the connection's mark, or copies between it and the packet's
//! (kernel: xt_CONNMARK, revision 2).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Surroundings, Words, opt};

/// What to do with which bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnMark {
    /// What to do.
    pub operation: ConnMarkOperation,
    /// Bits of the connection's mark.
    pub connection_mask: u32,
    /// Bits of the packet's mark.
    pub packet_mask: u32,
    /// Shifts the result before it is stored; at most 31.
    pub shift: ConnMarkShift,
}

/// What to do with the marks; `new` is shifted before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnMarkOperation {
    /// `connection = (connection & !connection_mask) ^ value`
    Set(u32),
    /// `--save-mark`: `connection = (connection & !connection_mask) ^ (packet & packet_mask)`
    Save,
    /// `--restore-mark`: `packet = (packet & !packet_mask) ^ (connection & connection_mask)`
    Restore,
}

/// A shift of the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnMarkShift {
    /// `--left-shift-mark`; 0 is none.
    Left(u8),
    /// `--right-shift-mark`
    Right(u8),
}

impl Default for ConnMark {
    fn default() -> Self {
        Self {
            operation: ConnMarkOperation::Set(0),
            connection_mask: u32::MAX,
            packet_mask: u32::MAX,
            shift: ConnMarkShift::Left(0),
        }
    }
}

/// The options that say what to do; only one of them may be given.
const OPERATIONS: &[&str] =
    &["set-mark", "save-mark", "restore-mark", "and-mark", "or-mark", "xor-mark", "set-xmark"];

impl ConnMark {
    fn set_value(&mut self, value: u32, mask: u32) {
        self.operation = ConnMarkOperation::Set(value);
        self.connection_mask = mask;
    }

    /// ` left-shift-mark 4`, if there is a shift; the words have that before them.
    fn shift_text(&self, dashes: &str) -> String {
        match self.shift {
            ConnMarkShift::Left(0) | ConnMarkShift::Right(0) => String::new(),
            ConnMarkShift::Left(bits) => format!(" {dashes}left-shift-mark {bits}"),
            ConnMarkShift::Right(bits) => format!(" {dashes}right-shift-mark {bits}"),
        }
    }
}

impl Words for ConnMark {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("set-xmark").excludes(OPERATIONS),
            opt("set-mark").excludes(OPERATIONS),
            opt("and-mark").excludes(OPERATIONS),
            opt("or-mark").excludes(OPERATIONS),
            opt("xor-mark").excludes(OPERATIONS),
            opt("save-mark").arguments(0).excludes(OPERATIONS),
            opt("restore-mark").arguments(0).excludes(OPERATIONS),
            opt("left-shift-mark"),
            opt("right-shift-mark"),
            opt("ctmask").excludes(&["mask"]),
            opt("nfmask").excludes(&["mask"]),
            opt("mask"),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let shift = || given.integer("CONNMARK", 0, 255).map(|bits| bits as u8);
        match given.option {
            "set-xmark" | "set-mark" => {
                let (value, mask) = given.mark("CONNMARK")?;
                let more = if given.option == "set-mark" { value } else { 0 };
                self.set_value(value, mask | more);
            }
            "and-mark" => self.set_value(0, !given.word("CONNMARK")?),
            "or-mark" => {
                let bits = given.word("CONNMARK")?;
                self.set_value(bits, bits);
            }
            "xor-mark" => self.set_value(given.word("CONNMARK")?, 0),
            "save-mark" => self.operation = ConnMarkOperation::Save,
            "restore-mark" => self.operation = ConnMarkOperation::Restore,
            "left-shift-mark" => self.shift = ConnMarkShift::Left(shift()?),
            "right-shift-mark" => self.shift = ConnMarkShift::Right(shift()?),
            "ctmask" => self.connection_mask = given.word("CONNMARK")?,
            "nfmask" => self.packet_mask = given.word("CONNMARK")?,
            _ => {
                self.packet_mask = given.word("CONNMARK")?;
                self.connection_mask = self.packet_mask;
            }
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        match rule.seen.iter().any(|name| OPERATIONS.contains(name)) {
            true => Ok(()),
            false => Err(Fault::usage("CONNMARK target: No operation specified")
                .help("add `--set-mark VALUE`, `--save-mark` or `--restore-mark`")),
        }
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        let (ConnMarkShift::Left(bits) | ConnMarkShift::Right(bits)) = self.shift;
        match bits {
            0..32 => None,
            _ => Objection::invalid("marks have 32 bits: shift by 0 to 31"),
        }
    }

    fn save(&self, out: &mut String) {
        let masks =
            format!(" --nfmask {:#x} --ctmask {:#x}", self.packet_mask, self.connection_mask);
        out.push_str(&match self.operation {
            ConnMarkOperation::Set(value) => {
                format!(" --set-xmark {value:#x}/{:#x}", self.connection_mask)
            }
            ConnMarkOperation::Save => format!(" --save-mark{masks}"),
            ConnMarkOperation::Restore => format!(" --restore-mark{masks}"),
        });
        out.push_str(&self.shift_text("--"));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let (packet, connection) = (self.packet_mask, self.connection_mask);
        let copy = |verb: &str, first: (&str, u32), second: (&str, u32)| match (first.1, second.1) {
            (u32::MAX, u32::MAX) => verb.to_owned(),
            (a, b) if a == b => format!("{verb} mask {a:#x}"),
            (a, b) => format!("{verb} {} {a:#x} {} ~{b:#x}", first.0, second.0),
        };
        let packet = ("nfmask", packet);
        let text = match self.operation {
            ConnMarkOperation::Set(value) => super::mark::operation(value, connection),
            ConnMarkOperation::Save => copy("save", packet, ("ctmask", connection)),
            ConnMarkOperation::Restore => copy("restore", ("ctmask", connection), packet),
        };
        out.push_str(&format!(" CONNMARK {text}{}", self.shift_text("")));
    }
}
