//! `-m icmp`: ICMP type and code.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, bang, leading_number, opt};
use crate::netfilter::{Family, Negatable, Protocol};

/// `[!] --icmp-type TYPE[/CODE]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Icmp {
    /// Absent: any type.
    pub icmp_type: Option<Negatable<IcmpType>>,
}

/// A type and the codes meant, for ICMP and ICMPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IcmpType {
    /// The type; `None` is `any`, which matches every type (ICMPv4 only).
    pub kind: Option<u8>,
    /// Lowest code.
    pub min_code: u8,
    /// Highest code.
    pub max_code: u8,
}

impl IcmpType {
    /// Every type and code.
    pub const ANY: Self = Self { kind: None, min_code: 0, max_code: 255 };

    /// Whether a message of that type and code is meant.
    pub fn matches(&self, kind: u8, code: u8) -> bool {
        self.kind.is_none_or(|own| own == kind && (self.min_code..=self.max_code).contains(&code))
    }
}

/// The type that stands for all of them.
const ANY: u8 = 255;

/// ICMPv4's names: type, lowest and highest code. The first name of a meaning is the one printed.
const NAMES: &[(&str, u8, u8, u8)] = &[
    ("any", ANY, 0, 255),
    ("echo-reply", 0, 0, 255),
    ("pong", 0, 0, 255),
    ("destination-unreachable", 3, 0, 255),
    ("network-unreachable", 3, 0, 0),
    ("host-unreachable", 3, 1, 1),
    ("protocol-unreachable", 3, 2, 2),
    ("port-unreachable", 3, 3, 3),
    ("fragmentation-needed", 3, 4, 4),
    ("source-route-failed", 3, 5, 5),
    ("network-unknown", 3, 6, 6),
    ("host-unknown", 3, 7, 7),
    ("network-prohibited", 3, 9, 9),
    ("host-prohibited", 3, 10, 10),
    ("TOS-network-unreachable", 3, 11, 11),
    ("TOS-host-unreachable", 3, 12, 12),
    ("communication-prohibited", 3, 13, 13),
    ("host-precedence-violation", 3, 14, 14),
    ("precedence-cutoff", 3, 15, 15),
    ("source-quench", 4, 0, 255),
    ("redirect", 5, 0, 255),
    ("network-redirect", 5, 0, 0),
    ("host-redirect", 5, 1, 1),
    ("TOS-network-redirect", 5, 2, 2),
    ("TOS-host-redirect", 5, 3, 3),
    ("echo-request", 8, 0, 255),
    ("ping", 8, 0, 255),
    ("router-advertisement", 9, 0, 255),
    ("router-solicitation", 10, 0, 255),
    ("time-exceeded", 11, 0, 255),
    ("ttl-exceeded", 11, 0, 255),
    ("ttl-zero-during-transit", 11, 0, 0),
    ("ttl-zero-during-reassembly", 11, 1, 1),
    ("parameter-problem", 12, 0, 255),
    ("ip-header-bad", 12, 0, 0),
    ("required-option-missing", 12, 1, 1),
    ("timestamp-request", 13, 0, 255),
    ("timestamp-reply", 14, 0, 255),
    ("address-mask-request", 17, 0, 255),
    ("address-mask-reply", 18, 0, 255),
];

impl IcmpType {
    /// A name (or the beginning of only one), or `TYPE[/CODE]`.
    pub(super) fn parse(
        text: &str,
        names: &[(&str, u8, u8, u8)],
        family: &str,
    ) -> Result<Self, Fault> {
        let lower = text.to_ascii_lowercase();
        let begun = |entry: &&(&str, u8, u8, u8)| entry.0.to_ascii_lowercase().starts_with(&lower);
        let mut candidates = names.iter().filter(begun);
        match (candidates.next(), candidates.next()) {
            (Some(first), Some(second)) => {
                let (first, second) = (first.0, second.0);
                let message = format!("Ambiguous {family} type `{text}': `{first}' or `{second}'?");
                return Err(Fault::usage(message).help("write the whole name"));
            }
            (Some((_, kind, min_code, max_code)), None) => {
                return Ok(Self { kind: Some(*kind), min_code: *min_code, max_code: *max_code });
            }
            (None, _) => {}
        }
        let near = crate::diagnostic::nearest(&lower, names.iter().map(|entry| entry.0));
        let help = near.map_or_else(
            || "write a number as `TYPE/CODE` or a name such as `echo-request`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let bad = |message: String| Fault::usage(message).help(help.clone());
        let unknown = |what: &str| bad(format!("Unknown {family} {what} `{text}'"));
        let (kind, last_kind, rest) = byte_range(text).ok_or_else(|| unknown("type"))?;
        let (min_code, max_code, rest) = match rest.strip_prefix('/') {
            Some(codes) => byte_range(codes).ok_or_else(|| unknown("code"))?,
            None => (0, u8::MAX, rest),
        };
        if let Some(character) = rest.chars().next() {
            return Err(bad(format!("unknown character {character}")));
        }
        match kind == last_kind {
            true => Ok(Self { kind: Some(kind), min_code, max_code }),
            false => Err(bad(format!("{family} type range not supported"))),
        }
    }

    /// `any`, `TYPE` or `TYPE/CODE`; of a range of codes the tools write the first.
    pub(super) fn text(&self) -> String {
        match (self.kind, self.min_code, self.max_code) {
            (None, _, _) => "any".to_owned(),
            (Some(kind), 0, u8::MAX) => kind.to_string(),
            (Some(kind), code, _) => format!("{kind}/{code}"),
        }
    }

    /// The column of a listing.
    pub(super) fn list(
        out: &mut String,
        value: &Negatable<Self>,
        column: &str,
        names: &[(&str, u8, u8, u8)],
        numeric: bool,
    ) {
        let Self { kind, min_code, max_code } = value.value;
        let number = kind.unwrap_or(u8::MAX);
        let meant = |entry: &&(&str, u8, u8, u8)| {
            (entry.1, entry.2, entry.3) == (number, min_code, max_code)
        };
        let bang = if value.negated { "!" } else { "" };
        let name = names.iter().find(meant).map(|entry| entry.0).filter(|_| !numeric);
        let codes = match (min_code, max_code) {
            (0, u8::MAX) => String::new(),
            (min, max) if min == max => format!(" code {min}"),
            (min, max) => format!(" codes {min}-{max}"),
        };
        out.push_str(&match name {
            Some(name) => format!(" {column} {bang}{name}"),
            None if value.negated => format!(" {column} !type {number}{codes}"),
            None => format!(" {column}type {number}{codes}"),
        });
    }
}

/// `N` or `N:N`, and what follows.
fn byte_range(text: &str) -> Option<(u8, u8, &str)> {
    let byte =
        |text| leading_number(text).and_then(|(byte, rest)| Some((u8::try_from(byte).ok()?, rest)));
    let (low, rest) = byte(text)?;
    match rest.strip_prefix(':') {
        Some(high) => byte(high).map(|(high, rest)| (low, high, rest)),
        None => Some((low, low, rest)),
    }
}

impl Words for Icmp {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("icmp-type").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let value = IcmpType::parse(given.argument(0), NAMES, "ICMP")?;
        let kind = value.kind.filter(|kind| *kind != ANY);
        let value = IcmpType { kind, ..value };
        self.icmp_type = given.negatable(value);
        Ok(())
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        protocol == Some(Negatable::plain(Protocol::ICMP))
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V4)
    }

    fn save(&self, out: &mut String) {
        if let Some(value) = &self.icmp_type {
            out.push_str(&format!("{} --icmp-type {}", bang(value), value.value.text()));
        }
    }

    fn list(&self, out: &mut String, look: Look) {
        if let Some(value) = &self.icmp_type {
            IcmpType::list(out, value, "icmp", NAMES, look.numeric);
        }
    }
}
