//! `-j SNPT` and `-j DNPT`: IPv6 prefix translation without state (RFC 6296).

use std::net::{IpAddr, Ipv6Addr};

use crate::netfilter::fault::Fault;
use crate::netfilter::hosts::{masked, prefix};
use crate::netfilter::words::Place;
use crate::netfilter::words::{Given, Look, Objection, Opt, Words, opt};
use crate::netfilter::{Family, Hook, Table};

/// From which prefix to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefixes {
    /// `--src-pfx` and its length: what the address begins with.
    pub from: (Ipv6Addr, u8),
    /// `--dst-pfx` and its length: what it begins with afterwards.
    pub to: (Ipv6Addr, u8),
}

impl Default for Prefixes {
    fn default() -> Self {
        Self { from: (Ipv6Addr::UNSPECIFIED, 0), to: (Ipv6Addr::UNSPECIFIED, 0) }
    }
}

const OPTIONS: &[Opt] = &[opt("src-pfx").required(), opt("dst-pfx").required()];

impl Prefixes {
    fn set(&mut self, given: &Given<'_>, extension: &str) -> Result<(), Fault> {
        let (address, length) = prefix(given, extension)?;
        let IpAddr::V6(address) = address else { return Ok(()) };
        match given.option {
            "src-pfx" => self.from = (address, length),
            _ => self.to = (address, length),
        }
        Ok(())
    }

    fn objection(&self) -> Option<Objection> {
        let all = [self.from, self.to];
        if all.iter().any(|(_, length)| *length > 64) {
            return Objection::invalid("prefixes have at most 64 bits");
        }
        match all.iter().all(|(address, length)| masked((*address).into(), *length) == *address) {
            true => None,
            false => Objection::invalid("every bit beyond the length of a prefix must be 0"),
        }
    }

    fn save(&self, out: &mut String) {
        for (name, (address, length)) in [("src", self.from), ("dst", self.to)] {
            if !address.is_unspecified() {
                out.push_str(&format!(" --{name}-pfx {address}/{length}"));
            }
        }
    }

    fn list(&self, name: &str, out: &mut String) {
        let ((from, from_length), (to, to_length)) = (self.from, self.to);
        out.push_str(&format!(" {name} src-pfx {from}/{from_length} dst-pfx {to}/{to_length}"));
    }
}

/// `-j SNPT`: the source's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Snpt {
    /// From which to which.
    pub prefixes: Prefixes,
}

/// `-j DNPT`: the destination's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Dnpt {
    /// From which to which.
    pub prefixes: Prefixes,
}

impl Words for Snpt {
    fn options(&self) -> &'static [Opt] {
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.prefixes.set(given, "SNPT")
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V6)
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Mangle)
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Input, Hook::Postrouting]
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        self.prefixes.objection()
    }

    fn save(&self, out: &mut String) {
        self.prefixes.save(out);
    }

    fn list(&self, out: &mut String, _look: Look) {
        self.prefixes.list("SNPT", out);
    }
}

impl Words for Dnpt {
    fn options(&self) -> &'static [Opt] {
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.prefixes.set(given, "DNPT")
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V6)
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Mangle)
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Prerouting, Hook::Output]
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        self.prefixes.objection()
    }

    fn save(&self, out: &mut String) {
        self.prefixes.save(out);
    }

    fn list(&self, out: &mut String, _look: Look) {
        self.prefixes.list("DNPT", out);
    }
}
