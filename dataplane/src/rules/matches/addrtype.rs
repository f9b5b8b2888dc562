//! `-m addrtype`: what an address is to this gateway (kernel `xt_addrtype`).

use super::{Condition, Depends};
use crate::address::{Address, IpVersion};
use crate::ids::InterfaceId;
use crate::rules::View;
use crate::snapshot::NextHop;
use crate::tuple::Tuple;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Types of addresses, as bits: the kernel's `RTN_*` for IPv4, its `XT_ADDRTYPE_*` for IPv6.
pub mod kind {
    /// UNSPEC.
    pub const UNSPECIFIED: u16 = 1;
    /// UNICAST.
    pub const UNICAST: u16 = 1 << 1;
    /// LOCAL.
    pub const LOCAL: u16 = 1 << 2;
    /// BROADCAST.
    pub const BROADCAST: u16 = 1 << 3;
    /// ANYCAST.
    pub const ANYCAST: u16 = 1 << 4;
    /// MULTICAST.
    pub const MULTICAST: u16 = 1 << 5;
    /// UNREACHABLE.
    pub const UNREACHABLE: u16 = 1 << 7;
}

/// One end's types and `!`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds {
    /// Bits of [`kind`].
    pub bits: u16,
    /// `!`.
    pub invert: bool,
}

/// At which interface alone an address counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limit {
    /// At any.
    #[default]
    None,
    /// `--limit-iface-in`.
    In,
    /// `--limit-iface-out`.
    Out,
}

/// `--src-type`, `--dst-type`; one left out may be of any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressType {
    /// Of the source.
    pub source: Option<Kinds>,
    /// Of the destination.
    pub destination: Option<Kinds>,
    /// At which interface.
    pub limit: Limit,
}

impl AddressType {
    fn is<A: Address>(&self, kinds: Kinds, address: A, view: &View<'_, A>) -> bool {
        let at = match self.limit {
            Limit::None => None,
            Limit::In => Some(view.ingress),
            Limit::Out => view.egress,
        };
        let is = match A::VERSION {
            IpVersion::V4 => kinds.bits & kind_v4(address, at, view) != 0,
            IpVersion::V6 => is_v6(kinds.bits, address, at, view),
        };
        is != kinds.invert
    }
}

/// The interface whose own address it is.
fn owner<A: Address>(address: A, view: &View<'_, A>) -> Option<InterfaceId> {
    match view.around.route(address)? {
        NextHop::Local(interface) => Some(interface),
        NextHop::Broadcast(_)
        | NextHop::Connected(_)
        | NextHop::Gateway { .. }
        | NextHop::Blackhole
        | NextHop::Unreachable
        | NextHop::Prohibit
        | NextHop::Throw => None,
    }
}

/// Kernel `__inet_dev_addr_type`: a look into the local table alone.
fn kind_v4<A: Address>(address: A, at: Option<InterfaceId>, view: &View<'_, A>) -> u16 {
    let IpAddr::V4(ip) = address.to_ip() else { return 0 };
    if ip.is_broadcast() || ip.octets()[0] == 0 {
        return kind::BROADCAST;
    }
    if ip.is_multicast() {
        return kind::MULTICAST;
    }
    if ip.is_loopback() {
        let broadcast = ip == Ipv4Addr::new(127, 255, 255, 255);
        return match at {
            Some(_) => kind::UNICAST,
            None if broadcast => kind::BROADCAST,
            None => kind::LOCAL,
        };
    }
    let (found, interface) = match view.around.route(address) {
        Some(NextHop::Local(interface)) => (kind::LOCAL, interface),
        Some(NextHop::Broadcast(interface)) => (kind::BROADCAST, interface),
        Some(
            NextHop::Connected(_)
            | NextHop::Gateway { .. }
            | NextHop::Blackhole
            | NextHop::Unreachable
            | NextHop::Prohibit
            | NextHop::Throw,
        )
        | None => return kind::UNICAST,
    };
    if at.is_none_or(|at| at == interface) { found } else { kind::UNICAST }
}

/// Kernel `match_type6`: what the address is of itself, then what routing says.
fn is_v6<A: Address>(bits: u16, address: A, at: Option<InterfaceId>, view: &View<'_, A>) -> bool {
    let IpAddr::V6(ip) = address.to_ip() else { return false };
    let is_unicast = !ip.is_multicast() && ip != Ipv6Addr::UNSPECIFIED;
    if bits & kind::MULTICAST != 0 && !ip.is_multicast()
        || bits & kind::UNICAST != 0 && !is_unicast
        || bits & kind::UNSPECIFIED != 0 && ip != Ipv6Addr::UNSPECIFIED
    {
        return false;
    }
    let routed = bits & (kind::LOCAL | kind::ANYCAST | kind::UNREACHABLE);
    if routed == 0 {
        return true;
    }
    let is_own = ip.is_loopback() && at.is_none()
        || owner(address, view).is_some_and(|owner| at.is_none_or(|at| at == owner));
    let interfaces = view.around.interfaces;
    let found = match view.around.route(address) {
        _ if is_own && interfaces.is_subnet_router(ip.into()) && !interfaces.owns(ip.into()) => {
            kind::ANYCAST
        }
        _ if is_own => kind::LOCAL,
        Some(NextHop::Blackhole | NextHop::Unreachable | NextHop::Prohibit | NextHop::Throw)
        | None => kind::UNREACHABLE,
        Some(
            NextHop::Local(_)
            | NextHop::Broadcast(_)
            | NextHop::Connected(_)
            | NextHop::Gateway { .. },
        ) => 0,
    };
    routed & found != 0
}

impl<A: Address> Condition<A> for AddressType {
    fn holds(&self, view: &View<'_, A>) -> bool {
        self.source.is_none_or(|kinds| self.is(kinds, view.source, view))
            && self.destination.is_none_or(|kinds| self.is(kinds, view.destination, view))
    }
    fn depends(&self) -> Depends {
        Depends::Flow
    }
    fn asks_routes(&self) -> bool {
        true
    }
    fn consult(&self, bits: &mut Tuple<A>) {
        let all = A::from_bits(u128::MAX);
        if self.source.is_some() {
            bits.source = all;
        }
        if self.destination.is_some() {
            bits.destination = all;
        }
    }
}
