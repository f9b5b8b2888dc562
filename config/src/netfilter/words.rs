//! What a match or target tells the parser and the printers about itself.
//!
//! ```text
//! command line ── options() ──▶ set() … finish() ──▶ the struct ──▶ save(), list()
//! ```

use std::net::IpAddr;

use super::fault::Fault;
pub(crate) use super::given::Given;
pub(crate) use super::numbers::{atoll, leading_number, number, number16, strtoul};
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
