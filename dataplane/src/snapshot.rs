//! Everything a worker needs to judge packets, as one immutable value.
//!
//! Routes and neighbours are not in it: they change in place (see [`crate::fib`],
//! [`crate::neighbour`]).

use crate::address::{V4, V6};
use crate::conntrack::ConntrackSettings;
use crate::ids::{InterfaceId, NextHopId};
use crate::interface::Interfaces;
use crate::rules::Rules;
use crate::stamp::Stamp;
use std::net::IpAddr;

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NextHop {
    /// One of the gateway's own addresses, on that interface.
    Local(InterfaceId),
    /// A subnet's broadcast address, on that interface.
    Broadcast(InterfaceId),
    /// A connected subnet: the destination itself is the neighbour.
    Connected(InterfaceId),
    /// Through a gateway.
    Gateway {
        /// Interface towards it.
        interface: InterfaceId,
        /// Its address.
        address: IpAddr,
    },
    /// Dropped in silence.
    Blackhole,
    /// Answered with host unreachable.
    Unreachable,
    /// Answered with administratively prohibited.
    Prohibit,
    /// As if there were no route: the kernel would ask the next table.
    Throw,
}

impl NextHop {
    /// The interface of a connected subnet; none for every other way.
    #[inline]
    #[must_use]
    pub const fn connected(self) -> Option<InterfaceId> {
        match self {
            Self::Connected(interface) => Some(interface),
            Self::Local(_)
            | Self::Broadcast(_)
            | Self::Gateway { .. }
            | Self::Blackhole
            | Self::Unreachable
            | Self::Prohibit
            | Self::Throw => None,
        }
    }
}

/// Switches of the IP layer, under the kernel's names where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpSettings {
    /// `net.ipv4.ip_forward`.
    pub forward4: bool,
    /// `net.ipv6.conf.all.forwarding`.
    pub forward6: bool,
    /// `net.ipv4.ip_default_ttl`, of packets the gateway originates.
    pub default_ttl: u8,
    /// `net.ipv4.icmp_echo_ignore_all`.
    pub ignore_echo: bool,
    /// `net.ipv4.icmp_ratemask`: a set bit limits that ICMP type.
    pub icmp_rate_mask: u32,
}

impl Default for IpSettings {
    fn default() -> Self {
        Self {
            forward4: true,
            forward6: true,
            default_ttl: 64,
            ignore_echo: false,
            icmp_rate_mask: 0x1818,
        }
    }
}

/// The configuration of the data plane at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Which it is: each one published has another number than the one before.
    pub number: u32,
    /// Interfaces.
    pub interfaces: Interfaces,
    /// Next hops that the FIBs' entries name.
    pub next_hops: Vec<NextHop>,
    /// IPv4 rules.
    pub rules4: Rules<V4>,
    /// IPv6 rules.
    pub rules6: Rules<V6>,
    /// IP layer.
    pub ip: IpSettings,
    /// Connection tracking.
    pub conntrack: ConntrackSettings,
    /// Of all but the rules, which have stamps of their own: cached verdicts end with it.
    pub stamp: Stamp,
}

impl Snapshot {
    /// Takes over the stamp of the snapshot before where nothing has changed that cached verdicts depend on, rules apart. New
    /// next hops may have been added: no route of before leads to them.
    #[must_use]
    pub fn after(self, previous: &Self) -> Self {
        let same = self.interfaces == previous.interfaces
            && self.next_hops.starts_with(&previous.next_hops)
            && self.ip == previous.ip
            && self.conntrack == previous.conntrack;
        Self { stamp: if same { previous.stamp } else { self.stamp }, ..self }
    }

    /// Whether some rule asks for the host's sockets.
    #[must_use]
    pub const fn asks_sockets(&self) -> bool {
        self.rules4.asks_sockets() || self.rules6.asks_sockets()
    }

    /// The next hop of that id.
    #[must_use]
    pub fn next_hop(&self, id: NextHopId) -> Option<NextHop> {
        self.next_hops.get(id.index()).copied()
    }
}
