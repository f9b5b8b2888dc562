//! `-j REJECT`: drops the packet and says so to its sender.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};
use crate::netfilter::{Family, Hook, Negatable, Protocol, Table};

/// `--reject-with TYPE`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject {
    /// The answer.
    pub with: RejectWith,
}

/// The answers, IPv4's then IPv6's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectWith {
    /// ICMP 3/0
    IcmpNetUnreachable,
    /// ICMP 3/1
    IcmpHostUnreachable,
    /// ICMP 3/2
    IcmpProtoUnreachable,
    /// ICMP 3/3, IPv4's default
    IcmpPortUnreachable,
    /// ICMP 3/9
    IcmpNetProhibited,
    /// ICMP 3/10
    IcmpHostProhibited,
    /// ICMP 3/13
    IcmpAdminProhibited,
    /// A TCP segment with RST, both families
    TcpReset,
    /// ICMPv6 1/0
    Icmp6NoRoute,
    /// ICMPv6 1/1
    Icmp6AdmProhibited,
    /// ICMPv6 1/3
    Icmp6AddrUnreachable,
    /// ICMPv6 1/4, IPv6's default
    Icmp6PortUnreachable,
    /// ICMPv6 1/5
    Icmp6PolicyFail,
    /// ICMPv6 1/6
    Icmp6RejectRoute,
}

/// Answers by name: the printed one, a shorter one, what it means.
const V4: &[(&str, &str, RejectWith)] = &[
    ("icmp-net-unreachable", "net-unreach", RejectWith::IcmpNetUnreachable),
    ("icmp-host-unreachable", "host-unreach", RejectWith::IcmpHostUnreachable),
    ("icmp-proto-unreachable", "proto-unreach", RejectWith::IcmpProtoUnreachable),
    ("icmp-port-unreachable", "port-unreach", RejectWith::IcmpPortUnreachable),
    ("icmp-net-prohibited", "net-prohib", RejectWith::IcmpNetProhibited),
    ("icmp-host-prohibited", "host-prohib", RejectWith::IcmpHostProhibited),
    ("tcp-reset", "tcp-rst", RejectWith::TcpReset),
    ("icmp-admin-prohibited", "admin-prohib", RejectWith::IcmpAdminProhibited),
];

/// The same for IPv6.
const V6: &[(&str, &str, RejectWith)] = &[
    ("icmp6-no-route", "no-route", RejectWith::Icmp6NoRoute),
    ("icmp6-adm-prohibited", "adm-prohibited", RejectWith::Icmp6AdmProhibited),
    ("icmp6-addr-unreachable", "addr-unreach", RejectWith::Icmp6AddrUnreachable),
    ("icmp6-port-unreachable", "port-unreach", RejectWith::Icmp6PortUnreachable),
    ("tcp-reset", "tcp-reset", RejectWith::TcpReset),
    ("icmp6-policy-fail", "policy-fail", RejectWith::Icmp6PolicyFail),
    ("icmp6-reject-route", "reject-route", RejectWith::Icmp6RejectRoute),
];

impl RejectWith {
    /// Its name in the text.
    pub fn name(self) -> &'static str {
        let mut all = V4.iter().chain(V6);
        all.find(|(_, _, with)| *with == self).map_or("", |(name, _, _)| name)
    }
}

impl Reject {
    /// What REJECT without options answers.
    pub fn default_for(family: Family) -> Self {
        let with = match family {
            Family::V4 => RejectWith::IcmpPortUnreachable,
            Family::V6 => RejectWith::Icmp6PortUnreachable,
        };
        Self { with }
    }
}

impl Words for Reject {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("reject-with")];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        let names = match given.family {
            Family::V4 => V4,
            Family::V6 => V6,
        };
        let lower = text.to_ascii_lowercase();
        let begun = |entry: &&(&str, &str, RejectWith)| {
            entry.0.starts_with(&lower) || entry.1.starts_with(&lower)
        };
        let near = crate::diagnostic::nearest(&lower, names.iter().map(|entry| entry.0));
        let help = near.map_or_else(
            || format!("types are {}", names.iter().map(|e| e.0).collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let unknown = || Fault::usage(format!("unknown reject type \"{text}\"")).help(help);
        self.with = names.iter().find(begun).ok_or_else(unknown)?.2;
        Ok(())
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Filter)
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Input, Hook::Forward, Hook::Output]
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        self.with != RejectWith::TcpReset || protocol == Some(Negatable::plain(Protocol::TCP))
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --reject-with {}", self.with.name()));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" reject-with {}", self.with.name()));
    }
}
