//! The fast path of a router without connection tracking: routes looked up for the whole burst.
//!
//! ```text
//!   next hop ─┬─ through a gateway ─> adjacency of the next hop
//!             └─ connected ─> neighbour of the destination ─> adjacency of the neighbour
//! ```

use super::super::{Env, Lane};
use super::frame::{Frame, FrameMac, Head};
use super::run::Run;
use super::{Arrival, BURST, Lead, Plain, Slot};
use crate::adjacency::AdjacencyId;
use crate::fib::Found;
use crate::ids::{InterfaceId, NextHopId};
use crate::interface::ReversePathFilter;
use crate::packet::Packet;
use crate::snapshot::NextHop;
use zerocopy::FromBytes;

#[expect(private_bounds, reason = "nothing in it is public")]
impl<A: Plain> Lane<A> {
    /// Whether packets are sent by their addresses and nothing else.
    pub(super) fn routes_freely(&self, env: &Env<'_>) -> bool {
        A::rules(env.snapshot).transit().is_some() && A::forwards(env.snapshot)
    }

    /// As [`Self::look_up`].
    pub(super) fn look_up_routes<P: Packet>(
        &self,
        env: &Env<'_>,
        arrival: &Arrival<'_>,
        packets: &[P],
        slots: &mut [Slot<A>; BURST],
    ) -> bool {
        let interfaces = &env.snapshot.interfaces;
        let mac = FrameMac::new(arrival.interface.mac);
        // What is not plain is looked up as the zero address, to no effect.
        let mut destinations = [A::default(); BURST];
        for (packet, destination) in packets.iter().zip(&mut destinations) {
            if let Some(head) = A::Head::read(packet, mac) {
                let (from, to) = (head.source(), head.destination());
                if from.is_ordinary() && to.is_ordinary() && !A::is_refused_source(interfaces, from)
                {
                    self.fib.prefetch(to);
                    *destination = to;
                }
            }
        }
        self.check_sources(env, arrival, packets, &mut destinations);
        let mut next_hops = Found::default();
        self.fib.lookup_burst(&destinations, &mut next_hops);
        let destinations = destinations.get(..packets.len()).unwrap_or_default();
        let mut missed = false;
        for ((slot, destination), next_hop) in
            slots.iter_mut().zip(destinations).zip(next_hops.iter())
        {
            let known = next_hop.and_then(|id| self.adjacencies.of_next_hop(id));
            slot.lead = match known.filter(|_| *destination != A::default()) {
                Some(adjacency) => Lead::Adjacency(adjacency),
                None => {
                    missed = true;
                    Lead::Unknown
                }
            };
        }
        if missed {
            self.look_up_neighbours(env, destinations, &next_hops, slots);
        }
        missed
    }

    /// What goes to a connected subnet.
    #[inline(never)]
    fn look_up_neighbours(
        &self,
        env: &Env<'_>,
        destinations: &[A],
        next_hops: &Found<BURST>,
        slots: &mut [Slot<A>; BURST],
    ) {
        for ((slot, destination), next_hop) in
            slots.iter_mut().zip(destinations).zip(next_hops.iter())
        {
            let next_hop = next_hop.filter(|_| *destination != A::default());
            if let Lead::Unknown = slot.lead
                && let Some(next_hop) = next_hop
                && let Some(adjacency) = self.way_to_neighbour(env, next_hop, *destination)
            {
                slot.lead = Lead::Adjacency(adjacency);
            }
        }
    }

    /// The reverse-path filter: a packet that does not pass has its destination zeroed, and is dropped the
    /// long way.
    fn check_sources<P: Packet>(
        &self,
        env: &Env<'_>,
        arrival: &Arrival<'_>,
        packets: &[P],
        destinations: &mut [A; BURST],
    ) {
        match arrival.interface.reverse_path {
            ReversePathFilter::Off => {}
            ReversePathFilter::Loose => {
                self.filter_sources(env, packets, destinations, |_| true);
            }
            ReversePathFilter::Strict => {
                self.filter_sources(env, packets, destinations, |back| back == arrival.id);
            }
        }
    }

    #[inline(never)]
    fn filter_sources<P: Packet>(
        &self,
        env: &Env<'_>,
        packets: &[P],
        destinations: &mut [A; BURST],
        passes: impl Fn(InterfaceId) -> bool,
    ) {
        let mut sources = [A::default(); BURST];
        for ((packet, destination), source) in packets.iter().zip(&*destinations).zip(&mut sources)
        {
            if *destination != A::default()
                && let Ok((head, _)) = A::Head::ref_from_prefix(packet.data())
            {
                *source = head.source();
            }
        }
        let mut next_hops = Found::default();
        self.fib.lookup_burst(&sources, &mut next_hops);
        for (destination, next_hop) in destinations.iter_mut().zip(next_hops.iter()) {
            let passed = match next_hop.and_then(|id| env.snapshot.next_hop(id)) {
                Some(NextHop::Connected(back) | NextHop::Gateway { interface: back, .. }) => {
                    passes(back)
                }
                Some(
                    NextHop::Local(_)
                    | NextHop::Broadcast(_)
                    | NextHop::Blackhole
                    | NextHop::Unreachable
                    | NextHop::Prohibit
                    | NextHop::Throw,
                )
                | None => false,
            };
            if !passed {
                *destination = A::default();
            }
        }
    }

    /// Where the next hop is a connected subnet.
    fn way_to_neighbour(
        &self,
        env: &Env<'_>,
        next_hop: NextHopId,
        destination: A,
    ) -> Option<AdjacencyId> {
        let egress = env.snapshot.next_hop(next_hop)?.connected()?;
        let neighbour = env.neighbours.find(egress, destination.to_ip())?;
        self.adjacencies.of_neighbour(neighbour)
    }

    #[inline]
    pub(super) fn pass_untracked<P: Packet>(
        &mut self,
        env: &Env<'_>,
        run: &mut Run<A>,
        adjacency: AdjacencyId,
        packet: &mut P,
    ) -> Option<u16> {
        let way = run.enter(env, &self.adjacencies, &mut self.ways, adjacency);
        if !way.has_room(packet) {
            return None;
        }
        let mut frame = Frame::<A>::of(packet)?;
        let length = frame.length();
        if length > way.mtu {
            return None;
        }
        frame.decrement_ttl();
        frame.set_macs(&way.macs);
        let padding = frame.padding();
        Some(run.send(env, way, packet, length, padding))
    }
}
