//! `-m conntrack`: what connection tracking knows of the packet (kernel: xt_conntrack, revision 3).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{
    Given, Look, Opt, Surroundings, Words, bang, number, opt, port_range,
};
use std::fmt;

use crate::netfilter::{AddressMask, Negatable, PortRange, Protocol};

/// The options; each absent one matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conntrack {
    /// `--ctstate`
    pub state: Option<Negatable<CtStates>>,
    /// `--ctproto`, a layer-4 protocol number.
    pub protocol: Option<Negatable<u8>>,
    /// `--ctorigsrc`
    pub orig_source: Option<Negatable<AddressMask>>,
    /// `--ctorigdst`
    pub orig_destination: Option<Negatable<AddressMask>>,
    /// `--ctreplsrc`
    pub reply_source: Option<Negatable<AddressMask>>,
    /// `--ctrepldst`
    pub reply_destination: Option<Negatable<AddressMask>>,
    /// `--ctorigsrcport`
    pub orig_source_port: Option<Negatable<PortRange>>,
    /// `--ctorigdstport`
    pub orig_destination_port: Option<Negatable<PortRange>>,
    /// `--ctreplsrcport`
    pub reply_source_port: Option<Negatable<PortRange>>,
    /// `--ctrepldstport`
    pub reply_destination_port: Option<Negatable<PortRange>>,
    /// `--ctstatus`
    pub status: Option<Negatable<CtStatus>>,
    /// `--ctexpire`, seconds left, inclusive.
    pub expire: Option<Negatable<(u32, u32)>>,
    /// `--ctdir`; never negated, since the other direction says the same.
    pub direction: Option<CtDirection>,
}

/// A set of connection states, and whether the connection is translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CtStates(u8);

impl CtStates {
    /// None; as `--ctstate` a set that nothing is in.
    pub const NONE: Self = Self(0);
    /// Belongs to no connection and cannot begin one.
    pub const INVALID: Self = Self(1);
    /// Begins a connection, or continues one that was never answered.
    pub const NEW: Self = Self(2);
    /// Begins a connection that an existing one announced, or an error about one.
    pub const RELATED: Self = Self(4);
    /// Of a connection that was answered.
    pub const ESTABLISHED: Self = Self(8);
    /// Exempt from tracking.
    pub const UNTRACKED: Self = Self(16);
    /// Source address translated; `conntrack` only.
    pub const SNAT: Self = Self(32);
    /// Destination address translated; `conntrack` only.
    pub const DNAT: Self = Self(64);

    /// Both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in it.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A set of connection status bits, numbered as the kernel's `IPS_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CtStatus(pub u8);

impl CtStatus {
    /// No bit: `--ctstatus NONE`.
    pub const NONE: Self = Self(0);
    /// Announced by another connection.
    pub const EXPECTED: Self = Self(1);
    /// A reply was seen.
    pub const SEEN_REPLY: Self = Self(2);
    /// Not to be dropped early.
    pub const ASSURED: Self = Self(4);
    /// Its first packet left the box.
    pub const CONFIRMED: Self = Self(8);
}

/// `--ctdir`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CtDirection {
    /// As the first packet went.
    Original,
    /// The other way.
    Reply,
}

impl CtStates {
    /// What `-m state` knows.
    pub(super) const UNTRANSLATED: usize = 5;

    /// By name, in the order the tools print them.
    const NAMES: [(&str, Self); 7] = [
        ("INVALID", Self::INVALID),
        ("NEW", Self::NEW),
        ("RELATED", Self::RELATED),
        ("ESTABLISHED", Self::ESTABLISHED),
        ("UNTRACKED", Self::UNTRACKED),
        ("SNAT", Self::SNAT),
        ("DNAT", Self::DNAT),
    ];

    /// A list of the first `known` names; the error is the first bad word.
    pub(super) fn parse(text: &str, known: usize) -> Result<Self, String> {
        text.split(',').try_fold(Self::NONE, |states, word| {
            let mut names = Self::NAMES.iter().take(known);
            let found = names.find(|(name, _)| name.eq_ignore_ascii_case(word));
            found.map(|(_, state)| states.union(*state)).ok_or_else(|| word.to_owned())
        })
    }

    /// What to write instead of a bad word.
    pub(super) fn help(word: &str) -> String {
        let names = Self::NAMES.iter().map(|(name, _)| *name);
        match crate::diagnostic::nearest(&word.to_ascii_uppercase(), names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("states are {}", names.collect::<Vec<_>>().join(", ")),
        }
    }
}

impl fmt::Display for CtStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Self::NAMES
            .iter()
            .filter(|(_, state)| self.contains(*state))
            .map(|(name, _)| *name)
            .collect();
        f.write_str(&names.join(","))
    }
}

impl CtStatus {
    const NAMES: [(&str, Self); 4] = [
        ("EXPECTED", Self::EXPECTED),
        ("SEEN_REPLY", Self::SEEN_REPLY),
        ("ASSURED", Self::ASSURED),
        ("CONFIRMED", Self::CONFIRMED),
    ];

    fn parse(text: &str) -> Result<Self, Fault> {
        let mut bits = 0;
        for word in text.split(',').filter(|word| !word.eq_ignore_ascii_case("NONE")) {
            let found = Self::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
            let help = "status is NONE, EXPECTED, SEEN_REPLY, ASSURED or CONFIRMED";
            bits |= found
                .ok_or_else(|| Fault::usage(format!("Bad ctstatus \"{word}\"")).help(help))?
                .1
                .0;
        }
        Ok(Self(bits))
    }
}

impl fmt::Display for CtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Self::NAMES
            .iter()
            .filter(|(_, status)| self.0 & status.0 != 0)
            .map(|(name, _)| *name)
            .collect();
        f.write_str(&if names.is_empty() { "NONE".to_owned() } else { names.join(",") })
    }
}

/// `ADDRESS[/MASK]`; one address, no list.
fn address(given: &Given<'_>) -> Result<Option<Negatable<AddressMask>>, Fault> {
    let text = given.argument(0);
    let value = AddressMask::parse(text, given.family)?;
    Ok(given.negatable(value))
}

fn ports(given: &Given<'_>) -> Result<Option<Negatable<PortRange>>, Fault> {
    Ok(given.negatable(port_range(given.argument(0))?))
}

/// `SECONDS[:SECONDS]`
fn expire(given: &Given<'_>) -> Result<Option<Negatable<(u32, u32)>>, Fault> {
    let text = given.argument(0);
    let word = |text: &str, open: u32| match text {
        "" => Some(open),
        text => number(text).and_then(|number| u32::try_from(number).ok()),
    };
    let range = match text.split_once(':') {
        Some((min, max)) => word(min, 0).zip(word(max, u32::MAX)),
        None => word(text, 0).map(|seconds| (seconds, seconds)),
    };
    range.map(|range| given.negatable(range)).ok_or_else(|| given.bad("conntrack"))
}

impl Conntrack {
    /// Each option given, as name and text, in the order the tools write them.
    fn parts(&self) -> Vec<(bool, &'static str, String)> {
        let mut parts = Vec::new();
        fn push<T>(
            parts: &mut Vec<(bool, &'static str, String)>,
            name: &'static str,
            value: &Option<Negatable<T>>,
            text: impl Fn(&T) -> String,
        ) {
            if let Some(value) = value {
                parts.push((value.negated, name, text(&value.value)));
            }
        }
        let range = |(min, max): &(u32, u32)| match min == max {
            true => min.to_string(),
            false => format!("{min}:{max}"),
        };
        let shown = |port: &PortRange| port.to_string();
        let host = |address: &AddressMask| address.short_text();
        push(&mut parts, "ctstate", &self.state, |states| states.to_string());
        push(&mut parts, "ctproto", &self.protocol, |protocol| protocol.to_string());
        push(&mut parts, "ctorigsrc", &self.orig_source, host);
        push(&mut parts, "ctorigdst", &self.orig_destination, host);
        push(&mut parts, "ctreplsrc", &self.reply_source, host);
        push(&mut parts, "ctrepldst", &self.reply_destination, host);
        push(&mut parts, "ctorigsrcport", &self.orig_source_port, shown);
        push(&mut parts, "ctorigdstport", &self.orig_destination_port, shown);
        push(&mut parts, "ctreplsrcport", &self.reply_source_port, shown);
        push(&mut parts, "ctrepldstport", &self.reply_destination_port, shown);
        push(&mut parts, "ctstatus", &self.status, |status| status.to_string());
        push(&mut parts, "ctexpire", &self.expire, range);
        match self.direction {
            Some(CtDirection::Original) => parts.push((false, "ctdir", "ORIGINAL".to_owned())),
            Some(CtDirection::Reply) => parts.push((false, "ctdir", "REPLY".to_owned())),
            None => {}
        }
        parts
    }
}

impl Words for Conntrack {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("ctstate").negatable(),
            opt("ctproto").negatable(),
            opt("ctorigsrc").negatable(),
            opt("ctorigdst").negatable(),
            opt("ctreplsrc").negatable(),
            opt("ctrepldst").negatable(),
            opt("ctorigsrcport").negatable(),
            opt("ctorigdstport").negatable(),
            opt("ctreplsrcport").negatable(),
            opt("ctrepldstport").negatable(),
            opt("ctstatus").negatable(),
            opt("ctexpire").negatable(),
            opt("ctdir"),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        match given.option {
            "ctstate" => {
                let states = CtStates::parse(text, usize::MAX).map_err(|word| {
                    Fault::usage(format!("Bad ctstate \"{word}\"")).help(CtStates::help(&word))
                })?;
                self.state = given.negatable(states);
            }
            "ctproto" => {
                let protocol = Protocol::from_name(text).ok_or_else(|| {
                    Fault::usage(format!("conntrack: Unknown protocol \"{text}\" specified.\n"))
                        .help("write a protocol's name or number")
                })?;
                self.protocol = given.negatable(protocol.0);
            }
            "ctorigsrc" => self.orig_source = address(given)?,
            "ctorigdst" => self.orig_destination = address(given)?,
            "ctreplsrc" => self.reply_source = address(given)?,
            "ctrepldst" => self.reply_destination = address(given)?,
            "ctorigsrcport" => self.orig_source_port = ports(given)?,
            "ctorigdstport" => self.orig_destination_port = ports(given)?,
            "ctreplsrcport" => self.reply_source_port = ports(given)?,
            "ctrepldstport" => self.reply_destination_port = ports(given)?,
            "ctstatus" => self.status = given.negatable(CtStatus::parse(text)?),
            "ctexpire" => self.expire = expire(given)?,
            _ => {
                self.direction = Some(match text.to_ascii_uppercase().as_str() {
                    "ORIGINAL" => CtDirection::Original,
                    "REPLY" => CtDirection::Reply,
                    _ => {
                        let message =
                            format!("conntrack: Bad value for \"--ctdir\" option: \"{text}\"\n");
                        return Err(Fault::usage(message).help("write ORIGINAL or REPLY"));
                    }
                });
            }
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        match rule.seen {
            [] => Err(Fault::usage("conntrack: At least one option is required")
                .help("add `--ctstate LIST`")),
            [_, ..] => Ok(()),
        }
    }

    fn save(&self, out: &mut String) {
        for (negated, name, text) in self.parts() {
            let bang = bang(&Negatable { negated, value: () });
            out.push_str(&format!("{bang} --{name} {text}"));
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        for (negated, name, text) in self.parts() {
            let bang = bang(&Negatable { negated, value: () });
            out.push_str(&format!("{bang} {name} {text}"));
        }
    }
}
