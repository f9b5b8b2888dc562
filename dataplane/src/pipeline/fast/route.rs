//! The fast path of a router without connection tracking: routes looked up for the whole burst.

use super::super::{Env, Family, Lane};
use super::frame::{FrameMac, PlainV4};
use super::run::Run;
use super::{Arrival, BURST, Lead, Vector, prefetch};
use crate::address::V4;
use crate::adjacency::AdjacencyId;
use crate::interface::ReversePathFilter;
use crate::packet::Packet;

impl Lane<V4> {
    /// Whether packets are sent by their destinations and nothing else.
    pub(super) fn routes_freely(&self, env: &Env<'_>, arrival: &Arrival<'_>) -> bool {
        let by_destination = match arrival.interface.reverse_path {
            ReversePathFilter::Off => true,
            // The source needs a look-up of its own.
            ReversePathFilter::Loose | ReversePathFilter::Strict => false,
        };
        by_destination && V4::rules(env.snapshot).transit().is_some() && V4::forwards(env.snapshot)
    }

    pub(super) fn look_up_routes<P: Packet>(
        &self,
        env: &Env<'_>,
        arrival: &Arrival<'_>,
        packets: &[P],
        vector: &mut Vector,
    ) {
        prefetch(packets);
        let interfaces = &env.snapshot.interfaces;
        let mac = FrameMac::new(arrival.interface.mac);
        // What is not plain is looked up as 0.0.0.0, to no effect.
        let mut destinations = [V4::default(); BURST];
        for (packet, destination) in packets.iter().zip(&mut destinations) {
            if let Some(frame) = PlainV4::read(packet, mac)
                && is_unicast(frame.source())
                && is_unicast(frame.destination())
                && !interfaces.may_own(frame.source())
            {
                *destination = frame.destination();
            }
        }
        let destinations = destinations.get(..packets.len()).unwrap_or_default();
        let next_hops = self.fib.lookup_burst::<BURST>(destinations);
        for ((slot, destination), next_hop) in
            vector.slots.iter_mut().zip(destinations).zip(next_hops)
        {
            let known = next_hop.and_then(|id| self.adjacencies.of_next_hop(id));
            slot.lead = match known.filter(|_| *destination != V4::default()) {
                Some(adjacency) => Lead::Adjacency(adjacency),
                None => Lead::Unknown,
            };
        }
    }

    #[inline]
    pub(super) fn pass_untracked<P: Packet>(
        &mut self,
        env: &Env<'_>,
        run: &mut Run,
        adjacency: AdjacencyId,
        packet: &mut P,
    ) -> Option<u16> {
        let way = run.enter(env, &self.adjacencies, V4::rules(env.snapshot), adjacency);
        if !way.has_room(packet) {
            return None;
        }
        let mut frame = PlainV4::of(packet)?;
        let length = frame.length();
        if length > way.mtu {
            return None;
        }
        frame.decrement_ttl();
        frame.set_macs(way.destination, way.source);
        let padding = frame.padding();
        Some(run.send(packet, length, padding))
    }
}

/// Addresses about which routing has nothing special to say, but by a route: no network 0 or 127, no
/// multicast, nothing above.
pub(super) const fn is_unicast(address: V4) -> bool {
    let V4([first, ..]) = address;
    first != 0 && first != 127 && first < 224
}
