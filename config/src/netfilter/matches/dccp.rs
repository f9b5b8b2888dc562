//! `-m dccp`: ports, packet types and options of DCCP (kernel: xt_dccp).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, bang, opt};
use crate::netfilter::{Negatable, PortRange, Protocol};

/// The options; each absent one matches anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dccp {
    /// `--sport`
    pub source_port: Option<Negatable<PortRange>>,
    /// `--dport`
    pub destination_port: Option<Negatable<PortRange>>,
    /// `--dccp-types`: bit n stands for packet type n (RFC 4340, section 5.1).
    pub types: Option<Negatable<u16>>,
    /// `--dccp-option`: an option that is there, from 1.
    pub option: Option<Negatable<u8>>,
}

/// By the number of the packet type.
const TYPES: [&str; 11] = [
    "REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC",
    "SYNCACK", "INVALID",
];

/// INVALID stands for every type that has no name.
const INVALID: u16 = 0xfc00;

impl Dccp {
    fn parse_types(text: &str) -> Result<u16, Fault> {
        let words = text.split(',').filter(|word| !word.is_empty());
        let mut types = 0;
        for word in words {
            let found = TYPES.iter().position(|name| name.eq_ignore_ascii_case(word));
            types |= 1
                << found.ok_or_else(|| {
                    Fault::usage(format!("Unknown DCCP type `{word}'"))
                        .help(format!("types are {}", TYPES.join(", ")))
                })?;
        }
        Ok(if types & INVALID == 0 { types } else { types | INVALID })
    }
}

/// The types by name, the nameless ones under one; by number each for itself.
fn types_text(types: u16, numeric: bool) -> String {
    let on = (0..16).filter(|nth| types & 1 << nth != 0);
    let words: Vec<String> = match numeric {
        true => on.map(|nth| nth.to_string()).collect(),
        false => on.filter_map(|nth| TYPES.get(nth).map(|name| (*name).to_owned())).collect(),
    };
    words.join(",")
}

impl Words for Dccp {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("source-port").alias(&["sport"]).negatable(),
            opt("destination-port").alias(&["dport"]).negatable(),
            opt("dccp-types").negatable(),
            opt("dccp-option").negatable(),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "source-port" => self.source_port = given.negatable(given.port_range("dccp")?),
            "destination-port" => {
                self.destination_port = given.negatable(given.port_range("dccp")?);
            }
            "dccp-types" => {
                self.types = given.negatable(Self::parse_types(given.argument(0))?);
            }
            _ => self.option = given.negatable(given.integer("dccp", 1, 255)? as u8),
        }
        Ok(())
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        protocol == Some(Negatable::plain(Protocol::DCCP))
    }

    fn save(&self, out: &mut String) {
        for (option, range) in [("sport", &self.source_port), ("dport", &self.destination_port)] {
            if let Some(range) = range {
                out.push_str(&format!("{} --{option} {}", bang(range), range.value));
            }
        }
        if let Some(types) = &self.types {
            let text = types_text(types.value, false);
            out.push_str(&format!("{} --dccp-types {text}", bang(types)));
        }
        if let Some(option) = &self.option {
            out.push_str(&format!("{} --dccp-option {}", bang(option), option.value));
        }
    }

    fn list(&self, out: &mut String, look: Look) {
        out.push_str(" dccp");
        super::list_ports(out, "spt", self.source_port, look.numeric, 'd');
        super::list_ports(out, "dpt", self.destination_port, look.numeric, 'd');
        if let Some(types) = &self.types {
            let text = types_text(types.value, look.numeric);
            out.push_str(&format!("{} {text}", bang(types)));
        }
        if let Some(option) = &self.option {
            let bang = if option.negated { "!" } else { "" };
            out.push_str(&format!(" option={bang}{}", option.value));
        }
    }
}
