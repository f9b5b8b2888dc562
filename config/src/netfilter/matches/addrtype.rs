//! `-m addrtype`: what the routing table says of an address (kernel: xt_addrtype, revision 1).

use std::fmt;

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Surroundings, Words, bang, opt};
use crate::netfilter::{Family, Hook, Negatable};

/// The options; both addresses must fit where both are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Addrtype {
    /// `--src-type`
    pub source: Option<Negatable<AddressTypes>>,
    /// `--dst-type`
    pub destination: Option<Negatable<AddressTypes>>,
    /// `--limit-iface-in`, `--limit-iface-out`: routes of any interface count where absent.
    pub interface: Option<LimitInterface>,
}

/// The interface whose routes alone count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitInterface {
    /// The one the packet came in by.
    In,
    /// The one it leaves by.
    Out,
}

/// A set of types of addresses: bit n stands for the kernel's route type n (rtnetlink.h, `RTN_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AddressTypes(pub u16);

impl AddressTypes {
    /// Broadcast.
    pub const BROADCAST: Self = Self(1 << 3);
    /// Dropped without a word.
    pub const BLACKHOLE: Self = Self(1 << 6);
    /// What the kernel does not know of IPv6: prohibited and the types after it.
    const NOT_IN_V6: u16 = Self::BROADCAST.0 | Self::BLACKHOLE.0 | !0 << 8;

    /// By the number of the route type.
    const NAMES: [&str; 12] = [
        "UNSPEC",
        "UNICAST",
        "LOCAL",
        "BROADCAST",
        "ANYCAST",
        "MULTICAST",
        "BLACKHOLE",
        "UNREACHABLE",
        "PROHIBIT",
        "THROW",
        "NAT",
        "XRESOLVE",
    ];

    /// Whether a route type (`RTN_*`) is in it.
    pub const fn contains(self, route_type: u8) -> bool {
        route_type < 16 && self.0 & 1 << route_type != 0
    }

    /// A list of names; the first name that begins as written is meant.
    fn parse(text: &str) -> Result<Self, Fault> {
        let mut types = Self::default();
        let mut rest = text;
        loop {
            let (word, next) =
                rest.split_once(',').map_or((rest, None), |(word, next)| (word, Some(next)));
            let begins = |name: &&str| {
                name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            };
            let Some(nth) = Self::NAMES.iter().position(begins).filter(|_| !word.is_empty()) else {
                let message = match next {
                    Some(_) => format!("addrtype: bad type `{rest}'"),
                    None => format!("addrtype: bad type \"{rest}\""),
                };
                let help = format!("types are {}", Self::NAMES.join(", "));
                return Err(Fault::usage(message).help(help));
            };
            types.0 |= 1 << nth;
            match next {
                Some(next) => rest = next,
                None => return Ok(types),
            }
        }
    }
}

impl fmt::Display for AddressTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Self::NAMES.iter().zip(0u8..).filter(|(_, nth)| self.contains(*nth));
        f.write_str(&names.map(|(name, _)| *name).collect::<Vec<_>>().join(","))
    }
}

impl Words for Addrtype {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("src-type").negatable(),
            opt("dst-type").negatable(),
            opt("limit-iface-in").arguments(0).excludes(&["limit-iface-out"]),
            opt("limit-iface-out").arguments(0).excludes(&["limit-iface-in"]),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let types = || AddressTypes::parse(given.argument(0));
        match given.option {
            "src-type" => self.source = given.negatable(types()?),
            "dst-type" => self.destination = given.negatable(types()?),
            "limit-iface-in" => self.interface = Some(LimitInterface::In),
            _ => self.interface = Some(LimitInterface::Out),
        }
        Ok(())
    }

    fn finish(&mut self, _rule: &Surroundings<'_>) -> Result<(), Fault> {
        match (&self.source, &self.destination) {
            (None, None) => {
                Err(Fault::usage("addrtype: you must specify --src-type or --dst-type")
                    .help("as in `--dst-type LOCAL`"))
            }
            (_, _) => Ok(()),
        }
    }

    fn objection(&self, place: &Place) -> Option<Objection> {
        let types = [&self.source, &self.destination].map(|t| t.map_or(0, |types| types.value.0));
        let [source, destination] = types;
        if place.family == Family::V6 && (source | destination) & AddressTypes::NOT_IN_V6 != 0 {
            return Objection::invalid("IPv6 knows UNICAST, LOCAL, ANYCAST and MULTICAST");
        }
        match (self.interface?, place.hook?) {
            (LimitInterface::Out, Hook::Prerouting | Hook::Input) => {
                Objection::invalid("--limit-iface-out works where packets go out")
            }
            (LimitInterface::In, Hook::Postrouting | Hook::Output) => {
                Objection::invalid("--limit-iface-in works where packets come in")
            }
            (_, _) => None,
        }
    }

    fn save(&self, out: &mut String) {
        for (option, types) in [("src-type", &self.source), ("dst-type", &self.destination)] {
            if let Some(types) = types {
                out.push_str(&format!("{} --{option} {}", bang(types), types.value));
            }
        }
        out.push_str(match self.interface {
            None => "",
            Some(LimitInterface::In) => " --limit-iface-in",
            Some(LimitInterface::Out) => " --limit-iface-out",
        });
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(" ADDRTYPE match");
        for (column, types) in [("src-type", &self.source), ("dst-type", &self.destination)] {
            if let Some(types) = types {
                let bang = if types.negated { "!" } else { "" };
                out.push_str(&format!(" {column} {bang}{}", types.value));
            }
        }
        out.push_str(match self.interface {
            None => "",
            Some(LimitInterface::In) => " limit-in",
            Some(LimitInterface::Out) => " limit-out",
        });
    }
}
