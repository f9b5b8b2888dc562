//! `-m multiport`: up to fifteen ports; a range counts two.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, opt, port};
use crate::netfilter::{Negatable, PortRange, Protocol};

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

/// The rule must have said by then that it is about one protocol with ports.
fn check_protocol(protocol: Option<Negatable<Protocol>>) -> Result<(), Fault> {
    use Protocol as P;
    let message = match protocol {
        Some(Negatable {
            negated: false,
            value: P::TCP | P::UDP | P::UDPLITE | P::SCTP | P::DCCP,
        }) => return Ok(()),
        Some(_) => "multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP",
        None => "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'",
    };
    Err(Fault::usage(message).help("write the protocol before it"))
}

impl Words for Multiport {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("source-ports")
                .alias(&["sports"])
                .negatable()
                .excludes(&["destination-ports", "ports"]),
            opt("destination-ports")
                .alias(&["dports"])
                .negatable()
                .excludes(&["source-ports", "ports"]),
            opt("ports").negatable().excludes(&["source-ports", "destination-ports"]),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        check_protocol(given.protocol)?;
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
        rule.some("multiport expection an option", "--dports LIST")
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
        let transport = match look.protocol.map(|protocol| protocol.value) {
            Some(Protocol::TCP) => Some('t'),
            Some(Protocol::UDP) => Some('u'),
            Some(_) | None => None,
        };
        let ports = self.text(|port| match transport {
            Some(transport) => super::port_name(port, look.numeric, transport),
            None => port.to_string(),
        });
        out.push_str(&format!(" multiport {side} {bang}{ports}"));
    }
}
