//! The end of a packet's way: its connection is confirmed, and what the next packet may take over is kept.

use super::route::{Out, error};
use super::{Env, Family, Lane};
use crate::address::IpVersion;
use crate::adjacency::Adjacency;
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Flow, Stop, Tie, Verdict};
use crate::ids::{InterfaceId, NeighbourId};
use crate::interface::is_link_local;
use crate::packet::Packet;
use crate::snapshot::NextHop;
use crate::wire::checksum::leave_l4;
use crate::wire::echo::is_echo_request;
use crate::wire::hop_by_hop;
use crate::wire::icmp_error::IcmpError;

impl<A: Family> Lane<A> {
    /// The packet reaches the host: its connection is confirmed.
    pub(super) fn deliver<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<Verdict, Stop> {
        self.confirm(env, flight)?;
        // The host's stack reassembles and answers what comes in fragments, and knows what to think of authentication.
        let echo = flight.rest.is_empty()
            && flight.headers.fragment.is_none()
            && !flight.headers.authenticated
            && !env.snapshot.ip.ignore_echo
            && is_echo_request(&flight.layer4)
            && env.snapshot.interfaces.answers_for(flight.destination.to_ip());
        if echo {
            if A::VERSION == IpVersion::V6 {
                hop_by_hop::check_destination(flight.lead.data(), &flight.headers)?;
            }
            return Ok(Verdict::Echo);
        }
        let local = |hop| matches!(hop, NextHop::Local(_) | NextHop::Broadcast(_));
        self.remember(env, flight, InterfaceId::HOST, NeighbourId(0), local);
        Ok(Verdict::Host)
    }

    /// The packet leaves: its connection is confirmed.
    pub(super) fn send<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        out: Out,
    ) -> Result<Verdict, Stop> {
        let original = Self::begun_by(flight);
        self.confirm(env, flight)?;
        if let Flow::Known(flow) = flight.flow
            && self.conntrack.helper(flow).is_some()
        {
            check_grown(env, flight, out.egress)?;
        }
        let neighbour = env.neighbours.find(out.egress, out.next_hop);
        if let Some(neighbour) = neighbour {
            if let Some(original) = original {
                self.learn_class(env, flight, &original, out, neighbour);
            }
            self.remember(env, flight, out.egress, neighbour, |hop| out.is_by(hop));
            self.remember_route(env, flight, out.egress, neighbour);
        }
        Ok(Verdict::Send { egress: out.egress, next_hop: out.next_hop, neighbour })
    }

    pub(super) fn confirm<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
    ) -> Result<(), Stop> {
        let begins = matches!(flight.flow, Flow::New(_));
        if begins && let Flow::New(new) = std::mem::replace(&mut flight.flow, Flow::None) {
            let flow = self.conntrack.confirm(new, env.now).map_err(Stop::Drop)?;
            flight.flow = Flow::Known(flow);
        }
        let Flow::Known(flow) = flight.flow else { return Ok(()) };
        if !self.conntrack.is_adjusted(flow) {
            return Ok(());
        }
        if let Some(helper) = self.conntrack.helper(flow)
            && let Err(stop) = self.help(env, flight, flow, helper)
        {
            if begins {
                // It does not come to be without its first packet.
                self.remove(A::rules(env.snapshot), flow);
                flight.flow = Flow::None;
            }
            return Err(stop);
        }
        self.adjust(env, flight, flow)
    }

    /// Keeps the verdict for the next packet of this direction, where it is sure to be the same.
    fn remember<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        egress: InterfaceId,
        neighbour: NeighbourId,
        leads: impl Fn(NextHop) -> bool,
    ) {
        let Flow::Known(flow) = flight.flow else { return };
        // Rules see another state of the gateway's own answers than of the connection's packets.
        let own = match flight.tie {
            Tie::None | Tie::Host | Tie::Untracked | Tie::Proxied => true,
            Tie::Related(_) | Tie::Reply | Tie::Of(_) => false,
        };
        let may_keep = self.conntrack.may_keep_verdicts(flow);
        if !flight.cacheable || !flight.rest.is_empty() || !own || !may_keep {
            return;
        }
        let counters = A::rules(env.snapshot).counters(env.worker);
        let Some(path) = counters.and_then(|counters| counters.intern(&self.trail)) else {
            return;
        };
        // Routes may have changed since this packet was routed; and of what the host sends, two may count.
        let next_hop = self.fib.lookup(flight.destination).filter(|id| {
            flight.ingress != InterfaceId::HOST && env.snapshot.next_hop(*id).is_some_and(leads)
        });
        let life = env.neighbours.lives(neighbour);
        let ingress = Some(flight.ingress);
        self.keep(env, flow, Adjacency { ingress, egress, neighbour, life, next_hop, path });
    }

    /// Keeps where a router without connection tracking sends packets for this next hop, or for this
    /// neighbour where each address of the next hop has its own.
    fn remember_route<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        egress: InterfaceId,
        neighbour: NeighbourId,
    ) {
        let rules = A::rules(env.snapshot);
        let Some(transit) = rules.transit().filter(|_| !rules.needs_conntrack()) else { return };
        // Which link such an address is on depends on where a packet comes from.
        if is_link_local(flight.destination.to_ip()) {
            return;
        }
        let Some(id) = self.fib.lookup(flight.destination) else { return };
        let counters = rules.counters(env.worker);
        let Some(path) = counters.and_then(|counters| counters.intern(transit)) else { return };
        let life = env.neighbours.lives(neighbour);
        let next_hop = Some(id);
        let adjacency = Adjacency { ingress: None, egress, neighbour, life, next_hop, path };
        match env.snapshot.next_hop(id) {
            Some(NextHop::Gateway { .. }) => self.adjacencies.note_next_hop(id, adjacency),
            Some(NextHop::Connected(_)) => self.adjacencies.note_neighbour(adjacency),
            Some(
                NextHop::Local(_)
                | NextHop::Broadcast(_)
                | NextHop::Blackhole
                | NextHop::Unreachable
                | NextHop::Prohibit
                | NextHop::Throw,
            )
            | None => {}
        }
    }
}

/// What a helper has made too long for the way out is refused where it must not be cut (kernel `ip_fragment`,
/// `ip6_fragment`).
fn check_grown<A: Family, P: Packet>(
    env: &Env<'_>,
    flight: &mut Flight<A, P>,
    egress: InterfaceId,
) -> Result<(), Stop> {
    let mtu = env.snapshot.interfaces.get(egress).map_or(u16::MAX, |interface| interface.mtu);
    let length = flight.headers.end - flight.headers.l3;
    let whole = A::VERSION == IpVersion::V6 || flight.headers.dont_fragment(flight.lead.data());
    if length <= mtu || !whole || !flight.rest.is_empty() {
        return Ok(());
    }
    // The error quotes it as it is in the kernel by now.
    leave_l4(flight.lead.data_mut(), &flight.headers);
    let v4 = IcmpError::FragmentationNeeded { mtu };
    let v6 = IcmpError::V6PacketTooBig { mtu: mtu.into() };
    Err(Stop::Refuse(DropReason::TooBig, error::<A>(v4, v6)))
}
