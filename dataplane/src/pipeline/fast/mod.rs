//! The fast path: bursts of plain packets whose verdict is known.
//!
//! ```text
//!   burst ─> read, hash, prefetch index ─> tags, prefetch flow ─> for each: compare, track, rewrite ─> send
//!            read, prefetch route       ─> route               ─> for each: TTL, rewrite            ─> send
//!                                                                    └─ anything else ─> the long way
//! ```
//!
//! Each stage runs over the whole burst, so that the memory one packet waits for arrives while others are
//! worked on. The upper row is for gateways that track connections, the lower one for routers that do not. A
//! packet that takes the fast path leaves as it would have left the long way, and counts the same.

mod frame;
mod route;
mod run;

pub(crate) use run::Run;

use super::{Env, Family, Lane};
use crate::address::V4;
use crate::adjacency::AdjacencyId;
use crate::conntrack::{FlowRef, Moment};
use crate::ids::InterfaceId;
use crate::interface::Interface;
use crate::packet::{Checksum, Packet};
use crate::tuple::Tuple;
use crate::wire::checksum::L4ChecksumState;
use frame::{Layer4, PlainV4};

/// Packets of a burst at most.
pub(crate) const BURST: usize = 32;

/// What the frames of one burst have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival<'a> {
    /// The interface of untagged frames of the port.
    pub(crate) interface: &'a Interface,
    pub(crate) id: InterfaceId,
}

/// Where a packet of the burst leads, as far as its bytes tell.
#[derive(Debug, Clone, Copy)]
enum Lead {
    /// The long way.
    Unknown,
    /// A flow whose tag fits.
    Flow(FlowRef),
    /// A way that needs no connection.
    Adjacency(AdjacencyId),
}

/// One packet of a burst.
#[derive(Debug, Clone, Copy)]
struct Slot {
    key: Tuple<V4>,
    hash: u64,
    lead: Lead,
}

/// What is known of the packets of a burst, in order.
#[derive(Debug)]
pub(crate) struct Vector {
    slots: [Slot; BURST],
    /// Bit `n`: packet `n` is plain.
    plain: u32,
}

impl Default for Vector {
    fn default() -> Self {
        let slot = Slot { key: Tuple::default(), hash: 0, lead: Lead::Unknown };
        Self { slots: [slot; BURST], plain: 0 }
    }
}

impl Lane<V4> {
    /// Looks up a burst of at most [`BURST`] packets.
    pub(crate) fn look_up<P: Packet>(
        &self,
        env: &Env<'_>,
        arrival: Option<&Arrival<'_>>,
        packets: &[P],
        vector: &mut Vector,
    ) {
        vector.plain = 0;
        let Some(arrival) = arrival.filter(|arrival| arrival.interface.up) else { return };
        for packet in packets {
            packet.prefetch_header();
        }
        for packet in packets {
            packet.prefetch_data();
        }
        let rules = V4::rules(env.snapshot);
        if rules.needs_conntrack() {
            self.look_up_flows(arrival, packets, vector);
        } else if rules.transit().is_some() && V4::forwards(env.snapshot) {
            self.look_up_routes(env, arrival, packets, vector);
        }
    }

    fn look_up_flows<P: Packet>(&self, arrival: &Arrival<'_>, packets: &[P], vector: &mut Vector) {
        for (bit, (packet, slot)) in packets.iter().zip(&mut vector.slots).enumerate() {
            let Some(frame) = PlainV4::read(packet, arrival.interface.mac) else { continue };
            vector.plain |= 1 << bit;
            slot.key = frame.key();
            slot.hash = self.conntrack.hash(&slot.key);
            self.conntrack.prefetch_index(slot.hash);
        }
        for (bit, slot) in vector.slots.iter_mut().enumerate().take(packets.len()) {
            slot.lead = match self.conntrack.candidate(slot.hash) {
                Some(flow) if vector.plain >> bit & 1 == 1 => Lead::Flow(flow),
                Some(_) | None => Lead::Unknown,
            };
        }
    }

    /// Rewrites packet `number` of the burst and gives the port it goes to; none, and the packet untouched,
    /// when it must take the long way.
    #[inline]
    pub(crate) fn pass<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: Moment<'_>,
        run: &mut Run,
        vector: &Vector,
        number: usize,
        packet: &mut P,
    ) -> Option<u16> {
        if vector.plain >> number & 1 == 0 {
            return None;
        }
        let slot = vector.slots.get(number)?;
        match slot.lead {
            Lead::Unknown => None,
            Lead::Flow(flow) => self.pass_tracked(env, moment, run, slot, flow, packet),
            Lead::Adjacency(adjacency) => self.pass_untracked(env, run, adjacency, packet),
        }
    }

    #[inline]
    fn pass_tracked<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: Moment<'_>,
        run: &mut Run,
        slot: &Slot,
        flow: FlowRef,
        packet: &mut P,
    ) -> Option<u16> {
        let mut seen = self.conntrack.direction(flow, &slot.key)?;
        let cached = seen.cached();
        if !cached.is_current(env.epoch)
            || !run.enter(env, &self.adjacencies, V4::rules(env.snapshot), cached.adjacency)
        {
            return None;
        }
        if run.verifies && !is_whole(packet) {
            return None;
        }
        let length = PlainV4::of(packet)?.length();
        if !run.takes(length) {
            return None;
        }
        let told = match PlainV4::layer4(packet.data())? {
            Layer4::Udp => seen.udp(moment),
            Layer4::Tcp { fields, may_sack } => seen.tcp(fields, may_sack, moment),
            Layer4::Odd => false,
        };
        if !told {
            return None;
        }
        PlainV4::of_mut(packet)?.rewrite(&seen.rewrite(), !run.to_host());
        run.send(packet, length)
    }
}

/// Whether the layer-4 checksum is right, or there is none.
fn is_whole<P: Packet>(packet: &P) -> bool {
    match packet.l4_checksum() {
        Checksum::Good => true,
        Checksum::Bad => false,
        Checksum::Unknown => match PlainV4::l4_state(packet.data()) {
            L4ChecksumState::Good | L4ChecksumState::Absent => true,
            L4ChecksumState::Bad | L4ChecksumState::Partial => false,
        },
    }
}
