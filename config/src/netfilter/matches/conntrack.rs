//! `-m conntrack`: what connection tracking knows of the packet (kernel: xt_conntrack, revision 3).

use crate::netfilter::address::host;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, bang, number, opt};
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

    /// A list of the first `known` names or beginnings of them; the error is what is left of the
    /// list from the first bad word on.
    pub(super) fn parse(text: &str, known: usize) -> Result<Self, String> {
        // A beginning of several names stands for the first of these.
        const ORDER: [&str; 7] =
            ["INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED", "SNAT", "DNAT"];
        let names = ORDER.into_iter().take(known);
        let find = |name| Self::NAMES.iter().find(|(own, _)| *own == name).map(|(_, state)| *state);
        let states = begun(text, names.filter_map(|name| Some((name, find(name)?))))?;
        Ok(states.into_iter().fold(Self::NONE, Self::union))
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
        let names = [("NONE", Self::NONE)].into_iter().chain(Self::NAMES);
        let status = begun(text, names).map_err(|rest| {
            Fault::usage(format!("Bad ctstatus \"{rest}\""))
                .help("status is NONE, EXPECTED, SEEN_REPLY, ASSURED or CONFIRMED")
        })?;
        Ok(Self(status.into_iter().fold(0, |bits, status| bits | status.0)))
    }
}

/// The meanings of a list of names, any of which may be cut short; the error is what is left of the
/// list from the first bad word on.
fn begun<T>(
    text: &str,
    names: impl Iterator<Item = (&'static str, T)> + Clone,
) -> Result<Vec<T>, String> {
    let (mut found, mut rest) = (Vec::new(), text);
    loop {
        let (word, behind) =
            rest.split_once(',').map_or((rest, None), |(word, behind)| (word, Some(behind)));
        let fits = |name: &str| {
            let start = name.get(..word.len());
            start.is_some_and(|start| !word.is_empty() && start.eq_ignore_ascii_case(word))
        };
        found.push(names.clone().find(|(name, _)| fits(name)).ok_or_else(|| rest.to_owned())?.1);
        match behind {
            Some(behind) => rest = behind,
            None => return Ok(found),
        }
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
    let (address, mask) =
        text.split_once('/').map_or((text, None), |(address, mask)| (address, Some(mask)));
    let (address, bits) = (host(address, given.family)?, given.family.bits());
    let length =
        mask.map_or(Ok(bits), |mask| super::connlimit::prefix(given, mask, "conntrack"))?;
    Ok(AddressMask::written(address, length.min(bits)).and_then(|value| given.negatable(value)))
}

fn ports(given: &Given<'_>) -> Result<Option<Negatable<PortRange>>, Fault> {
    Ok(given.negatable(given.port_range("conntrack")?))
}

/// `SECONDS[:SECONDS]`
fn expire(given: &Given<'_>) -> Result<Option<Negatable<(u32, u32)>>, Fault> {
    let (min, max) = given.integers("conntrack", u64::from(u32::MAX))?;
    let number = |seconds| u32::try_from(seconds).unwrap_or(u32::MAX);
    Ok(given.negatable((number(min), number(max))))
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
        let shown = |ports: &PortRange| match ports.max {
            0 => ports.min.to_string(),
            _ => ports.to_string(),
        };
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
                let number = match text {
                    "all" => Some(0),
                    text => number(text).and_then(|number| u8::try_from(number).ok()),
                };
                let protocol = number
                    .map(Protocol)
                    .or_else(|| Protocol::from_name(text))
                    .ok_or_else(|| {
                        Fault::usage(format!("unknown protocol \"{text}\" specified"))
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
                        return Err(given
                            .bad_value("conntrack", "ctdir")
                            .help("write ORIGINAL or REPLY"));
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
