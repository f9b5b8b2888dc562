//! Where the packets of a burst lead: to flows, to other workers, to connections of a known class or to routes.
//!
//! Each stage runs over the whole burst and prefetches what the next one reads.

use super::frame::{FrameMac, Head};
use super::slots::{Lead, Slot, Slots};
use super::{Arrival, BURST, Plain};
use crate::packet::Packet;
use crate::pipeline::{Env, Lane};

/// What looking up the flows of a burst comes to.
struct Found {
    /// Some packets are not plain packets of the family.
    missed: bool,
    /// Some are of no connection of this worker.
    strangers: bool,
}

#[expect(private_bounds, reason = "nothing in it is public")]
impl<A: Plain> Lane<A> {
    /// Looks up a burst of at most [`BURST`] packets, of which the first bytes have been prefetched; false where
    /// all of them are plain packets of this family. Those `at_home` are of this worker's own connections.
    // Apart: a loop over the burst keeps its registers where no other is beside it.
    #[inline(never)]
    pub(crate) fn look_up<P: Packet>(
        &mut self,
        env: &Env<'_>,
        arrival: Option<&Arrival<'_>>,
        packets: &[P],
        Slots(slots): &mut Slots<A>,
        at_home: bool,
    ) -> bool {
        match arrival.filter(|arrival| arrival.interface.up) {
            Some(arrival) if A::rules(env.snapshot).needs_conntrack() => {
                let found = self.look_up_flows(arrival, packets, slots);
                if found.strangers {
                    self.look_up_strangers(env, arrival, packets.len(), slots, at_home);
                }
                if env.snapshot.conntrack.accounting || self.conntrack.has_accounts() {
                    note_accounts(slots);
                }
                found.missed
            }
            Some(arrival) if self.routes_freely(env) => {
                self.look_up_routes(env, arrival, packets, slots)
            }
            Some(_) | None => {
                slots.iter_mut().for_each(|slot| slot.lead = Lead::Unknown);
                true
            }
        }
    }

    fn look_up_flows<P: Packet>(
        &self,
        arrival: &Arrival<'_>,
        packets: &[P],
        slots: &mut [Slot<A>; BURST],
    ) -> Found {
        let mac = FrameMac::new(arrival.interface.mac);
        for (packet, slot) in packets.iter().zip(&mut *slots) {
            slot.lead = match A::Head::read(packet, mac) {
                Some(head) => {
                    slot.key = head.key();
                    let hash = self.conntrack.hash(&slot.key);
                    self.conntrack.prefetch_index(hash);
                    Lead::Hash(hash)
                }
                None => Lead::Unknown,
            };
        }
        let mut found = Found { missed: false, strangers: false };
        for slot in slots.iter_mut().take(packets.len()) {
            let Lead::Hash(hash) = slot.lead else {
                found.missed = true;
                continue;
            };
            match self.conntrack.candidate(hash) {
                Some(flow) => slot.lead = Lead::Flow(flow),
                None => found.strangers = true,
            }
        }
        found
    }

    /// Finds the owners of packets that are of no connection here, and the classes of those that have none.
    #[inline(never)]
    fn look_up_strangers(
        &mut self,
        env: &Env<'_>,
        arrival: &Arrival<'_>,
        count: usize,
        slots: &mut [Slot<A>; BURST],
        at_home: bool,
    ) {
        let slots = slots.get_mut(..count).unwrap_or_default();
        // Where there are zones, only the raw table knows whose a packet is.
        let at_home = at_home || A::rules(env.snapshot).have_zones();
        if !at_home {
            let over = |slot: &mut Slot<A>, owner| slot.lead = Lead::Owner(owner);
            self.conntrack.owners(slots, Slot::hash, over);
        }
        for slot in slots.iter().filter(|slot| slot.hash().is_some()) {
            self.fib.prefetch(slot.key.destination);
        }
        for slot in slots {
            let Some(hash) = slot.hash() else { continue };
            let Slot { key, .. } = slot;
            if key.source.is_ordinary()
                && key.destination.is_ordinary()
                && let Some(class) = self.class(env, arrival.id, key)
            {
                slot.lead = Lead::First(hash, class);
            }
        }
    }
}

/// Connections may have accounts: packets of theirs are counted.
#[cold]
fn note_accounts<A>(slots: &mut [Slot<A>; BURST]) {
    for slot in slots {
        if let Lead::Flow(flow) = slot.lead {
            slot.lead = Lead::Counted(flow);
        }
    }
}
