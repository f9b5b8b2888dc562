//! `-m multiport`: up to fifteen ports; a range counts two.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt, port};
use crate::netfilter::{PortRange, Protocol};

/// `[!] --sports | --dports | --ports LIST`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiport {
    /// Which of the packet's ports.
    pub side: PortSide,
    /// `!`
    pub negated: bool,
    /// Any of these, in the order written.
    pub ports: Vec<PortRange>,
}

/// Which of a packet's ports is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortSide {
    /// `--sports`
    Source,
    /// `--dports`
    Destination,
    /// `--ports`: either of them.
    Either,
}

/// The kernel's XT_MULTI_PORTS.
const MAX: usize = 15;

impl Default for Multiport {
    fn default() -> Self {
        Self { side: PortSide::Destination, negated: false, ports: Vec::new() }
    }
}

impl Multiport {
    fn parse(text: &str) -> Result<Vec<PortRange>, Fault> {
        let mut ports = Vec::new();
        let mut slots = 0;
        for word in text.split(',') {
            let range = match word.split_once(':') {
                Some((min, max)) => PortRange { min: port(min)?, max: port(max)? },
                None => PortRange::single(port(word)?),
            };
            if word.contains(':') && range.min >= range.max {
                let help = format!("write the lower port first: {}:{}", range.max, range.min);
                return Err(Fault::usage("invalid portrange specified").help(help));
            }
            slots += if range.min == range.max { 1 } else { 2 };
            ports.push(range);
        }
        if slots > MAX {
            let help = "15 ports fit, a range counts two; split the rule";
            return Err(Fault::usage("too many ports specified").help(help));
        }
        Ok(ports)
    }

    fn text(&self, name: impl Fn(u16) -> String) -> String {
        let one = |range: &PortRange| match range.min == range.max {
            true => name(range.min),
            false => format!("{}:{}", name(range.min), name(range.max)),
        };
        self.ports.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

impl Words for Multiport {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("source-ports").alias(&["sports"]).negatable(),
            opt("destination-ports").alias(&["dports"]).negatable(),
            opt("ports").negatable(),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.ports = Self::parse(given.argument(0))?;
        self.negated = given.negated;
        self.side = match given.option {
            "source-ports" => PortSide::Source,
            "destination-ports" => PortSide::Destination,
            _ => PortSide::Either,
        };
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        if let [first, second, ..] = rule.seen {
            let message = format!(
                "multiport: option \"--{second}\" cannot be used together with \"--{first}\".\n"
            );
            return Err(Fault::usage(message).help("write one `-m multiport` for each"));
        }
        if rule.seen.is_empty() {
            return Err(Fault::usage("multiport expection an option").help("add `--dports LIST`"));
        }
        if !rule.has_ports() && !rule.is(Protocol::UDPLITE) {
            let message =
                "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'";
            return Err(Fault::usage(message).help("write the protocol before it"));
        }
        Ok(())
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        let option = match self.side {
            PortSide::Source => "sports",
            PortSide::Destination => "dports",
            PortSide::Either => "ports",
        };
        out.push_str(&format!("{bang} --{option} {}", self.text(|port| port.to_string())));
    }

    fn list(&self, out: &mut String, look: Look) {
        let side = match self.side {
            PortSide::Source => "sports",
            PortSide::Destination => "dports",
            PortSide::Either => "ports",
        };
        let bang = if self.negated { " !" } else { "" };
        let udp = look.protocol.is_some_and(|protocol| protocol.value == Protocol::UDP);
        let transport = if udp { 'u' } else { 't' };
        let ports = self.text(|port| super::port_name(port, look.numeric, transport));
        out.push_str(&format!(" multiport {side} {bang}{ports}"));
    }
}
