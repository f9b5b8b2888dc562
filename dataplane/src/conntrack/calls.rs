//! Calls of PPTP (kernel `nf_conntrack_pptp.c`): GRE both ways, which the ends of a control connection have agreed on.
//!
//! ```text
//!   control connection ─> expect_calls ─> two expectations, two keys in the keymap
//!     a first packet of GRE meets one, and the other is withdrawn
//!   call over, control connection over ─> end_call ─> keys, expectations and connections of GRE go
//!     those of another worker ─> Condemned ─> its next burst
//! ```

use super::expect::Expectations;
use super::expected::{Expected, SourceMask};
use super::expire::Ticks;
use super::keymap::KeyTicket;
use super::{Conntrack, FlowRef, Follow, Helper, NewConnection, Status, Zones, in_zone, tuple_of};
use crate::address::{Address, L4Port};
use crate::helpers::pptp::{Calls, Keys};
use crate::ids::WorkerId;
use crate::rules::spin::Spin;
use crate::time::Instant;
use crate::tuple::Tuple;
use crate::wire::layer4::{Layer4, Layer4Kind};
use crate::wire::protocol::GRE;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections that wait for their end.
const MOST: usize = 64;

/// A connection of a worker that is to end.
#[derive(Debug, Clone, Copy)]
struct Sentence<A> {
    owner: WorkerId,
    zones: Zones,
    tuple: Tuple<A>,
}

/// Connections whose end was known to another worker than theirs, which sees to it before its next packet.
#[derive(Debug)]
pub(super) struct Condemned<A> {
    count: AtomicUsize,
    places: Spin<[Option<Sentence<A>>; MOST]>,
}

impl<A: Copy> Default for Condemned<A> {
    fn default() -> Self {
        Self { count: AtomicUsize::new(0), places: Spin::new([None; MOST]) }
    }
}

impl<A: Copy> Condemned<A> {
    /// Where there is no room, the connection rests until its own time has come.
    fn push(&self, sentence: Sentence<A>) {
        if let Some(place) = self.places.hold().iter_mut().find(|place| place.is_none()) {
            *place = Some(sentence);
            self.count.fetch_add(1, Ordering::Release);
        }
    }

    /// One of that worker's.
    #[inline]
    fn take(&self, owner: WorkerId) -> Option<Sentence<A>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut places = self.places.hold();
        let is_own = |place: &&mut Option<Sentence<A>>| {
            place.is_some_and(|sentence| sentence.owner == owner)
        };
        let taken = places.iter_mut().find(is_own)?.take();
        self.count.fetch_sub(1, Ordering::Relaxed);
        taken
    }
}

/// GRE between the ends of a tuple.
const fn call_of<A: Copy>(tuple: &Tuple<A>, keys: Keys) -> Tuple<A> {
    Tuple {
        protocol: GRE,
        source_port: L4Port::new(keys.source),
        destination_port: L4Port::new(keys.destination),
        ..*tuple
    }
}

impl<A: Address> Expectations<A> {
    /// Expects no more what a first packet with this tuple would meet.
    fn forget(&self, tuple: &Tuple<A>, now: Ticks) {
        self.look(tuple, |place| {
            self.empty(place, now);
            true
        });
    }

    /// A tuple of GRE that lacks its source key, with that.
    pub(super) fn with_key(&self, tuple: &Tuple<A>) -> Tuple<A> {
        let lacks = tuple.protocol == GRE && tuple.source_port == L4Port::default();
        let source_port = if lacks { self.keymap.source_key(tuple) } else { tuple.source_port };
        Tuple { source_port, ..*tuple }
    }
}

impl<A: Address> Conntrack<A> {
    /// As the [function of that name](tuple_of), with the key that a packet of GRE does not name.
    #[inline]
    pub(crate) fn tuple_of(
        &self,
        source: A,
        destination: A,
        protocol: u8,
        layer4: &Layer4,
    ) -> Option<Tuple<A>> {
        let mut tuple = tuple_of(source, destination, protocol, layer4)?;
        if matches!(layer4.kind, Layer4Kind::Gre { .. }) {
            tuple.source_port = self.expectations.keymap.source_key(&tuple);
        }
        Some(tuple)
    }

    /// Expects GRE in both directions of a control connection; in neither where one of them cannot be expected, or where it
    /// has had another call before, as the kernel knows the keys of one.
    pub(crate) fn expect_calls(&mut self, control: FlowRef, calls: &Calls, now: Instant) {
        let flow = FlowRef::original_of(control.session());
        if !self.common(flow).is_live() {
            // Nobody would take it back.
            return;
        }
        let ([own, other], translated) = (self.tuples(flow), self.common(flow).is_translated());
        let towards = |end: &Tuple<A>, source_port, port| Follow {
            source: end.destination,
            source_port,
            only_from: None,
            destination_first: false,
            destination: end.source,
            port,
        };
        let expected = |from: &Tuple<A>, keys, follow| Expected {
            follow: translated.then_some(follow),
            ..self.expected(flow, Helper::Pptp, &call_of(from, keys), SourceMask::WHOLE)
        };
        // The client's end, as the server knows it and as it says itself.
        let [heard, said] = [calls.server.destination, calls.client.source].map(L4Port::new);
        let client = expected(&own, calls.client, towards(&other, Some(heard), None));
        let server = expected(&other, calls.server, towards(&own, None, Some(said)));
        if self.expect(flow, client, now).is_err() {
            return;
        }
        if self.expect(flow, server, now).is_err() {
            return self.expect_not(flow);
        }
        let mut keys = self.memory(flow).map_or_else(Default::default, |memory| memory.keys);
        let noted = self.expectations.keymap.note_both([&client.tuple, &server.tuple], &mut keys);
        if let Some(memory) = self.memory(flow) {
            memory.keys = keys;
        }
        if noted.is_err() {
            self.expect_no_more(flow, |_| true);
        }
    }

    /// Has packets of GRE with this tuple found.
    pub(super) fn note_call(&self, tuple: &Tuple<A>) {
        if tuple.protocol == GRE && tuple.source_port != L4Port::default() {
            // One alone finds room.
            let _ = self.expectations.keymap.note(tuple, KeyTicket::default());
        }
    }

    /// A first packet has met what PPTP expects: what comes back is no first packet any more. Of a translated client the kernel
    /// does not know its own number there (`pptp_nat_expected`), and goes on expecting it.
    pub(crate) fn expect_one_way(&self, new: &NewConnection<A>, met: &Expected<A>, now: Instant) {
        if met.follow.is_some_and(|follow| follow.port.is_some()) {
            return;
        }
        let zones = Zones { original: new.original.zone, reply: new.reply.zone };
        self.expectations.forget(&in_zone(&new.reply, zones.number()), Ticks::at(now));
    }

    /// The call of a control connection is over.
    pub(crate) fn end_call(&mut self, control: FlowRef) {
        let flow = FlowRef::original_of(control.session());
        let Some(memory) = self.memory(flow) else { return };
        let (calls, mut keys) = (memory.pptp.calls(), std::mem::take(&mut memory.keys));
        self.expectations.keymap.forget_both(&mut keys);
        let ([own, other], zones) = (self.tuples(flow), self.zones_of(flow));
        for (from, keys) in [(own, calls.client), (other, calls.server)] {
            self.end_sibling(zones, call_of(&from, keys));
        }
    }

    /// Ends the connection of that tuple, or else what is expected of it.
    fn end_sibling(&mut self, zones: Zones, tuple: Tuple<A>) {
        if let Some(sibling) = self.lookup_in(zones, &tuple) {
            self.end_now(sibling.session(), self.aged);
        } else if let Some(owner) = self.owner_in(zones, &tuple) {
            self.expectations.condemned.push(Sentence { owner, zones, tuple });
        } else {
            self.expectations.forget(&in_zone(&tuple, zones.number()), self.aged);
        }
    }

    /// Ends those whose end others have been told of.
    #[inline]
    pub(crate) fn end_condemned(&mut self) {
        while let Some(Sentence { zones, tuple, .. }) =
            self.expectations.condemned.take(self.worker)
        {
            if let Some(flow) = self.lookup_in(zones, &tuple) {
                self.end_now(flow.session(), self.aged);
            }
        }
    }

    /// A connection is leaving the table: with a call go its keys.
    pub(super) fn forget_keys_of(&self, flow: FlowRef) {
        let is_gre = self.half(flow).key.protocol == GRE;
        if is_gre && self.common(flow).status.has(Status::EXPECTED) {
            let [own, other] = self.tuples(flow);
            self.forget_keys([&own, &other]);
        }
    }

    /// The same of one that has not come to be.
    pub(super) fn forget_keys_of_new(&self, new: &NewConnection<A>) {
        if new.original.protocol == GRE && new.status.has(Status::EXPECTED) {
            self.forget_keys([&new.original, &new.reply]);
        }
    }

    fn forget_keys(&self, tuples: [&Tuple<A>; 2]) {
        tuples.into_iter().for_each(|tuple| self.expectations.keymap.forget_of(tuple));
    }

    /// The port of who has opened a connection as the other end sees it, where an end is translated.
    pub(crate) fn translated_port(&self, flow: FlowRef) -> Option<u16> {
        let [_, answers] = self.tuples(FlowRef::original_of(flow.session()));
        self.common(flow).is_translated().then_some(answers.destination_port.get())
    }
}
