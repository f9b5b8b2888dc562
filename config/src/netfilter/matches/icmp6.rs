//! `-m icmp6`: ICMPv6 type and code.

use super::IcmpType;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, bang, opt};
use crate::netfilter::{Family, Negatable, Protocol};

/// `[!] --icmpv6-type TYPE[/CODE]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp6 {
    /// The option may not be left out.
    pub icmp_type: Negatable<IcmpType>,
}

/// ICMPv6's names: type, lowest and highest code. The first name of a meaning is the one printed.
const NAMES: &[(&str, u8, u8, u8)] = &[
    ("destination-unreachable", 1, 0, 255),
    ("no-route", 1, 0, 0),
    ("communication-prohibited", 1, 1, 1),
    ("beyond-scope", 1, 2, 2),
    ("address-unreachable", 1, 3, 3),
    ("port-unreachable", 1, 4, 4),
    ("failed-policy", 1, 5, 5),
    ("reject-route", 1, 6, 6),
    ("packet-too-big", 2, 0, 255),
    ("time-exceeded", 3, 0, 255),
    ("ttl-exceeded", 3, 0, 255),
    ("ttl-zero-during-transit", 3, 0, 0),
    ("ttl-zero-during-reassembly", 3, 1, 1),
    ("parameter-problem", 4, 0, 255),
    ("bad-header", 4, 0, 0),
    ("unknown-header-type", 4, 1, 1),
    ("unknown-option", 4, 2, 2),
    ("echo-request", 128, 0, 255),
    ("ping", 128, 0, 255),
    ("echo-reply", 129, 0, 255),
    ("pong", 129, 0, 255),
    ("router-solicitation", 133, 0, 255),
    ("router-advertisement", 134, 0, 255),
    ("neighbour-solicitation", 135, 0, 255),
    ("neighbor-solicitation", 135, 0, 255),
    ("neighbour-advertisement", 136, 0, 255),
    ("neighbor-advertisement", 136, 0, 255),
    ("redirect", 137, 0, 255),
];

impl Default for Icmp6 {
    fn default() -> Self {
        Self { icmp_type: Negatable::plain(IcmpType { kind: Some(0), min_code: 0, max_code: 255 }) }
    }
}

impl Words for Icmp6 {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("icmpv6-type").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let value = IcmpType::parse(given.argument(0), NAMES, "ICMPv6")?;
        self.icmp_type = Negatable { negated: given.negated, value };
        Ok(())
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        protocol == Some(Negatable::plain(Protocol::ICMPV6))
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V6)
    }

    fn save(&self, out: &mut String) {
        let value = &self.icmp_type;
        out.push_str(&format!("{} --icmpv6-type {}", bang(value), value.value.text()));
    }

    fn list(&self, out: &mut String, look: Look) {
        IcmpType::list(out, &self.icmp_type, "ipv6-icmp", NAMES, look.numeric);
    }
}
