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

mod first;
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
use frame::{FrameMac, Layer4, PlainV4};

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
    /// To a flow with this hash, if there is one.
    Hash(u64),
    /// To a flow whose tag fits.
    Flow(FlowRef),
    /// A way that needs no connection.
    Adjacency(AdjacencyId),
}

/// What is known of one packet of a burst.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    key: Tuple<V4>,
    lead: Lead,
}

/// What is known of the packets of a burst, in order.
#[derive(Debug)]
pub(crate) struct Vector {
    slots: [Slot; BURST],
}

impl Slot {
    /// Whether no connection has the packet, unless one before it in the burst began it.
    pub(crate) const fn is_unknown(&self) -> bool {
        matches!(self.lead, Lead::Hash(_))
    }
}

impl Vector {
    /// One a packet, and more.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

impl Default for Vector {
    fn default() -> Self {
        Self { slots: [Slot { key: Tuple::default(), lead: Lead::Unknown }; BURST] }
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
        let rules = V4::rules(env.snapshot);
        match arrival.filter(|arrival| arrival.interface.up) {
            Some(arrival) if rules.needs_conntrack() => {
                self.look_up_flows(arrival, packets, vector);
            }
            Some(arrival) if self.routes_freely(env, arrival) => {
                self.look_up_routes(env, arrival, packets, vector);
            }
            Some(_) | None => vector.slots.iter_mut().for_each(|slot| slot.lead = Lead::Unknown),
        }
    }

    fn look_up_flows<P: Packet>(&self, arrival: &Arrival<'_>, packets: &[P], vector: &mut Vector) {
        prefetch(packets);
        let mac = FrameMac::new(arrival.interface.mac);
        for (packet, slot) in packets.iter().zip(&mut vector.slots) {
            slot.lead = match PlainV4::read(packet, mac) {
                Some(frame) => {
                    slot.key = frame.key();
                    let hash = self.conntrack.hash(&slot.key);
                    self.conntrack.prefetch_index(hash);
                    Lead::Hash(hash)
                }
                None => Lead::Unknown,
            };
        }
        for slot in vector.slots.iter_mut().take(packets.len()) {
            if let Lead::Hash(hash) = slot.lead
                && let Some(flow) = self.conntrack.candidate(hash)
            {
                slot.lead = Lead::Flow(flow);
            }
        }
    }

    /// Rewrites a packet of the burst and gives the port it goes to; none, and the packet untouched, when it
    /// must take the long way.
    #[inline]
    pub(crate) fn pass<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: Moment<'_>,
        run: &mut Run,
        slot: &Slot,
        packet: &mut P,
    ) -> Option<u16> {
        match slot.lead {
            Lead::Unknown => None,
            Lead::Hash(hash) => self.pass_first(env, run, hash, &slot.key, packet),
            Lead::Flow(flow) => self.pass_tracked(env, moment, run, flow, &slot.key, packet),
            Lead::Adjacency(adjacency) => self.pass_untracked(env, run, adjacency, packet),
        }
    }

    #[inline]
    fn pass_tracked<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: Moment<'_>,
        run: &mut Run,
        flow: FlowRef,
        key: &Tuple<V4>,
        packet: &mut P,
    ) -> Option<u16> {
        let mut seen = self.conntrack.direction(flow, key)?;
        let cached = seen.cached();
        if !cached.is_current(env.epoch) {
            return None;
        }
        if run.verifies && packet.l4_checksum() != Checksum::Good && !is_whole(packet) {
            return None;
        }
        let way = run.enter(env, &self.adjacencies, V4::rules(env.snapshot), cached.adjacency);
        if !way.has_room(packet) {
            return None;
        }
        let mut frame = PlainV4::of(packet)?;
        let length = frame.length();
        if length > way.mtu {
            return None;
        }
        let told = match frame.layer4() {
            Layer4::Udp => seen.udp(moment),
            Layer4::Tcp { fields, may_sack } => seen.tcp(fields, may_sack, moment),
            Layer4::Odd => false,
        };
        if !told {
            return None;
        }
        frame.rewrite(&seen.rewrite(), way.forwards);
        frame.set_macs(way.destination, way.source);
        let padding = frame.padding();
        Some(run.send(packet, length, padding))
    }
}

/// Brings the frames of a burst towards L1.
#[inline]
fn prefetch<P: Packet>(packets: &[P]) {
    for packet in packets {
        packet.prefetch_header();
    }
    for packet in packets {
        packet.prefetch_data();
    }
}

/// Whether the layer-4 checksum is right, or there is none.
#[inline(never)]
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
