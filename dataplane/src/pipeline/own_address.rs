//! Which of its own addresses the gateway translates to.

use super::route::Out;
use super::{Env, Family};
use crate::address::IpVersion;
use crate::drop_reason::DropReason;
use crate::flight::Stop;
use crate::ids::InterfaceId;
use crate::interface::Interface;
use crate::nat::{NatRange, masquerade_address};
use crate::rules::Hook;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// REDIRECT goes to the first address of the incoming interface that means something as far as the destination does (kernel
/// `nf_nat_redirect_ipv6_usable`); in OUTPUT to loopback.
pub(super) fn redirect_address<A: Family>(
    env: &Env<'_>,
    ingress: InterfaceId,
    hook: Hook,
    destination: A,
) -> Option<A> {
    if hook == Hook::Output {
        let loopback = match A::VERSION {
            IpVersion::V4 => Ipv4Addr::LOCALHOST.into(),
            IpVersion::V6 => Ipv6Addr::LOCALHOST.into(),
        };
        return A::from_ip(loopback);
    }
    let interface: &Interface = env.snapshot.interfaces.get(ingress)?;
    let scope = local_scope(destination.to_ip());
    let mut own = A::addresses(interface).iter().map(|(address, _)| *address);
    own.find(|own| scope.is_none() || local_scope(own.to_ip()) == scope)
}

/// How far an address of IPv6 means something, in the numbers of multicast (RFC 4291 section 2.7): node, link or site; none
/// where it is farther, as all are in IPv4.
fn local_scope(ip: IpAddr) -> Option<u8> {
    let IpAddr::V6(ip) = ip else { return None };
    let [first, second, ..] = ip.octets();
    match (first, second & 0xc0) {
        (0xff, _) => Some(second & 0xf).filter(|scope| matches!(scope, 1 | 2 | 5)),
        (0xfe, 0x80) => Some(2),
        (0xfe, 0xc0) => Some(5),
        _ => ip.is_loopback().then_some(1),
    }
}

/// MASQUERADE's range: the address of the way out that suits the next hop, and the rule's ports.
pub(super) fn masquerade_range<A: Family>(
    env: &Env<'_>,
    range: &NatRange<A>,
    out: Option<Out>,
    destination: A,
) -> Result<NatRange<A>, Stop> {
    out.and_then(|out| {
        let interface = env.snapshot.interfaces.get(out.egress)?;
        let next_hop = A::from_ip(out.next_hop)?;
        let address =
            masquerade_address(A::addresses(interface).iter().copied(), next_hop, destination)?;
        Some(NatRange { addresses: Some((address, address)), ..*range })
    })
    .ok_or(Stop::Drop(DropReason::NatExhausted))
}
