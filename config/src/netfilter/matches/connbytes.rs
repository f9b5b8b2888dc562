//! `-m connbytes`: what a connection carried so far (kernel: xt_connbytes).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// `[!] --connbytes FROM[:TO] --connbytes-dir DIRECTION --connbytes-mode MODE`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connbytes {
    /// `!`; the kernel takes `FROM` and `TO` exchanged for it, so a single value cannot be negated.
    pub negated: bool,
    /// Lowest.
    pub from: u64,
    /// Highest.
    pub to: u64,
    /// Whose packets count.
    pub direction: ConnbytesDirection,
    /// What is counted.
    pub mode: ConnbytesMode,
}

/// Whose packets count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ConnbytesDirection {
    /// Those that go as the first one went.
    #[default]
    Original,
    /// Those that go back.
    Reply,
    /// All of them.
    Both,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ConnbytesMode {
    /// Packets.
    #[default]
    Packets,
    /// Bytes of IP packets.
    Bytes,
    /// Bytes by packets.
    AveragePacket,
}

const DIRECTIONS: [(&str, ConnbytesDirection); 3] = [
    ("original", ConnbytesDirection::Original),
    ("reply", ConnbytesDirection::Reply),
    ("both", ConnbytesDirection::Both),
];

const MODES: [(&str, ConnbytesMode); 3] = [
    ("packets", ConnbytesMode::Packets),
    ("bytes", ConnbytesMode::Bytes),
    ("avgpkt", ConnbytesMode::AveragePacket),
];

/// The value of that name.
fn named<T: Copy>(given: &Given<'_>, names: &[(&str, T)]) -> Result<T, Fault> {
    let text = given.argument(0);
    let found = names.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        Fault::usage(format!("Unknown --{} `{text}'", given.option))
            .help(format!("write one of {}", all.join(", ")))
    })
}

/// The name of that value.
fn name<T: Copy + PartialEq>(value: T, names: &[(&'static str, T)]) -> &'static str {
    names.iter().find(|(_, own)| *own == value).map_or("", |(name, _)| name)
}

impl Connbytes {
    fn range(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let (from, to) = given.integers("connbytes", u64::MAX)?;
        let to = if given.argument(0).contains(':') { to } else { u64::MAX };
        if to < from {
            let message = format!("{from} should be less than {to}");
            return Err(Fault::usage(message).help(format!("write {to}:{from}")));
        }
        (self.from, self.to) = (from, to);
        self.negated = given.negated && from != to;
        Ok(())
    }

    fn range_text(&self, dashes: &str) -> String {
        let bang = if self.negated { " !" } else { "" };
        let to = match self.to {
            0 | u64::MAX => String::new(),
            to => format!(":{to}"),
        };
        format!("{bang} {dashes}connbytes {}{to}", self.from)
    }
}

impl Words for Connbytes {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("connbytes").negatable().required(),
            opt("connbytes-dir").required(),
            opt("connbytes-mode").required(),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "connbytes" => self.range(given)?,
            "connbytes-dir" => self.direction = named(given, &DIRECTIONS)?,
            _ => self.mode = named(given, &MODES)?,
        }
        Ok(())
    }

    fn save(&self, out: &mut String) {
        let (mode, direction) = (name(self.mode, &MODES), name(self.direction, &DIRECTIONS));
        let range = self.range_text("--");
        out.push_str(&format!("{range} --connbytes-mode {mode} --connbytes-dir {direction}"));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let (mode, direction) = (name(self.mode, &MODES), name(self.direction, &DIRECTIONS));
        let range = self.range_text("");
        out.push_str(&format!("{range} connbytes mode {mode} connbytes direction {direction}"));
    }
}
