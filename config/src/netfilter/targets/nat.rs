//! What the address translations share: the range to choose from and how to choose.

use std::net::IpAddr;

use crate::netfilter::PortRange;

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

/// `-j SNAT --to-source`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Snat {
    /// The new source.
    pub range: NatRange,
}

/// `-j DNAT --to-destination`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dnat {
    /// The new destination.
    pub range: NatRange,
}

/// `-j MASQUERADE [--to-ports]`: SNAT to the outgoing interface's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Masquerade {
    /// The new source; it names no address.
    pub range: NatRange,
}

/// `-j REDIRECT [--to-ports]`: DNAT to the incoming interface's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Redirect {
    /// The new destination; it names no address.
    pub range: NatRange,
}
