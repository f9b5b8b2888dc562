//! What the address translations share: the range to choose from and how to choose.

use std::fmt;
use std::net::IpAddr;

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Surroundings, address, number16};
use crate::netfilter::{Family, PortRange};

/// Where to translate to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NatRange {
    /// First and last address; absent: the address stays (or the interface's is taken).
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// Ports or ICMP ids; absent: kept where free.
    pub ports: Option<PortRange>,
    /// `:p-q/BASE` of DNAT: the port keeps its distance from BASE.
    pub base_port: Option<u16>,
    /// `--random`
    pub random: bool,
    /// `--random-fully`
    pub random_fully: bool,
    /// `--persistent`: one client gets one address, whatever the server.
    pub persistent: bool,
}

impl NatRange {
    /// `[ADDRESS[-ADDRESS]][:PORT[-PORT[/BASE]]]`; IPv6 addresses with ports stand in brackets.
    pub(super) fn parse(&mut self, text: &str, family: Family, base: bool) -> Result<(), Fault> {
        let (addresses, ports) = match family {
            Family::V4 => text.split_once(':').map_or((text, None), |(a, p)| (a, Some(p))),
            Family::V6 => split_v6(text)?,
        };
        if let Some(ports) = ports {
            self.parse_ports(ports, base)?;
        }
        if addresses.is_empty() && ports.is_some() {
            return Ok(());
        }
        let (first, last) = addresses.split_once('-').unwrap_or((addresses, addresses));
        let one = |text: &str| {
            address(text, family).ok_or_else(|| {
                let help = match family {
                    Family::V4 => {
                        "write it as in `192.0.2.1`, `192.0.2.1-192.0.2.9` or `192.0.2.1:80`"
                    }
                    Family::V6 => "write it as in `2001:db8::1` or `[2001:db8::1]:80`",
                };
                Fault::usage(format!("Bad IP address \"{text}\"")).help(help)
            })
        };
        self.addresses = Some((one(first)?, one(last)?));
        Ok(())
    }

    /// `PORT[-PORT[/BASE]]`
    pub(super) fn parse_ports(&mut self, text: &str, base: bool) -> Result<(), Fault> {
        let invalid = |text: &str| {
            Fault::usage(format!("Port `{text}' not valid")).help("ports go from 0 to 65535")
        };
        let one = |text: &str| number16(text).ok_or_else(|| invalid(text));
        let (range, base_text) = match text.split_once('/') {
            Some((range, base_text)) if base => (range, Some(base_text)),
            Some(_) => return Err(invalid(text)),
            None => (text, None),
        };
        let (min, max) = match range.split_once('-') {
            Some((min, max)) => (one(min)?, one(max)?),
            None => (one(range)?, one(range)?),
        };
        if min > max {
            let help = format!("write the lower port first: {max}-{min}");
            return Err(Fault::usage(format!("Port range `{max}' funky")).help(help));
        }
        self.ports = Some(PortRange { min, max });
        self.base_port = base_text.map(one).transpose()?;
        Ok(())
    }

    /// Takes in one of `--random`, `--random-fully`, `--persistent`.
    pub(super) fn flag(&mut self, option: &str) {
        match option {
            "random" => self.random = true,
            "random-fully" => self.random_fully = true,
            _ => self.persistent = true,
        }
    }

    /// Ports make sense in rules about a protocol that has them.
    pub(super) fn check_ports(&self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        if self.ports.is_none() || rule.has_ports() {
            return Ok(());
        }
        let message = "Need TCP, UDP, SCTP or DCCP with port specification";
        Err(Fault::usage(message).help("write the protocol before it, as in `-p tcp`"))
    }

    /// `PORT[-PORT]`
    pub(super) fn ports_text(&self) -> Option<String> {
        self.ports.map(|ports| match ports.min == ports.max {
            true => ports.min.to_string(),
            false => format!("{}-{}", ports.min, ports.max),
        })
    }

    /// The flags as words: ` --random` in a save, ` random` in a listing.
    pub(super) fn flags_text(&self, dashes: &str) -> String {
        let flags = [
            ("random", self.random),
            ("random-fully", self.random_fully),
            ("persistent", self.persistent),
        ];
        flags.iter().filter(|(_, on)| *on).map(|(name, _)| format!(" {dashes}{name}")).collect()
    }
}

impl fmt::Display for NatRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed =
            self.ports.is_some() && self.addresses.is_some_and(|(first, _)| first.is_ipv6());
        if let Some((first, last)) = self.addresses {
            f.write_str(if bracketed { "[" } else { "" })?;
            write!(f, "{first}")?;
            if first != last {
                write!(f, "-{last}")?;
            }
            f.write_str(if bracketed { "]" } else { "" })?;
        }
        if let Some(ports) = self.ports_text() {
            write!(f, ":{ports}")?;
        }
        match self.base_port {
            Some(base) => write!(f, "/{base}"),
            None => Ok(()),
        }
    }
}

/// `ADDRESSES`, `[ADDRESSES]:PORTS` or `:PORTS`… a lone `:` before ports needs no brackets.
fn split_v6(text: &str) -> Result<(&str, Option<&str>), Fault> {
    let Some(inner) = text.strip_prefix('[') else {
        return Ok(match text.strip_prefix(':') {
            Some(ports) if !ports.contains(':') => ("", Some(ports)),
            Some(_) | None => (text, None),
        });
    };
    let unclosed =
        || Fault::usage("Invalid address format").help("close the bracket: `[ADDRESS]:PORT`");
    let (addresses, rest) = inner.split_once(']').ok_or_else(unclosed)?;
    match rest.strip_prefix(':') {
        Some(ports) => Ok((addresses, Some(ports))),
        None if rest.is_empty() => Ok((addresses, None)),
        None => Err(unclosed()),
    }
}
