//! `-m policy`: how IPsec handled or is to handle a packet (kernel: xt_policy).

use std::net::IpAddr;

use crate::netfilter::fault::Fault;
use crate::netfilter::hosts;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Surroundings, Words, bang, opt};
use crate::netfilter::{Hook, Negatable, Protocol};

/// `--dir DIRECTION [--pol none|ipsec] [--strict] ELEMENT [--next ELEMENT]…`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `--dir`; never absent in a finished rule.
    pub direction: Option<PolicyDirection>,
    /// `--pol none`: no IPsec at all; there are no elements then.
    pub none: bool,
    /// `--strict`: the elements are the transforms, one by one; otherwise one of them fits some.
    pub strict: bool,
    /// At most four.
    pub elements: Vec<PolicyElement>,
}

/// Which of a packet's policies is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyDirection {
    /// What was undone when it came in.
    In,
    /// What is to be done when it leaves.
    Out,
}

/// What one transform must be; each absent option matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyElement {
    /// `--reqid`
    pub reqid: Option<Negatable<u32>>,
    /// `--spi`
    pub spi: Option<Negatable<u32>>,
    /// `--proto`: AH, ESP or IPComp.
    pub protocol: Option<Negatable<Protocol>>,
    /// `--mode`
    pub mode: Option<Negatable<PolicyMode>>,
    /// `--tunnel-dst`
    pub tunnel_destination: Option<Negatable<TunnelEnd>>,
    /// `--tunnel-src`
    pub tunnel_source: Option<Negatable<TunnelEnd>>,
}

/// What a transform wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyMode {
    /// The payload.
    Transport,
    /// The whole packet.
    Tunnel,
}

/// An address as it was written, and how much of it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TunnelEnd {
    /// Not masked.
    pub address: IpAddr,
    /// Leading bits that count; a mask with holes stands for all of them, as the tools have it.
    pub prefix: u8,
}

/// The kernel's XT_POLICY_MAX_ELEM.
const MAX_ELEMENTS: usize = 4;

impl Default for Policy {
    fn default() -> Self {
        let elements = vec![PolicyElement::default()];
        Self { direction: None, none: false, strict: false, elements }
    }
}

fn fault(message: &str) -> Fault {
    Fault::usage(format!("policy match: {message}"))
}

/// Puts an option in its place once.
fn once<T>(slot: &mut Option<T>, option: &str, value: Option<T>) -> Result<(), Fault> {
    if slot.is_some() {
        let help = "one element has each option once; `--next` begins another";
        return Err(fault(&format!("double --{option} option")).help(help));
    }
    *slot = value;
    Ok(())
}

/// The protocols IPsec has.
fn protocol(text: &str) -> Result<Protocol, Fault> {
    // Case matters here, and the capital letters are aliases.
    let known = match text {
        "all" | "0" => Some(Protocol(0)),
        "IPSEC-AH" => Some(Protocol::AH),
        "IPSEC-ESP" => Some(Protocol::ESP),
        "IPCOMP" => Some(Protocol(108)),
        text if text.contains(|c: char| c.is_ascii_uppercase()) => None,
        text => Protocol::from_name(text),
    };
    let help = "write ah, esp or ipcomp";
    let unknown = || Fault::usage(format!("unknown protocol \"{text}\" specified")).help(help);
    match known.ok_or_else(unknown)? {
        known @ (Protocol::AH | Protocol::ESP | Protocol(108)) => Ok(known),
        Protocol(_) => Err(fault("protocol must be ah/esp/ipcomp").help(help)),
    }
}

impl TunnelEnd {
    fn parse(given: &Given<'_>) -> Result<Self, Fault> {
        let (address, prefix) = hosts::prefix(given, "policy")?;
        Ok(Self { address, prefix })
    }

    fn text(&self) -> String {
        let bits = if self.address.is_ipv4() { 32 } else { 128 };
        match self.prefix == bits {
            true => self.address.to_string(),
            false => format!("{}/{}", self.address, self.prefix),
        }
    }
}

impl PolicyElement {
    fn take(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let word = || given.integer("policy", 0, u64::from(u32::MAX)).map(|n| n as u32);
        let option = given.option;
        match option {
            "reqid" => once(&mut self.reqid, option, given.negatable(word()?)),
            "spi" => once(&mut self.spi, option, given.negatable(word()?)),
            "tunnel-src" => {
                let end = TunnelEnd::parse(given)?;
                once(&mut self.tunnel_source, option, given.negatable(end))
            }
            "tunnel-dst" => {
                let end = TunnelEnd::parse(given)?;
                once(&mut self.tunnel_destination, option, given.negatable(end))
            }
            "proto" => {
                once(&mut self.protocol, option, given.negatable(protocol(given.argument(0))?))
            }
            _ => {
                let mode = match given.argument(0) {
                    "transport" => PolicyMode::Transport,
                    "tunnel" => PolicyMode::Tunnel,
                    other => {
                        return Err(fault(&format!("invalid mode \"{other}\""))
                            .help("write `transport` or `tunnel`"));
                    }
                };
                once(&mut self.mode, option, given.negatable(mode))
            }
        }
    }

    /// Tunnels have ends only in tunnel mode, which must be said.
    fn check(&self, nth: usize, strict: bool) -> Result<(), Fault> {
        if strict && *self == Self::default() {
            let message = format!(
                "empty policy element {nth}. --strict is in effect, but at least one of reqid, \
                 spi, tunnel-src, tunnel-dst, proto or mode is required."
            );
            return Err(fault(&message).help("say what the transform must be"));
        }
        let ends = self.tunnel_source.is_some() || self.tunnel_destination.is_some();
        let tunnel = self.mode.is_some_and(|mode| match mode.value {
            PolicyMode::Tunnel => !mode.negated,
            PolicyMode::Transport => mode.negated,
        });
        match ends && !tunnel {
            true => Err(fault("--tunnel-src/--tunnel-dst is only valid in tunnel mode")
                .help("add `--mode tunnel`")),
            false => Ok(()),
        }
    }

    fn text(&self, dashes: &str, numeric: bool) -> String {
        let mut out = String::new();
        fn push<T>(
            out: &mut String,
            option: &str,
            value: &Option<Negatable<T>>,
            text: impl Fn(&T) -> String,
        ) {
            if let Some(value) = value {
                out.push_str(&format!("{} {option} {}", bang(value), text(&value.value)));
            }
        }
        let option = |name: &str| format!("{dashes}{name}");
        let mode = |mode: &PolicyMode| match mode {
            PolicyMode::Transport => "transport".to_owned(),
            PolicyMode::Tunnel => "tunnel".to_owned(),
        };
        let protocol = |protocol: &Protocol| match numeric {
            true => protocol.0.to_string(),
            false => protocol.to_string(),
        };
        push(&mut out, &option("reqid"), &self.reqid, u32::to_string);
        push(&mut out, &option("spi"), &self.spi, |spi| format!("{spi:#x}"));
        push(&mut out, &option("proto"), &self.protocol, protocol);
        push(&mut out, &option("mode"), &self.mode, mode);
        push(&mut out, &option("tunnel-dst"), &self.tunnel_destination, TunnelEnd::text);
        push(&mut out, &option("tunnel-src"), &self.tunnel_source, TunnelEnd::text);
        out
    }
}

impl Policy {
    fn flags(&self, dashes: &str) -> String {
        let direction = match self.direction {
            Some(PolicyDirection::In) => "in",
            Some(PolicyDirection::Out) | None => "out",
        };
        let policy = if self.none { "none" } else { "ipsec" };
        let mut out = format!(" {dashes}dir {direction} {dashes}pol {policy}");
        if self.strict {
            out.push_str(&format!(" {dashes}strict"));
        }
        out
    }
}

impl Words for Policy {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("dir"),
            opt("pol"),
            opt("strict").arguments(0),
            opt("reqid").negatable().repeatable(),
            opt("spi").negatable().repeatable(),
            opt("tunnel-src").negatable().repeatable(),
            opt("tunnel-dst").negatable().repeatable(),
            opt("proto").negatable().repeatable(),
            opt("mode").negatable().repeatable(),
            opt("next").arguments(0).repeatable().requires(&["strict"]),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        match (given.option, text) {
            ("dir", "in") => self.direction = Some(PolicyDirection::In),
            ("dir", "out") => self.direction = Some(PolicyDirection::Out),
            ("dir", _) => {
                return Err(Fault::usage(format!("policy_match: invalid dir \"{text}\""))
                    .help("write `in` or `out`"));
            }
            ("pol", "none") => self.none = true,
            ("pol", "ipsec") => self.none = false,
            ("pol", _) => {
                return Err(
                    fault(&format!("invalid policy \"{text}\"")).help("write `none` or `ipsec`")
                );
            }
            ("strict", _) => self.strict = true,
            ("next", _) => {
                if self.elements.len() == MAX_ELEMENTS {
                    let help = "at most four elements fit";
                    return Err(fault("maximum policy depth reached").help(help));
                }
                self.elements.push(PolicyElement::default());
            }
            (_, _) => {
                if let Some(element) = self.elements.last_mut() {
                    element.take(given)?;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, _rule: &Surroundings<'_>) -> Result<(), Fault> {
        if self.direction.is_none() {
            return Err(fault("neither --dir in nor --dir out specified")
                .help("add `--dir in` or `--dir out`"));
        }
        if self.none {
            let help = "`--pol none` stands alone";
            if self.strict {
                return Err(fault("policy none but --strict given").help(help));
            }
            if self.elements.len() > 1 {
                return Err(fault("policy none but policy given").help(help));
            }
            // The tool takes options of a single element and forgets them.
            self.elements.clear();
        }
        let mut numbered = self.elements.iter().zip(0..);
        numbered.try_for_each(|(element, nth)| element.check(nth, self.strict))
    }

    fn objection(&self, place: &Place) -> Option<Objection> {
        match (self.direction?, place.hook?) {
            (PolicyDirection::Out, Hook::Prerouting | Hook::Input) => {
                Objection::invalid("--dir out works where packets go out")
            }
            (PolicyDirection::In, Hook::Postrouting | Hook::Output) => {
                Objection::invalid("--dir in works where packets come in")
            }
            (_, _) => None,
        }
    }

    fn save(&self, out: &mut String) {
        out.push_str(&self.flags("--"));
        let elements: Vec<String> =
            self.elements.iter().map(|element| element.text("--", false)).collect();
        out.push_str(&elements.join(" --next"));
    }

    fn list(&self, out: &mut String, look: Look) {
        out.push_str(" policy match");
        out.push_str(&self.flags(""));
        for (element, nth) in self.elements.iter().zip(0..) {
            if self.elements.len() > 1 {
                out.push_str(&format!(" [{nth}]"));
            }
            out.push_str(&element.text("", look.numeric));
        }
    }
}
