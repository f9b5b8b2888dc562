//! What the address translations share: the range to choose from and how to choose.

use std::fmt;
use std::net::IpAddr;

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, address, leading_number};
use crate::netfilter::{Family, PortRange, Protocol, services};

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

/// What becomes of the BASE in `P-Q/BASE`.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Base {
    /// It counts.
    Kept,
    /// The tool reads it and hands the kernel a zero.
    Lost,
    /// It is refused.
    Refused,
}

impl NatRange {
    /// Takes one option in: `--to-…` or a flag.
    pub(super) fn set(&mut self, given: &Given<'_>, base: Base) -> Result<(), Fault> {
        match given.option {
            "to-source" | "to-destination" => return self.addresses_and_ports(given, base),
            "to-ports" => return self.ports(given.argument(0), given, base),
            "random" => self.random = true,
            "random-fully" => self.random_fully = true,
            _ => self.persistent = true,
        }
        Ok(())
    }

    /// `[ADDRESS[-ADDRESS]][:PORT[-PORT[/BASE]]]`; IPv6 addresses with ports stand in brackets.
    fn addresses_and_ports(&mut self, given: &Given<'_>, base: Base) -> Result<(), Fault> {
        let (addresses, ports) = split(given.argument(0))?;
        if let Some(ports) = ports {
            self.ports(ports, given, base)?;
        }
        if addresses.is_empty() && ports.is_some() {
            return Ok(());
        }
        let (first, last) = addresses.split_once('-').unwrap_or((addresses, addresses));
        let one = |text: &str| {
            address(text, given.family).ok_or_else(|| {
                let help = match given.family {
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
    fn ports(&mut self, text: &str, given: &Given<'_>, base: Base) -> Result<(), Fault> {
        let fault = |message: String| Fault::usage(message).help("as in `80` or `8000-8010`");
        let invalid = |text: &str| fault(format!("Port `{text}' not valid"));
        let (min, rest) = match leading_port(text) {
            Some(found) => found,
            None => (services::port(text).ok_or_else(|| invalid(text))?, ""),
        };
        check_protocol(given)?;
        let Some(range) = rest.strip_prefix('-') else {
            self.ports = Some(PortRange::single(min));
            return match rest.chars().next() {
                None => Ok(()),
                Some(':') => Err(fault("Invalid port:port syntax - use dash".to_owned())),
                Some(_) => Err(fault(format!("Garbage after port value: `{rest}'"))),
            };
        };
        let (max, rest) = leading_port(range).ok_or_else(|| invalid(range))?;
        if min > max {
            let help = format!("write the lower port first: {max}-{min}");
            return Err(Fault::usage(format!("Port range `{range}' funky")).help(help));
        }
        self.ports = Some(PortRange { min, max });
        let Some(shift) = rest.strip_prefix('/') else {
            return match rest {
                "" => Ok(()),
                rest => Err(fault(format!("Garbage after port range: `{rest}'"))),
            };
        };
        let from = leading_port(shift).map(|(port, _)| port).filter(|port| *port > 0);
        let from = from.or_else(|| services::port(shift)).ok_or_else(|| invalid(shift))?;
        self.base_port = match base {
            Base::Kept => Some(from),
            Base::Lost => Some(0),
            Base::Refused => {
                let message = "Shifted portmap ranges not supported with this kernel";
                return Err(Fault::usage(message).help("leave the `/BASE` out, or use DNAT"));
            }
        };
        Ok(())
    }

    /// `PORT[-PORT[/BASE]]`
    pub(super) fn ports_text(&self) -> Option<String> {
        let base = self.base_port.map_or(String::new(), |base| format!("/{base}"));
        self.ports.map(|ports| match ports.min == ports.max {
            true => format!("{}{base}", ports.min),
            false => format!("{}-{}{base}", ports.min, ports.max),
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
        Ok(())
    }
}

/// A port, and what follows it.
fn leading_port(text: &str) -> Option<(u16, &str)> {
    let (number, rest) = leading_number(text)?;
    u16::try_from(number).ok().map(|port| (port, rest))
}

/// Ports make sense in rules about a protocol that has them, named before them.
fn check_protocol(given: &Given<'_>) -> Result<(), Fault> {
    use Protocol as P;
    let protocol = given.protocol.map(|protocol| protocol.value);
    match protocol {
        Some(P::TCP | P::UDP | P::SCTP | P::DCCP | P::ICMP) => Ok(()),
        Some(_) | None => {
            let message = "Need TCP, UDP, SCTP or DCCP with port specification";
            Err(Fault::usage(message).help("write the protocol before it, as in `-p tcp`"))
        }
    }
}

/// `ADDRESSES`, `ADDRESSES:PORTS`, `[ADDRESSES]:PORTS` or `:PORTS`. Without brackets a single `:`
/// begins the ports; more are an IPv6 address.
fn split(text: &str) -> Result<(&str, Option<&str>), Fault> {
    let unclosed =
        || Fault::usage("Invalid address format").help("close the bracket: `[ADDRESS]:PORT`");
    match text.split_once('[') {
        Some((_, inner)) => {
            let (addresses, rest) = inner.split_once(']').ok_or_else(unclosed)?;
            Ok((addresses, rest.split_once(':').map(|(_, ports)| ports)))
        }
        None => Ok(match text.split_once(':') {
            Some((addresses, ports)) if !ports.contains(':') => (addresses, Some(ports)),
            Some(_) | None => (text, None),
        }),
    }
}
