//! A burst from a port: plain packets take the fast path together, the others the long way one by one.

use super::chosen::is_chosen_frame;
use super::counters::Counter;
use super::handoff::{HandOff, Parcel};
use super::ingress::InWorker;
use super::{Burst, Stage, State};
use crate::conntrack::Moment;
use crate::drop_reason::DropReason;
use crate::packet::{Packet, Pool};
use crate::pipeline::{
    Arrival, BURST, Exit, Exits, Passed, Plain, Run, Slots, Vector, is_v6, prefetch,
};
use std::sync::Arc;

/// Where a burst came from, and how far it had got.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) port: u16,
    pub(super) stage: Stage,
}

impl<P: Packet> State<P> {
    /// Takes at most [`BURST`] packets of one port, all of `packets`.
    pub(super) fn burst<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: Origin,
        packets: &mut Vec<P>,
        vector: &mut Vector,
    ) {
        burst.env.random = self.next_random();
        let env = burst.env;
        self.counters.add(Counter::Bursts, 1);
        if env.tracing.filters().is_some() {
            self.divert(burst, from, packets);
        }
        let mut untagged = env.snapshot.interfaces.find(from.port, None);
        if !env.snapshot.interfaces.bridges().is_empty() {
            untagged = self.enter_bridge(burst, from, packets, untagged);
        }
        let arrival = untagged.map(|(id, interface)| Arrival { interface, id });
        let arrival = arrival.as_ref();
        prefetch(packets);
        let at_home = from.stage != Stage::Fresh;
        if packets.iter().all(is_v6) {
            self.v6.look_up(&env, arrival, packets, &mut vector.v6, at_home);
            return self.plain_burst(burst, from, arrival, packets, &vector.v6);
        }
        let missed = self.v4.look_up(&env, arrival, packets, &mut vector.v4, at_home);
        if missed && packets.iter().any(is_v6) {
            return self.mixed_burst(burst, from, arrival, packets, vector);
        }
        self.plain_burst(burst, from, arrival, packets, &vector.v4);
    }

    /// Packets of one family, looked up before.
    #[inline]
    fn plain_burst<A: InWorker + Plain, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: Origin,
        arrival: Option<&Arrival<'_>>,
        packets: &mut Vec<P>,
        slots: &Slots<A>,
    ) {
        let env = burst.env;
        let moment = Moment::new(env.now, &env.snapshot.conntrack);
        let mut run = A::lane(self).run(&env, arrival);
        let mut exits = Exits::<BURST>::new();
        let mut slots = slots.as_slice();
        while !packets.is_empty() {
            let lane = A::lane(self);
            let passed = lane.pass_all(&env, &moment, &mut run, slots, packets, &mut exits);
            let as_one = match exits.common(passed) {
                Some(exit) if passed == packets.len() => {
                    self.leave_as_one(burst, from, packets, exit)
                }
                Some(_) | None => false,
            };
            if !as_one && passed > 0 {
                let leaving = packets.drain(..passed).zip(exits.first(passed));
                self.scatter(burst, from, leaving, &mut run);
            }
            let Some((odd, rest)) = slots.get(passed..).and_then(<[_]>::split_first) else { break };
            if !packets.is_empty() {
                let uncached = A::lane(self).is_uncached(odd);
                self.take_long_way(burst, from, packets.remove(0), uncached);
            }
            slots = rest;
        }
        run.count(&env);
        self.count_passed(run.totals());
    }

    /// All that is left of the burst, where there is room for it; false, and nothing moved, where there is none.
    #[inline]
    fn leave_as_one<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: Origin,
        packets: &mut Vec<P>,
        exit: Exit,
    ) -> bool {
        match exit {
            Exit::Out(port) => burst.out.append(port, packets),
            Exit::Over(owner) => {
                for packet in packets.drain(..) {
                    self.hand_off_plain(owner, from.port, packet);
                }
                self.send_parcel(owner);
                true
            }
        }
    }

    /// Packets that go different ways, or further than there is room.
    #[inline(never)]
    fn scatter<A: Plain, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: Origin,
        packets: impl Iterator<Item = (P, Exit)>,
        run: &mut Run<A>,
    ) {
        let mut over = false;
        for (packet, exit) in packets {
            over |= self.leave(burst, from, packet, exit, run);
        }
        if over {
            self.send_parcels();
        }
    }

    /// One packet; whether it is now in the parcel for its owner.
    #[inline]
    fn leave<A: Plain, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: Origin,
        packet: P,
        exit: Exit,
        run: &mut Run<A>,
    ) -> bool {
        match exit {
            Exit::Out(port) => {
                if burst.out.push(port, packet).is_err() {
                    run.refuse(burst.env.snapshot.interfaces.twin_of(port).is_some());
                }
                false
            }
            Exit::Over(owner) => {
                self.hand_off_plain(owner, from.port, packet);
                true
            }
        }
    }

    /// Takes the long way with packets that some client wants to hear of. They are those of whole flows, so that none
    /// overtakes another of its own.
    #[cold]
    #[inline(never)]
    fn divert<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: Origin,
        packets: &mut Vec<P>,
    ) {
        let mut index = 0;
        while let Some(packet) = packets.get(index) {
            if is_chosen_frame(&burst.env, from.port, packet) {
                let packet = packets.remove(index);
                self.take_long_way(burst, from, packet, false);
            } else {
                index += 1;
            }
        }
    }

    /// Packets of both families, one by one; those of IPv4 have been looked up.
    #[inline(never)]
    fn mixed_burst<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: Origin,
        arrival: Option<&Arrival<'_>>,
        packets: &mut Vec<P>,
        Vector { v4, v6 }: &mut Vector,
    ) {
        let env = burst.env;
        self.v6.look_up(&env, arrival, packets, v6, from.stage != Stage::Fresh);
        let moment = Moment::new(env.now, &env.snapshot.conntrack);
        let (mut run4, mut run6) = (self.v4.run(&env, arrival), self.v6.run(&env, arrival));
        let slots = v4.as_slice().iter().zip(v6.as_slice());
        let mut over = false;
        for (mut packet, (slot4, slot6)) in packets.drain(..).zip(slots) {
            let six = slot6.leads_on();
            let exit = match six {
                true => self.v6.pass(&env, &moment, &mut run6, slot6, &mut packet),
                false => self.v4.pass(&env, &moment, &mut run4, slot4, &mut packet),
            };
            over |= match exit {
                Some(exit) if six => self.leave(burst, from, packet, exit, &mut run6),
                Some(exit) => self.leave(burst, from, packet, exit, &mut run4),
                None => {
                    // What goes to other workers stays in front of it.
                    if std::mem::take(&mut over) {
                        self.send_parcels();
                    }
                    let uncached = match six {
                        true => self.v6.is_uncached(slot6),
                        false => self.v4.is_uncached(slot4),
                    };
                    self.take_long_way(burst, from, packet, uncached);
                    false
                }
            };
        }
        if over {
            self.send_parcels();
        }
        run4.count(&env);
        run6.count(&env);
        self.count_passed(run4.totals());
        self.count_passed(run6.totals());
    }

    /// Takes packets that other workers handed over, a parcel at a time until `limit` is reached; returns how many.
    /// Those of one port go on together.
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
        let mut from = Origin { port: 0, stage: Stage::HANDED };
        let mut count = 0;
        while count < limit
            && let Some(parcel) = ring.pop()
        {
            match parcel {
                Parcel::Plain(plain) => {
                    count += plain.len();
                    let fits = plain.port() == from.port && packets.len() + plain.len() <= BURST;
                    if !packets.is_empty() && !fits {
                        self.burst(burst, from, packets, vector);
                    }
                    from.port = plain.port();
                    packets.extend(plain.into_packets());
                }
                Parcel::Single(HandOff { packet, rest, port, stage }) => {
                    count += 1 + rest.len();
                    let plain = rest.is_empty() && stage == Stage::HANDED;
                    let fits = plain && port == from.port && packets.len() < BURST;
                    if !packets.is_empty() && !fits {
                        self.burst(burst, from, packets, vector);
                    }
                    if plain {
                        from.port = port;
                        packets.push(packet);
                    } else {
                        burst.env.random = self.next_random();
                        self.frame(burst, port, packet, rest, stage);
                    }
                }
            }
        }
        if !packets.is_empty() {
            self.burst(burst, from, packets, vector);
        }
        self.counters.add(Counter::HandedIn, count as u64);
        count
    }

    /// A packet of the burst that could not pass; `uncached` where that is since no verdict is known for it.
    #[cold]
    #[inline(never)]
    fn take_long_way<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        Origin { port, stage }: Origin,
        packet: P,
        uncached: bool,
    ) {
        burst.env.random = self.next_random();
        let stage = if uncached && stage == Stage::Fresh { Stage::Uncached } else { stage };
        self.frame(burst, port, packet, Vec::new(), stage);
    }

    /// Counts what took the fast path.
    fn count_passed(&self, passed: Passed) {
        let Passed { sent, delivered, sent_full, delivered_full } = passed;
        if sent + delivered == 0 {
            return;
        }
        self.counters.add(Counter::Cached, sent + delivered);
        self.counters.add(Counter::Local, delivered - delivered_full);
        self.counters.add(Counter::Transmitted, sent - sent_full);
        self.counters.dropped_many(DropReason::TransmitFull, sent_full as usize);
        self.counters.dropped_many(DropReason::HostFull, delivered_full as usize);
    }
}
