//! `-m iprange`: addresses between two others (kernel: xt_iprange, revision 1).

use std::net::IpAddr;

use crate::netfilter::address::{numeric, shown};
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, bang, opt};
use crate::netfilter::{Family, Negatable};

/// `[!] --src-range FIRST[-LAST]`, `[!] --dst-range FIRST[-LAST]`; both must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Iprange {
    /// Where the packet comes from.
    pub source: Option<Negatable<AddressRange>>,
    /// Where it goes to.
    pub destination: Option<Negatable<AddressRange>>,
}

/// An inclusive range of addresses of one family. The kernel takes one whose last address lies
/// before its first; nothing is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRange {
    /// Lowest.
    pub first: IpAddr,
    /// Highest.
    pub last: IpAddr,
}

impl AddressRange {
    fn parse(given: &Given<'_>) -> Result<Self, Fault> {
        let text = given.argument(0);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let address = |text: &str| {
            numeric(text, given.family).ok_or_else(|| {
                let (option, example) = (given.option, example(given.family));
                let message = format!("iprange: Bad value for \"--{option}\" option: \"{text}\"");
                Fault::usage(message).help(format!("write two addresses, as in `{example}`"))
            })
        };
        Ok(Self { first: address(first)?, last: address(last)? })
    }

    fn text(&self) -> String {
        format!("{}-{}", shown(self.first), shown(self.last))
    }
}

fn example(family: Family) -> &'static str {
    match family {
        Family::V4 => "10.1.0.5-10.1.0.9",
        Family::V6 => "fd00:1::5-fd00:1::9",
    }
}

impl Words for Iprange {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("src-range").negatable(), opt("dst-range").negatable()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let range = given.negatable(AddressRange::parse(given)?);
        match given.option {
            "src-range" => self.source = range,
            _ => self.destination = range,
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some(
            "iprange match: You must specify `--src-range' or `--dst-range'",
            "--src-range FIRST-LAST",
        )
    }

    fn warning(&self, _seen: &[&'static str]) -> Option<String> {
        let ranges = [self.source, self.destination].into_iter().flatten();
        let reversed = ranges.map(|range| range.value).filter(|range| range.first > range.last);
        let lines = reversed.map(|range| {
            format!("xt_iprange: range {} is reversed and will never match", range.text())
        });
        lines.reduce(|lines, line| format!("{lines}\n{line}"))
    }

    fn save(&self, out: &mut String) {
        for (range, option) in [(self.source, "src-range"), (self.destination, "dst-range")] {
            if let Some(range) = range {
                out.push_str(&format!("{} --{option} {}", bang(&range), range.value.text()));
            }
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        for (range, side) in [(self.source, "source"), (self.destination, "destination")] {
            if let Some(range) = range {
                out.push_str(&format!(" {side} IP range{} {}", bang(&range), range.value.text()));
            }
        }
    }
}
