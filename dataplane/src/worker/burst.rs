//! A burst from a port: plain packets take the fast path together, the others the long way one by one.

use super::counters::Counter;
use super::{Burst, HandOff, Stage, State};
use crate::address::V4;
use crate::conntrack::Moment;
use crate::drop_reason::DropReason;
use crate::packet::{Packet, Pool};
use crate::pipeline::{Arrival, BURST, Family, Passed, Run, Vector};
use std::sync::Arc;

impl<P: Packet> State<P> {
    /// Takes at most [`BURST`] packets of one port, all of `packets`.
    pub(super) fn burst<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        port: u16,
        stage: Stage,
        packets: &mut Vec<P>,
        vector: &mut Vector,
    ) {
        burst.env.random = self.next_random();
        let env = burst.env;
        self.counters.add(Counter::Bursts, 1);
        let untagged = env.snapshot.interfaces.find(port, None);
        let arrival = untagged.map(|(id, interface)| Arrival { interface, id });
        let at_home = stage != Stage::Fresh;
        self.v4.look_up(&env, arrival.as_ref(), packets, vector, at_home);
        let moment = Moment::new(env.now, &env.snapshot.conntrack);
        let mut run = Run::new(&env, arrival.as_ref());
        let mut full = 0;
        for (mut packet, slot) in packets.drain(..).zip(vector.slots()) {
            match self.v4.pass(&env, moment, &mut run, slot, &mut packet) {
                Passed::Out(port) => full += u64::from(burst.out.push(port, packet).is_err()),
                Passed::Over(owner) => {
                    self.hand_off(owner, packet, Vec::new(), port, Stage::HANDED);
                }
                Passed::LongWay => {
                    let unknown = stage == Stage::Fresh && slot.is_unknown();
                    let stage = if unknown { Stage::Unknown } else { stage };
                    burst.env.random = self.next_random();
                    self.frame(burst, port, packet, Vec::new(), stage);
                }
            }
        }
        run.count(&env, V4::rules(env.snapshot));
        self.count_run(&run, full);
    }

    /// Takes up to `limit` packets that other workers handed over; returns how many. Those of one port go on
    /// together.
    pub(super) fn take_handed<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        limit: usize,
        packets: &mut Vec<P>,
        vector: &mut Vector,
    ) -> usize {
        let shared = Arc::clone(&self.shared);
        let Some(ring) = shared.handoff.get(self.id.index()).filter(|ring| !ring.is_empty()) else {
            return 0;
        };
        let (mut count, mut from) = (0, 0);
        while count < limit
            && let Some(HandOff { packet, rest, port, stage }) = ring.pop()
        {
            count += 1 + rest.len();
            let plain = rest.is_empty() && stage == Stage::HANDED;
            if !packets.is_empty() && (!plain || port != from || packets.len() == BURST) {
                self.burst(burst, from, Stage::HANDED, packets, vector);
            }
            if plain {
                from = port;
                packets.push(packet);
            } else {
                burst.env.random = self.next_random();
                self.frame(burst, port, packet, rest, stage);
            }
        }
        if !packets.is_empty() {
            self.burst(burst, from, Stage::HANDED, packets, vector);
        }
        self.counters.add(Counter::HandedIn, count as u64);
        count
    }

    fn count_run(&self, run: &Run, full: u64) {
        let (all, local) = run.totals();
        if all == 0 {
            return;
        }
        self.counters.add(Counter::Cached, all);
        self.counters.add(Counter::Local, local);
        self.counters.add(Counter::Transmitted, all - local - full);
        self.counters.dropped_many(DropReason::TransmitFull, full as usize);
    }
}
