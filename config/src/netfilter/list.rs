//! What `iptables -L` prints.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::command::Style;
use super::words::Look;
use super::{
    AddressMask, Chain, Family, Fragment, InterfacePattern, Negatable, Protocol, Rule, Target,
};

/// The listing of these chains; with a number, that rule alone and no heading. `references` counts
/// the rules that lead to a chain.
pub(super) fn list(
    family: Family,
    chains: &[&Chain],
    number: Option<usize>,
    style: Style,
    references: impl Fn(&str) -> usize,
) -> String {
    let mut listing = Listing { family, style, out: String::new() };
    for (chain, nth) in chains.iter().zip(0..) {
        if number.is_none() {
            if nth > 0 {
                listing.out.push('\n');
            }
            listing.heading(chain, references(&chain.name));
        }
        for (rule, nth) in chain.rules.iter().zip(1..) {
            if number.is_none_or(|number| number == nth) {
                listing.rule(rule, nth);
            }
        }
    }
    listing.out
}

struct Listing {
    family: Family,
    style: Style,
    out: String,
}

impl Listing {
    fn verbose(&self) -> bool {
        self.style.verbose > 0
    }

    fn heading(&mut self, chain: &Chain, references: usize) {
        let exact = self.style.exact;
        let number = |number| short_number(number, exact);
        let _ = match chain.policy {
            Some(policy) if self.verbose() => {
                let (packets, bytes) = (chain.counters.packets, chain.counters.bytes);
                let (packets, bytes) = (number(packets), number(bytes));
                let (name, policy) = (&chain.name, policy.name());
                writeln!(
                    self.out,
                    "Chain {name} (policy {policy} {packets} packets, {bytes} bytes)"
                )
            }
            Some(policy) => writeln!(self.out, "Chain {} (policy {})", chain.name, policy.name()),
            None => writeln!(self.out, "Chain {} ({references} references)", chain.name),
        };
        if self.style.line_numbers {
            self.out.push_str("num  ");
        }
        let _ = match (self.verbose(), exact) {
            (true, true) => write!(self.out, "{:>8} {:>10} ", "pkts", "bytes"),
            (true, false) => write!(self.out, "{:>5} {:>5} ", "pkts", "bytes"),
            (false, _) => Ok(()),
        };
        self.out.push_str("target     prot opt ");
        if self.verbose() {
            self.out.push_str("in     out     ");
        }
        let _ = writeln!(self.out, "{:<20} {:<20}", "source", "destination");
    }

    fn rule(&mut self, rule: &Rule, nth: usize) {
        if self.style.line_numbers {
            let _ = write!(self.out, "{nth:<4} ");
        }
        if self.verbose() {
            let (packets, bytes) = (rule.counters.packets, rule.counters.bytes);
            let exact = self.style.exact;
            let width = if exact { 8 } else { 5 };
            let (packets, bytes) = (short_number(packets, exact), short_number(bytes, exact));
            let _ = write!(self.out, "{packets:>width$} {bytes:>width$} ");
        }
        let target = rule.target.as_ref().map_or("", Target::name);
        let _ = write!(self.out, "{target:<9} ");
        self.protocol(rule);
        self.out.push_str(match rule.fragment {
            Fragment::Any => "-- ",
            Fragment::Further => "-f ",
            Fragment::NotFurther => "!f ",
        });
        if self.verbose() {
            self.out.push(' ');
            self.interface(&rule.in_interface);
            self.interface(&rule.out_interface);
        }
        self.address(&rule.source);
        self.address(&rule.destination);
        if matches!(rule.target, Some(Target::Goto(_))) {
            self.out.push_str("[goto] ");
        }
        extensions(&mut self.out, rule, self.style.numeric);
        self.out.push('\n');
    }

    /// With `-n` a number, as 1.8.9 prints it.
    fn protocol(&mut self, rule: &Rule) {
        let name = match rule.protocol {
            Some(protocol) if self.style.numeric => protocol.value.0.to_string(),
            Some(protocol) => protocol.value.to_string(),
            None if self.style.numeric => "0".to_owned(),
            None => "all".to_owned(),
        };
        let bang = if rule.protocol.is_some_and(|protocol| protocol.negated) { '!' } else { ' ' };
        let _ = write!(self.out, "{bang}{name:<4} ");
    }

    fn interface(&mut self, interface: &Option<Negatable<InterfacePattern>>) {
        let text = match interface {
            Some(Negatable { negated: true, value }) => format!("!{value}"),
            Some(Negatable { negated: false, value }) => value.to_string(),
            None if self.style.numeric => "*".to_owned(),
            None => "any".to_owned(),
        };
        let _ = write!(self.out, "{text:<6} ");
    }

    fn address(&mut self, address: &Option<Negatable<AddressMask>>) {
        let numeric = self.style.numeric;
        let text = match (address, self.family) {
            (None, _) if !numeric => "anywhere".to_owned(),
            (None, Family::V4) => "0.0.0.0/0".to_owned(),
            (None, Family::V6) => "::/0".to_owned(),
            (Some(address), _) => {
                let loopback = [
                    AddressMask::host(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                    AddressMask::host(IpAddr::V6(Ipv6Addr::LOCALHOST)),
                ];
                match !numeric && loopback.contains(&address.value) {
                    true => "localhost".to_owned(),
                    false if numeric => address.value.short_text(),
                    false => named(address.value.address(), address.value.short_text()),
                }
            }
        };
        let bang = if address.is_some_and(|address| address.negated) { '!' } else { ' ' };
        let _ = write!(self.out, "{bang}{text:<19} ");
    }
}

/// An address or network under the name that Debian's `/etc/hosts` and `/etc/networks` have for its
/// address, the mask as it is.
fn named(address: IpAddr, text: String) -> String {
    let names = [
        (Ipv4Addr::LOCALHOST, "localhost"),
        (Ipv4Addr::new(127, 0, 0, 0), "loopback"),
        (Ipv4Addr::new(169, 254, 0, 0), "link-local"),
        (Ipv4Addr::UNSPECIFIED, "default"),
    ];
    match names.iter().find(|(own, _)| IpAddr::V4(*own) == address) {
        Some((_, name)) => text.replacen(&address.to_string(), name, 1),
        None => text,
    }
}

/// The rule on one line, as `-v` before a change to a chain says it.
pub(super) fn told(family: Family, rule: &Rule) -> String {
    let bang = |negated: bool| if negated { "!" } else { " " };
    let protocol = match rule.protocol {
        None => "all".to_owned(),
        Some(Negatable { value, .. }) if KNOWN_PROTOCOLS.contains(&value) => value.to_string(),
        Some(Negatable { value, .. }) => value.0.to_string(),
    };
    let fragment = match rule.fragment {
        Fragment::Any => "--",
        Fragment::Further => "-f",
        Fragment::NotFurther => "!f",
    };
    let interface = |interface: &Option<Negatable<InterfacePattern>>| match interface {
        Some(Negatable { negated: true, value }) => format!("!{value}"),
        Some(Negatable { negated: false, value }) => value.to_string(),
        None => "*".to_owned(),
    };
    let address = |address: &Option<Negatable<AddressMask>>| match (address, family) {
        (Some(address), _) => address.value.short_text(),
        (None, Family::V4) => "0.0.0.0/0".to_owned(),
        (None, Family::V6) => "::/0".to_owned(),
    };
    let mut out = format!(
        "{} {}{protocol} opt {fragment} in {} out {} {}{} {}-> {}  ",
        rule.target.as_ref().map_or("", Target::name),
        bang(rule.protocol.is_some_and(|protocol| protocol.negated)),
        interface(&rule.in_interface),
        interface(&rule.out_interface),
        bang(rule.source.is_some_and(|source| source.negated)),
        address(&rule.source),
        bang(rule.destination.is_some_and(|destination| destination.negated)),
        address(&rule.destination),
    );
    if matches!(rule.target, Some(Target::Goto(_))) {
        out.push_str("[goto] ");
    }
    extensions(&mut out, rule, true);
    out.push('\n');
    out
}

/// The protocols that the tools name by themselves.
const KNOWN_PROTOCOLS: [Protocol; 9] = [
    Protocol::TCP,
    Protocol::SCTP,
    Protocol::UDP,
    Protocol::UDPLITE,
    Protocol::ICMP,
    Protocol::ICMPV6,
    Protocol::ESP,
    Protocol::AH,
    Protocol::MOBILITY,
];

/// What the matches and the target say.
fn extensions(out: &mut String, rule: &Rule, numeric: bool) {
    let look = Look { numeric, protocol: rule.protocol };
    for item in rule.printed_matches().iter() {
        item.words().list(out, look);
    }
    if let Some(words) = rule.target.as_ref().and_then(Target::words) {
        words.list(out, look);
    }
}

/// A counter in at most five columns (`12345`, `1235K`), or whole.
fn short_number(number: u64, exact: bool) -> String {
    if exact || number <= 99_999 {
        return number.to_string();
    }
    // As the tool rounds, which comes to nothing next to the largest number.
    let thousandth = |number: u64| number.wrapping_add(500) / 1000;
    let mut rounded = number;
    for unit in ["K", "M", "G"] {
        rounded = thousandth(rounded);
        if rounded <= 9999 {
            return format!("{rounded}{unit}");
        }
    }
    format!("{}T", thousandth(rounded))
}
