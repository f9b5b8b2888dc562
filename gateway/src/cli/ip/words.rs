//! The words of an `ip` command: iproute2's abbreviations, prefixes and complaints.

use std::net::{IpAddr, Ipv4Addr};

use sluice_control::proto::{Family, Prefix};

use super::usage;
use crate::cli::failure::Failure;
use crate::cli::wire;

/// Whether `word` is `full` or a beginning of it.
pub(super) fn abbreviates(word: &str, full: &str) -> bool {
    !word.is_empty() && full.starts_with(word)
}

/// A cursor over the words of one command.
#[derive(Clone)]
pub(super) struct Words<'a> {
    rest: std::slice::Iter<'a, String>,
}

impl<'a> Words<'a> {
    pub(super) fn new(words: &'a [String]) -> Self {
        Self { rest: words.iter() }
    }

    pub(super) fn next(&mut self) -> Option<&'a str> {
        self.rest.next().map(String::as_str)
    }

    pub(super) fn peek(&self) -> Option<&'a str> {
        self.rest.as_slice().first().map(String::as_str)
    }

    /// The value behind a keyword that needs one.
    pub(super) fn value(&mut self) -> Result<&'a str, Failure> {
        self.next()
            .ok_or_else(|| usage("Command line is not complete. Try option \"help\"".to_owned()))
    }

    /// A number behind `keyword`.
    pub(super) fn number(&mut self, keyword: &str) -> Result<u32, Failure> {
        let text = self.value()?;
        let parsed = match text.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => text.parse(),
        };
        parsed.map_err(|_| wrong(text, &format!("\"{keyword}\" value is invalid")))
    }
}

/// iproute2's complaint about a value.
pub(super) fn wrong(value: &str, why: &str) -> Failure {
    usage(format!("Error: argument \"{value}\" is wrong: {why}"))
}

/// An address of the wanted family.
pub(super) fn address(text: &str, family: Family) -> Result<IpAddr, Failure> {
    text.parse()
        .ok()
        .or_else(|| partial_ipv4(text).map(IpAddr::V4))
        .filter(|address| matches_family(*address, family))
        .ok_or_else(|| {
            let name = family_name(family);
            usage(format!("Error: {name} address is expected rather than \"{text}\"."))
        })
}

/// `ADDRESS[/LENGTH]`, `default`, `all` or `any`, of the wanted family.
pub(super) fn prefix(text: &str, family: Family) -> Result<Prefix, Failure> {
    let expected = || {
        let name = if family == Family::Unspecified { "any valid" } else { family_name(family) };
        usage(format!("Error: {name} prefix is expected rather than \"{text}\"."))
    };
    if matches!(text, "default" | "all" | "any") {
        let any = match family {
            Family::Ipv6 => vec![0; 16],
            Family::Ipv4 | Family::Unspecified => vec![0; 4],
        };
        return Ok(Prefix { address: any, length: 0 });
    }
    let (host, length) = match text.split_once('/') {
        Some((host, length)) => (host, Some(length)),
        None => (text, None),
    };
    let address = address(host, family).map_err(|_| expected())?;
    let width = wire::width(address);
    let length = match length {
        Some(text) => {
            let bits = text.parse().ok().or_else(|| mask_length(text));
            bits.filter(|bits| *bits <= width).ok_or_else(expected)?
        }
        None => width,
    };
    Ok(wire::prefix(address, length))
}

/// The length of a netmask like 255.255.0.0.
fn mask_length(text: &str) -> Option<u32> {
    let mask = u32::from(text.parse::<Ipv4Addr>().ok()?);
    (mask.leading_ones() + mask.trailing_zeros() >= 32).then(|| mask.leading_ones())
}

/// `10.7` is 10.7.0.0, as iproute2 reads it.
fn partial_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut slots = octets.iter_mut();
    for part in text.split('.') {
        *slots.next()? = part.parse().ok()?;
    }
    Some(Ipv4Addr::from(octets))
}

fn matches_family(address: IpAddr, family: Family) -> bool {
    family == Family::Unspecified || family == wire::family_of(address)
}

fn family_name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "inet",
        Family::Ipv6 => "inet6",
        Family::Unspecified => "any valid",
    }
}

/// A routing table's number.
pub(super) fn table(text: &str) -> Result<u32, Failure> {
    match text {
        "default" => Ok(253),
        "main" => Ok(254),
        "local" => Ok(255),
        "all" => Ok(u32::MAX),
        _ => text.parse().map_err(|_| wrong(text, "\"table\" value is invalid")),
    }
}

/// A prefix as iproute2 prints it: "default", a bare host address, or ADDRESS/LENGTH.
pub(super) fn prefix_text(prefix: &Prefix) -> String {
    let address = wire::address_text(&prefix.address);
    match prefix.length {
        0 => "default".to_owned(),
        length if length as usize == prefix.address.len() * 8 => address,
        length => format!("{address}/{length}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_in_iproute2s_forms() {
        let read = |text, family| prefix(text, family).map(|p| (p.address, p.length)).ok();
        assert_eq!(read("10.7/16", Family::Unspecified), Some((vec![10, 7, 0, 0], 16)));
        assert_eq!(read("10.0.0.0/255.0.0.0", Family::Ipv4), Some((vec![10, 0, 0, 0], 8)));
        assert_eq!(read("default", Family::Ipv6), Some((vec![0; 16], 0)));
        assert_eq!(read("fd00::1", Family::Unspecified).map(|p| p.1), Some(128));
        assert_eq!(read("fd00::1", Family::Ipv4), None);
        assert_eq!(read("10.0.0.0/33", Family::Unspecified), None);
        assert_eq!(read("10.0.0.0/255.0.255.0", Family::Unspecified), None);
    }

    #[test]
    fn complaints_in_iproute2s_words() {
        assert_eq!(
            prefix("10.66.0.0/33", Family::Unspecified).expect_err("too long").to_string(),
            "Error: any valid prefix is expected rather than \"10.66.0.0/33\"."
        );
        let words = ["x".to_owned()];
        assert_eq!(
            Words::new(&words).number("metric").expect_err("no number").to_string(),
            "Error: argument \"x\" is wrong: \"metric\" value is invalid"
        );
    }

    #[test]
    fn prefixes_as_text() {
        let text = |text| prefix_text(&prefix(text, Family::Unspecified).expect(text));
        assert_eq!(text("0.0.0.0/0"), "default");
        assert_eq!(text("10.6.0.1/32"), "10.6.0.1");
        assert_eq!(text("fd00:1::/64"), "fd00:1::/64");
    }
}
