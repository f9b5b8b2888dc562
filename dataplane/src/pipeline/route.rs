//! Routing: where a packet goes by its destination, and whether it may be forwarded at all.

use super::{Env, Family, Lane};
use crate::address::IpVersion;
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Stop};
use crate::ids::InterfaceId;
use crate::interface::{ReversePathFilter, is_link_local};
use crate::packet::Packet;
use crate::snapshot::NextHop;
use crate::wire::forward::decrement_ttl;
use crate::wire::hop_by_hop;
use crate::wire::icmp_error::IcmpError;
use crate::wire::options::{OptionError, check_options, has_source_route};
use crate::wire::parse::Headers;
use crate::wire::protocol::IGMP;
use std::net::IpAddr;

/// The way out of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Out {
    pub(crate) egress: InterfaceId,
    pub(crate) next_hop: IpAddr,
}

impl Out {
    /// Whether a next hop leads there, for some destination.
    pub(super) fn is_by(self, next_hop: NextHop) -> bool {
        match next_hop {
            NextHop::Connected(egress) => egress == self.egress,
            NextHop::Gateway { interface, address } => {
                (interface, address) == (self.egress, self.next_hop)
            }
            NextHop::Local(_)
            | NextHop::Broadcast(_)
            | NextHop::Blackhole
            | NextHop::Unreachable
            | NextHop::Prohibit
            | NextHop::Throw => false,
        }
    }
}

/// Where the destination lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// At the gateway itself.
    Local,
    /// Beyond.
    Forward(Out),
}

/// The ICMP errors of the two families for one meaning.
pub(super) fn error<A: Family>(v4: IcmpError, v6: IcmpError) -> IcmpError {
    match A::VERSION {
        IpVersion::V4 => v4,
        IpVersion::V6 => v6,
    }
}

/// Source addresses no packet from the wire may have (kernel `ip_route_input_slow`, RFC 1812 5.3.7).
fn is_martian_source(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4)
        if v4.is_multicast() || v4.is_broadcast() || v4.is_loopback() || v4.is_unspecified())
}

/// Destinations no packet from the wire may have. 240/4, 0.x and `::` are forwarded, as Linux does.
fn is_martian_destination(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.is_loopback() || v4.is_unspecified())
}

/// What IPv6 forbids on any wire, before a rule sees it (kernel `ip6_rcv_core`; RFC 4291 sections 2.5.3 and 2.7).
pub(super) fn check_v6_addresses(source: IpAddr, destination: IpAddr) -> Result<(), Stop> {
    let (IpAddr::V6(source), IpAddr::V6(destination)) = (source, destination) else {
        return Ok(());
    };
    if source.is_loopback() || source.is_multicast() {
        return Err(Stop::Drop(DropReason::MartianSource));
    }
    // Groups of no scope, or of the sender's node alone.
    let stays = destination.is_multicast() && destination.octets()[1] & 0xf < 2;
    if destination.is_loopback() || stays {
        return Err(Stop::Drop(DropReason::MartianDestination));
    }
    Ok(())
}

/// Options of a packet that has a route (kernel `ip_rcv_options`); `answers`: whoever sent malformed ones is told.
fn check_v4_options(data: &[u8], headers: &Headers, answers: bool) -> Result<(), Stop> {
    check_options(data, headers).map_err(|OptionError { pointer }| match answers {
        true => Stop::Refuse(DropReason::BadIpOptions, IcmpError::ParameterProblem { pointer }),
        false => Stop::Drop(DropReason::BadIpOptions),
    })?;
    match has_source_route(data, headers) {
        true => Err(Stop::Drop(DropReason::SourceRoute)),
        false => Ok(()),
    }
}

/// Sources that mean something on their own link only (kernel `ip6_forward`).
fn check_scope(source: IpAddr) -> Result<(), Stop> {
    match source {
        IpAddr::V6(source) if source.is_unspecified() => Err(Stop::Drop(DropReason::MartianSource)),
        IpAddr::V6(source) if source.is_unicast_link_local() => {
            Err(Stop::Refuse(DropReason::MartianSource, IcmpError::V6BeyondScope))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(()),
    }
}

/// Destinations that mean "whoever is on this link": delivered, never forwarded.
fn is_link_scoped(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_broadcast() || matches!(v4.octets(), [224, 0, 0, _]),
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}

/// Where a packet of the gateway's own goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnRoute {
    /// Out.
    Out(Out),
    /// To the host, as if it had come in by that interface.
    Back(InterfaceId),
}

impl OwnRoute {
    /// The way out, if it is one.
    pub(crate) const fn out(self) -> Option<Out> {
        match self {
            Self::Out(out) => Some(out),
            Self::Back(_) => None,
        }
    }
}

impl<A: Family> Lane<A> {
    pub(super) fn next_hop(&self, env: &Env<'_>, address: A) -> Option<NextHop> {
        env.snapshot.next_hop(self.fib.lookup(address)?)
    }

    /// Routes a packet from the wire.
    pub(super) fn route<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<Route, Stop> {
        let route = self.find_route(env, flight)?;
        if flight.traced.is_some() {
            self.tell_route(env, flight, route);
        }
        Ok(route)
    }

    fn find_route<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<Route, Stop> {
        if A::VERSION == IpVersion::V6 && flight.headers.options {
            hop_by_hop::check(flight.lead.data(), &flight.headers)?;
        }
        let (source, destination) = (flight.source.to_ip(), flight.destination.to_ip());
        let to_group = destination.is_multicast() || is_link_scoped(destination);
        if is_martian_source(source) && !(to_group && source.is_unspecified()) {
            return Err(Stop::Drop(DropReason::MartianSource));
        }
        if is_martian_destination(destination) {
            return Err(Stop::Drop(DropReason::MartianDestination));
        }
        if to_group {
            return self.route_to_group(env, flight);
        }
        self.check_source(env, flight.ingress, flight.source)?;
        let next_hop = self.next_hop(env, flight.destination);
        if A::VERSION == IpVersion::V4 && flight.headers.options {
            // A packet socket leaves frames to the kernel too, which answers about those that are not for the gateway.
            let local = matches!(next_hop, Some(NextHop::Local(_) | NextHop::Broadcast(_)));
            let ingress = env.snapshot.interfaces.get(flight.ingress);
            let answers = local || ingress.is_some_and(|interface| !interface.software_peer);
            check_v4_options(flight.lead.data(), &flight.headers, answers)?;
        }
        let forwards = A::forwards(env.snapshot);
        match next_hop {
            Some(NextHop::Local(_) | NextHop::Broadcast(_)) => Ok(Route::Local),
            _ if !forwards => Err(Stop::Drop(DropReason::NotForwarding)),
            // On the link that the packet came by, if anywhere.
            Some(NextHop::Connected(_)) | None if is_link_local(destination) => {
                Ok(Route::Forward(Out { egress: flight.ingress, next_hop: destination }))
            }
            Some(NextHop::Connected(egress)) => {
                Ok(Route::Forward(Out { egress, next_hop: destination }))
            }
            Some(NextHop::Gateway { interface, address }) => {
                Ok(Route::Forward(Out { egress: interface, next_hop: address }))
            }
            Some(NextHop::Blackhole) => Err(Stop::Drop(DropReason::Blackhole)),
            Some(NextHop::Unreachable) => Err(Stop::Refuse(
                DropReason::Unreachable,
                error::<A>(IcmpError::HostUnreachable, IcmpError::V6NoRoute),
            )),
            Some(NextHop::Prohibit) => Err(Stop::Refuse(
                DropReason::Prohibit,
                error::<A>(IcmpError::AdminProhibited, IcmpError::V6AdminProhibited),
            )),
            Some(NextHop::Throw) | None => Err(Stop::Refuse(
                DropReason::NoRoute,
                error::<A>(IcmpError::NetUnreachable, IcmpError::V6NoRoute),
            )),
        }
    }

    /// What is sent to whoever listens, or to all on the link (kernel `ip_route_input_mc`, `ip_mc_validate_source`).
    fn route_to_group<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<Route, Stop> {
        let group = flight.destination.to_ip();
        if group.is_multicast() {
            // Who listens may change from packet to packet.
            flight.cacheable = false;
            let ingress = env.snapshot.interfaces.get(flight.ingress);
            let forwards6 = A::VERSION == IpVersion::V6 && A::forwards(env.snapshot);
            if !ingress.is_some_and(|ingress| ingress.listens_to(group, forwards6)) {
                return Err(Stop::Drop(DropReason::Multicast));
            }
        }
        match flight.source.to_ip() {
            // Of a host that has no address yet.
            IpAddr::V4(source) if source.is_unspecified() => {
                let may = is_link_scoped(group) || flight.headers.protocol == IGMP;
                if may { Ok(Route::Local) } else { Err(Stop::Drop(DropReason::MartianSource)) }
            }
            IpAddr::V4(_) | IpAddr::V6(_) => {
                self.check_source(env, flight.ingress, flight.source)?;
                Ok(Route::Local)
            }
        }
    }

    /// Own addresses as source, and the reverse-path filter (RFC 3704), which alone refuses broadcast addresses; the kernel
    /// has neither for IPv6.
    pub(super) fn check_source(
        &self,
        env: &Env<'_>,
        ingress: InterfaceId,
        source: A,
    ) -> Result<(), Stop> {
        let interfaces = &env.snapshot.interfaces;
        let filter = match A::VERSION {
            IpVersion::V4 => interfaces.get(ingress).map(|i| i.reverse_path),
            IpVersion::V6 => None,
        };
        let filter = filter.unwrap_or(ReversePathFilter::Off);
        if filter == ReversePathFilter::Off && !A::is_refused_source(interfaces, source) {
            return Ok(());
        }
        let back = match self.next_hop(env, source) {
            Some(NextHop::Local(_) | NextHop::Broadcast(_)) => {
                return Err(Stop::Drop(DropReason::MartianSource));
            }
            Some(NextHop::Connected(interface) | NextHop::Gateway { interface, .. }) => {
                Some(interface)
            }
            Some(
                NextHop::Blackhole | NextHop::Unreachable | NextHop::Prohibit | NextHop::Throw,
            )
            | None => None,
        };
        let passes = match filter {
            ReversePathFilter::Off => true,
            ReversePathFilter::Loose => back.is_some(),
            ReversePathFilter::Strict => back == Some(ingress),
        };
        if passes { Ok(()) } else { Err(Stop::Drop(DropReason::ReversePath)) }
    }

    /// Routes a packet of the gateway's own.
    pub(super) fn route_output<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<OwnRoute, Stop> {
        let destination = flight.destination.to_ip();
        // Multicast leaves by the interface whose twin the host sent it on, what answers a neighbour by the neighbour's.
        let by_link =
            flight.egress.map(|egress| OwnRoute::Out(Out { egress, next_hop: destination }));
        let out = if is_link_scoped(destination) || destination.is_multicast() {
            by_link
        } else {
            match self.next_hop(env, flight.destination) {
                Some(NextHop::Connected(_)) | None if is_link_local(destination) => by_link,
                Some(NextHop::Connected(egress) | NextHop::Broadcast(egress)) => {
                    Some(OwnRoute::Out(Out { egress, next_hop: destination }))
                }
                Some(NextHop::Gateway { interface, address }) => {
                    Some(OwnRoute::Out(Out { egress: interface, next_hop: address }))
                }
                // What SYNPROXY says to a server on the gateway comes as from the client; what the gateway says to its
                // own processes, by the interface whose address they have.
                Some(NextHop::Local(own)) => {
                    let towards = self.interface_towards(env, flight.source);
                    Some(OwnRoute::Back(towards.unwrap_or(own)))
                }
                Some(
                    NextHop::Blackhole | NextHop::Unreachable | NextHop::Prohibit | NextHop::Throw,
                )
                | None => None,
            }
        };
        flight.egress = out.and_then(OwnRoute::out).map(|out| out.egress);
        if let (Some(course), true) = (out, flight.traced.is_some()) {
            self.tell_route(env, flight, course.out().map_or(Route::Local, Route::Forward));
        }
        out.ok_or(Stop::Drop(DropReason::NoRoute))
    }

    /// The interface by which packets from beyond with that source come in.
    fn interface_towards(&self, env: &Env<'_>, source: A) -> Option<InterfaceId> {
        self.way_beyond(env, source).map(|out| out.egress)
    }

    /// The way to an address beyond the gateway; none where it is the gateway's own or unreachable.
    pub(super) fn way_beyond(&self, env: &Env<'_>, address: A) -> Option<Out> {
        match self.next_hop(env, address)? {
            NextHop::Connected(egress) => Some(Out { egress, next_hop: address.to_ip() }),
            NextHop::Gateway { interface, address } => {
                Some(Out { egress: interface, next_hop: address })
            }
            NextHop::Local(_)
            | NextHop::Broadcast(_)
            | NextHop::Blackhole
            | NextHop::Unreachable
            | NextHop::Prohibit
            | NextHop::Throw => None,
        }
    }

    /// The checks of kernel `ip_forward` and `ip6_forward` before the FORWARD hook; takes one from
    /// the TTL.
    pub(super) fn check_forward<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        out: Out,
    ) -> Result<(), Stop> {
        let interface = env.snapshot.interfaces.get(out.egress);
        let redirects = A::VERSION == IpVersion::V4
            && out.egress == flight.ingress
            && interface.is_some_and(|interface| interface.send_redirects);
        // The kernel looks whether a broadcast address has sent it where it might say something to the sender.
        if redirects && matches!(self.next_hop(env, flight.source), Some(NextHop::Broadcast(_))) {
            return Err(Stop::Drop(DropReason::MartianSource));
        }
        if flight.link_broadcast {
            return Err(Stop::Drop(DropReason::LinkBroadcast));
        }
        if flight.headers.ttl <= 1 {
            let error = error::<A>(IcmpError::TimeExceeded, IcmpError::V6HopLimit);
            return Err(Stop::Refuse(DropReason::TtlExceeded, error));
        }
        if out.egress != flight.ingress {
            check_scope(flight.source.to_ip())?;
        }
        let Some(interface) = interface.filter(|interface| interface.up) else {
            return Err(Stop::Drop(DropReason::InterfaceDown));
        };
        if A::VERSION == IpVersion::V6 && out.egress == flight.ingress {
            self.consider_redirect_v6(env, flight, out);
        }
        self.check_mtu(flight, interface.mtu)?;
        for (packet, headers) in flight.frames_mut() {
            decrement_ttl(packet.data_mut(), headers);
        }
        flight.headers.ttl -= 1;
        for (_, headers) in &mut flight.rest {
            headers.ttl = headers.ttl.saturating_sub(1);
        }
        flight.egress = Some(out.egress);
        if redirects {
            self.consider_redirect(env, flight, out);
        }
        Ok(())
    }

    fn check_mtu<P: Packet>(&self, flight: &Flight<A, P>, mtu: u16) -> Result<(), Stop> {
        // Fragments travel in their own sizes; the largest decides.
        if flight.sizes.largest <= mtu {
            return Ok(());
        }
        let dont_fragment = match flight.rest.is_empty() {
            true => flight.headers.dont_fragment(flight.lead.data()),
            false => flight.sizes.dont_fragment,
        };
        match A::VERSION {
            IpVersion::V4 if dont_fragment => {
                Err(Stop::Refuse(DropReason::TooBig, IcmpError::FragmentationNeeded { mtu }))
            }
            IpVersion::V4 => Ok(()),
            IpVersion::V6 => Err(Stop::Refuse(
                DropReason::TooBig,
                IcmpError::V6PacketTooBig { mtu: u32::from(mtu) },
            )),
        }
    }
}
