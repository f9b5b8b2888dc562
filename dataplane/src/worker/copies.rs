//! What TEE copies: rules get buffers for it, and what they have made of them is sent.

use super::counters::Counter;
use super::ingress::InWorker;
use super::{Burst, State};
use crate::drop_reason::DropReason;
use crate::flight::Flight;
use crate::packet::{Packet, Pool};

impl<P: Packet> State<P> {
    /// Gives rules that copy packets what they need for it.
    pub(super) fn allow_copies<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: &mut Flight<A, P>,
    ) {
        if !A::rules(burst.env.snapshot).copies() {
            return;
        }
        flight.copies = self.copies.take();
        if let Some(copies) = &mut flight.copies {
            copies.restock(burst.pool);
        }
    }

    /// Sends the copies that rules have made of a packet, before the packet itself. Each of their frames counts as made
    /// by the gateway; a copy that found no buffer counts as one that was dropped.
    pub(super) fn send_copies<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: &mut Flight<A, P>,
    ) {
        let Some(mut copies) = flight.copies.take() else { return };
        while !copies.is_empty() {
            let lost = copies.take_lost();
            self.counters.add(Counter::Originated, lost as u64);
            self.counters.dropped_many(DropReason::NoBuffer, lost);
            // Lists of fragments are as many as datagrams may be in reassembly.
            let mut rest = self.reassembler.list().unwrap_or_default();
            let Some(made) = copies.take(&mut rest) else {
                self.reassembler.give_back(rest);
                continue;
            };
            self.counters.add(Counter::Originated, 1 + rest.len() as u64);
            let to = made.order.to;
            let mut copy = flight.copied(made, rest);
            let outcome = A::lane(self).send_copy(&burst.env, &mut copy, to);
            self.dispatch(burst, copy, outcome, None);
        }
        self.copies = Some(copies);
    }
}
