//! What a match or target tells the parser and the printers about itself.
//!
//! ```text
//! command line ── options() ──▶ set() … finish() ──▶ the struct ──▶ save(), list()
//! ```

use std::net::IpAddr;

use super::fault::Fault;
use super::sets::Sets;
use super::{Family, Hook, Negatable, PortRange, Protocol, Table};

/// One option of a match or target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opt {
    /// The name that messages use, without dashes.
    pub(crate) name: &'static str,
    /// Other names for it.
    pub(crate) aliases: &'static [&'static str],
    /// How many words follow.
    pub(crate) arguments: usize,
    /// Whether `!` may precede it.
    pub(crate) negatable: bool,
    /// Whether it may not be left out.
    pub(crate) required: bool,
    /// Options that may not stand beside it, in the order in which the tools name them.
    pub(crate) excludes: &'static [&'static str],
    /// Options that must stand beside it.
    pub(crate) requires: &'static [&'static str],
    /// Whether it may be given again.
    pub(crate) repeatable: bool,
}

/// An option with one argument.
pub(crate) const fn opt(name: &'static str) -> Opt {
    Opt {
        name,
        aliases: &[],
        arguments: 1,
        negatable: false,
        required: false,
        excludes: &[],
        requires: &[],
        repeatable: false,
    }
}

impl Opt {
    /// Every name it goes by.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    pub(crate) const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(crate) const fn arguments(mut self, arguments: usize) -> Self {
        self.arguments = arguments;
        self
    }

    pub(crate) const fn negatable(mut self) -> Self {
        self.negatable = true;
        self
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    pub(crate) const fn excludes(mut self, excludes: &'static [&'static str]) -> Self {
        self.excludes = excludes;
        self
    }

    pub(crate) const fn requires(mut self, requires: &'static [&'static str]) -> Self {
        self.requires = requires;
        self
    }
}

/// An option as it was given.
pub(crate) struct Given<'a> {
    pub(crate) option: &'static str,
    pub(crate) negated: bool,
    pub(crate) arguments: &'a [&'a str],
    pub(crate) family: Family,
    /// `-p` as far as the rule is read.
    pub(crate) protocol: Option<Negatable<Protocol>>,
    /// The sets that exist, for those who name one.
    pub(crate) sets: &'a dyn Sets,
}

impl Given<'_> {
    /// Its `n`-th argument.
    pub(crate) fn argument(&self, n: usize) -> &str {
        self.arguments.get(n).copied().unwrap_or_default()
    }

    /// The second of its two arguments, or the tool's complaint that it is not there.
    pub(crate) fn second(&self, complaint: &str) -> Result<&str, Fault> {
        self.arguments.get(1).copied().ok_or_else(|| {
            Fault::usage(complaint).help(format!("two words follow `--{}`", self.option))
        })
    }

    pub(crate) fn negatable<T>(&self, value: T) -> Option<Negatable<T>> {
        Some(Negatable { negated: self.negated, value })
    }

    /// A number in C's notation from `min` to `max`, refused as the tools' shared option parser
    /// refuses it (xtoptions.c, XTTYPE_UINT8 to XTTYPE_UINT64).
    pub(crate) fn integer(&self, extension: &str, min: u64, max: u64) -> Result<u64, Fault> {
        let fits = |number: &u64| (min..=max).contains(number);
        number(self.argument(0)).filter(fits).ok_or_else(|| {
            let message = format!(
                "{extension}: bad value for option \"--{}\", or out of range ({min}-{max}).\n",
                self.option
            );
            Fault::usage(message).help(format!("write a number from {min} to {max}"))
        })
    }

    /// `LOW:HIGH`, `LOW:`, `:HIGH`, one number for both or nothing at all for 0, refused as the
    /// tools' shared option parser refuses it (xtoptions.c, XTTYPE_UINT16RC and the like).
    pub(crate) fn integers(&self, extension: &str, max: u64) -> Result<(u64, u64), Fault> {
        let option = self.option;
        let refuse = |message: String| {
            let help = format!("write a number up to {max} or a range such as `64:1500`");
            Fault::usage(message).help(help)
        };
        let mut text = self.argument(0);
        let mut read = Vec::new();
        loop {
            if read.len() == 2 {
                let message = format!(
                    "{extension}: Too many components for option \"--{option}\" (max: 2)\n"
                );
                return Err(refuse(message));
            }
            let open = if read.len() == 1 { max } else { 0 };
            let (number, rest) = match text {
                "" => (open, text),
                _ if text.starts_with(':') => (open, text),
                _ => leading_number(text).filter(|(number, _)| *number <= max).ok_or_else(|| {
                    refuse(format!(
                        "{extension}: bad value for option \"--{option}\" near \"{text}\", or out of range (0-{max}).\n"
                    ))
                })?,
            };
            read.push(number);
            match rest.strip_prefix(':') {
                Some(behind) => text = behind,
                None if rest.is_empty() => break,
                None => {
                    return Err(refuse(format!(
                        "{extension}: Argument to \"--{option}\" has unexpected characters near \"{rest}\".\n"
                    )));
                }
            }
        }
        let low = read.first().copied().unwrap_or_default();
        Ok((low, read.get(1).copied().unwrap_or(low)))
    }

    /// `LOW:HIGH` of ports, as the tools' shared option parser has it (XTTYPE_PORTRC): names are
    /// looked up for any protocol, numbers are decimal and cut to 16 bits, and a range may be empty.
    pub(crate) fn port_range(&self, extension: &str) -> Result<PortRange, Fault> {
        let port = |text: &str, open: u16| {
            let number = || match strtoul(text, 10) {
                (number, "") => Some(number as u16),
                (_, _) => super::services::port(text),
            };
            let port = if text.is_empty() { Some(open) } else { number() };
            port.ok_or_else(|| {
                Fault::usage(format!("Port \"{text}\" does not resolve to anything.\n"))
                    .help("write a port number from 0 to 65535 or a service name such as `http`")
            })
        };
        let Some((low, high)) = self.argument(0).split_once(':') else {
            return port(self.argument(0), 0).map(PortRange::single);
        };
        let (high, more) = high.split_once(':').map_or((high, false), |(high, _)| (high, true));
        let range = PortRange { min: port(low, 0)?, max: port(high, u16::MAX)? };
        if more {
            let option = self.option;
            let message =
                format!("{extension}: Too many components for option \"--{option}\" (max: 2)\n");
            return Err(Fault::usage(message).help("write two ports at most"));
        }
        Ok(range)
    }

    /// `MIN[:MAX]`, 32 bits each; the maximum is the minimum where it is not written.
    pub(crate) fn span(&self, extension: &str) -> Result<Option<Negatable<(u32, u32)>>, Fault> {
        let (min, max) = self.integers(extension, u64::from(u32::MAX))?;
        Ok(self.negatable((min as u32, max as u32)))
    }

    /// A usage error about this option's argument, as `xtables_param_act` says it.
    pub(crate) fn bad_value(&self, extension: &str, option: &str) -> Fault {
        let text = self.argument(0);
        Fault::usage(format!("{extension}: Bad value for \"--{option}\" option: \"{text}\""))
    }

    /// A 32-bit number in C's notation.
    pub(crate) fn word(&self, extension: &str) -> Result<u32, Fault> {
        self.integer(extension, 0, u64::from(u32::MAX)).map(|number| number as u32)
    }

    /// `MARK[/MASK]`, 32 bits each.
    pub(crate) fn mark(&self, extension: &str) -> Result<(u32, u32), Fault> {
        let help = "write a number, with a mask where needed: `0x10/0xff`";
        let bad = || self.bad(extension).help(help);
        let leading = |text| {
            let (number, rest) = leading_number(text).ok_or_else(bad)?;
            u32::try_from(number).map(|number| (number, rest)).map_err(|_| bad())
        };
        let (value, rest) = leading(self.argument(0))?;
        let (mask, rest) = match rest.strip_prefix('/') {
            Some(mask) => leading(mask)?,
            None => (u32::MAX, rest),
        };
        if rest.is_empty() {
            return Ok((value, mask));
        }
        let option = self.option;
        Err(Fault::usage(format!(
            "{extension}: trailing garbage after value for option \"--{option}\".\n"
        ))
        .help(help))
    }

    /// "bad value" as the tools' shared option parser says it.
    pub(crate) fn bad(&self, extension: &str) -> Fault {
        let option = self.option;
        Fault::usage(format!(
            "{extension}: bad integer value for option \"--{option}\", or out of range.\n"
        ))
    }
}

/// The rest of the rule an extension stands in.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) family: Family,
    pub(crate) protocol: Option<Negatable<Protocol>>,
    /// Options given to this extension.
    pub(crate) seen: &'a [&'static str],
}

impl Surroundings<'_> {
    /// Refuses an extension given no option, which would do nothing.
    pub(crate) fn some(&self, message: &str, option: &str) -> Result<(), Fault> {
        match self.seen {
            [] => Err(Fault::usage(message).help(format!("add `{option}`"))),
            [_, ..] => Ok(()),
        }
    }
}

/// How a listing shows values.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// Numbers, no names.
    pub(crate) numeric: bool,
    /// The rule's protocol, whose ports have names.
    pub(crate) protocol: Option<Negatable<Protocol>>,
}

/// Where a rule stands.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) family: Family,
    pub(crate) table: Table,
    /// The hook of the builtin chain it stands in; none in a user's.
    pub(crate) hook: Option<Hook>,
    pub(crate) protocol: Option<Negatable<Protocol>>,
}

impl Place {
    /// Whether the rule is about that protocol alone.
    pub(crate) fn is(&self, protocol: Protocol) -> bool {
        self.protocol == Some(Negatable::plain(protocol))
    }
}

/// Why the kernel refuses a rule: the name of its error, and what to write instead.
pub(crate) struct Objection {
    pub(crate) reason: &'static str,
    pub(crate) help: String,
}

impl From<(&'static str, &'static str)> for Objection {
    fn from((reason, help): (&'static str, &'static str)) -> Self {
        Self { reason, help: help.to_owned() }
    }
}

impl Objection {
    /// EINVAL
    pub(crate) fn invalid(help: impl Into<String>) -> Option<Self> {
        Some(Self { reason: "Invalid argument", help: help.into() })
    }

    /// ENOENT
    pub(crate) fn missing(help: impl Into<String>) -> Option<Self> {
        Some(Self { reason: "No such file or directory", help: help.into() })
    }
}

/// A match's or target's words: options in, text out.
pub(crate) trait Words {
    /// Says which tool it is spoken to by, before any option is read.
    fn of_family(&mut self, _family: Family) {}

    /// Its options.
    fn options(&self) -> &'static [Opt];

    /// Takes one option in.
    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault>;

    /// Looks at the whole once the rule is read.
    fn finish(&mut self, _rule: &Surroundings<'_>) -> Result<(), Fault> {
        Ok(())
    }

    /// What the tools say on standard error of a rule they take all the same; `seen` are the options
    /// given.
    fn warning(&self, _seen: &[&'static str]) -> Option<String> {
        None
    }

    /// The message about an option given twice.
    fn repeated(&self, extension: &str, option: &Opt) -> String {
        format!("{extension}: option \"--{}\" can only be used once.\n", option.name)
    }

    /// Appends its options as `iptables-save` writes them, each with a space before it.
    fn save(&self, out: &mut String);

    /// Appends its columns as `iptables -L` writes them, each with a space before it.
    fn list(&self, out: &mut String, look: Look);

    /// The family it exists in; both where `None`.
    fn family(&self) -> Option<Family> {
        None
    }

    /// The only table the kernel takes it in.
    fn table(&self) -> Option<Table> {
        None
    }

    /// The hooks the kernel takes it at.
    fn hooks(&self) -> &'static [Hook] {
        &Hook::ALL
    }

    /// What the kernel says against the rule as it stands, where the above does not tell.
    fn objection(&self, _place: &Place) -> Option<Objection> {
        None
    }

    /// Whether nothing is left of it in the rule, as the tools translate it for the kernel.
    fn vanishes(&self) -> bool {
        false
    }

    /// Whether the kernel takes it in a rule about that protocol.
    fn fits(&self, _protocol: Option<Negatable<Protocol>>) -> bool {
        true
    }
}

/// A number as C's `strtoul` reads it with base 0: decimal, `0x…` or octal `0…`.
pub(crate) fn number(text: &str) -> Option<u64> {
    leading_number(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// The number a text begins with and what follows it, as C's `strtoul` with base 0 reads it, except
/// that a minus is refused (libxtables, `xtables_strtoul`). Blanks and a plus may stand before it.
pub(crate) fn leading_number(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let text = text.strip_prefix('+').unwrap_or(text);
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match hex.filter(|hex| hex.starts_with(|c: char| c.is_ascii_hexdigit())) {
        Some(hex) => (hex, 16),
        None if text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    Some((u64::from_str_radix(digits, radix).ok()?, rest))
}

/// C's `strtoul`: the number a text begins with and the rest; 0 and the whole text where it begins
/// with none, the highest one where it is too large. Base 0 knows `0x…` and octal `0…`. A minus is
/// taken, and wraps.
pub(crate) fn strtoul(text: &str, base: u32) -> (u64, &str) {
    let trimmed = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let signed = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    let digits = match base {
        0 => leading_number(signed).filter(|_| signed.starts_with(|c: char| c.is_ascii_digit())),
        base => {
            let end = signed.find(|c: char| !c.is_digit(base)).unwrap_or(signed.len());
            let (digits, rest) = signed.split_at(end);
            let number = || u64::from_str_radix(digits, base).unwrap_or(u64::MAX);
            (end > 0).then(|| (number(), rest))
        }
    };
    match digits {
        Some((number, rest)) if trimmed.starts_with('-') => (number.wrapping_neg(), rest),
        Some(found) => found,
        None => (0, text),
    }
}

/// C's `atoll`: the signed number a text begins with, 0 where it begins with none.
pub(crate) fn atoll(text: &str) -> i64 {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let number = match digits.get(..end).unwrap_or_default() {
        "" => 0,
        digits => digits.parse().unwrap_or(i64::MAX),
    };
    if text.starts_with('-') { -number } else { number }
}

/// A number up to 65535.
pub(crate) fn number16(text: &str) -> Option<u16> {
    number(text).and_then(|number| u16::try_from(number).ok())
}

/// A port by number or by service name.
pub(crate) fn port(text: &str) -> Result<u16, Fault> {
    number16(text).or_else(|| super::services::port(text)).ok_or_else(|| {
        Fault::usage(format!("invalid port/service `{text}' specified"))
            .help("write a port number from 0 to 65535 or a service name such as `http`")
    })
}

/// `PORT`, `LOW:HIGH`, `LOW:` or `:HIGH`.
pub(crate) fn port_range(text: &str) -> Result<PortRange, Fault> {
    let Some((low, high)) = text.split_once(':') else {
        return port(text).map(PortRange::single);
    };
    let min = if low.is_empty() { 0 } else { port(low)? };
    let max = if high.is_empty() { u16::MAX } else { port(high)? };
    if min > max {
        let help = format!("write the lower port first: {max}:{min}");
        return Err(Fault::usage("invalid portrange (min > max)").help(help));
    }
    Ok(PortRange { min, max })
}

/// The text's first bytes, for which the kernel has room.
pub(crate) fn cut(text: &str, max: usize) -> String {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// Why an empty argument is refused.
pub(crate) fn too_short() -> Fault {
    Fault::usage("Argument must have a minimum length of 1 characters\n")
        .help("write something, or leave the option out")
}

/// An address of the rule's family.
pub(crate) fn address(text: &str, family: Family) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    (address.is_ipv4() == (family == Family::V4)).then_some(address)
}

/// `!`, for the printers.
pub(crate) fn bang<T>(value: &Negatable<T>) -> &'static str {
    if value.negated { " !" } else { "" }
}

/// Text between quotes where it needs them, as the tools quote it.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '\'') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}
