//! The fast path of a router without connection tracking: routes looked up for the whole burst.

use super::super::{Env, Family, Lane};
use super::frame::PlainV4;
use super::run::Run;
use super::{Arrival, BURST, Lead, Vector};
use crate::address::V4;
use crate::adjacency::AdjacencyId;
use crate::interface::ReversePathFilter;
use crate::packet::Packet;

impl Lane<V4> {
    pub(super) fn look_up_routes<P: Packet>(
        &self,
        env: &Env<'_>,
        arrival: &Arrival<'_>,
        packets: &[P],
        vector: &mut Vector,
    ) {
        match arrival.interface.reverse_path {
            ReversePathFilter::Off => {}
            // The source needs a look-up of its own.
            ReversePathFilter::Loose | ReversePathFilter::Strict => return,
        }
        let interfaces = &env.snapshot.interfaces;
        let mut destinations = [V4::default(); BURST];
        let reads = packets.iter().zip(destinations.iter_mut()).enumerate();
        for (bit, (packet, destination)) in reads {
            let Some(frame) = PlainV4::read(packet, arrival.interface.mac) else { continue };
            *destination = frame.destination();
            let plain = is_unicast(frame.source())
                && is_unicast(*destination)
                && !interfaces.may_own(frame.source());
            vector.plain |= u32::from(plain) << bit;
        }
        let destinations = destinations.get(..packets.len()).unwrap_or_default();
        let slots = vector.slots.iter_mut();
        for (slot, next_hop) in slots.zip(self.fib.lookup_burst::<BURST>(destinations)) {
            slot.lead = match next_hop.and_then(|id| self.adjacencies.of_next_hop(id)) {
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
        if !run.enter(env, &self.adjacencies, V4::rules(env.snapshot), adjacency) {
            return None;
        }
        let length = PlainV4::of(packet)?.length();
        if !run.takes(length) {
            return None;
        }
        PlainV4::of_mut(packet)?.decrement_ttl();
        run.send(packet, length)
    }
}

/// Addresses about which routing has nothing special to say, but by a route: no network 0 or 127, no
/// multicast, nothing above.
const fn is_unicast(address: V4) -> bool {
    let V4([first, ..]) = address;
    first != 0 && first != 127 && first < 224
}
