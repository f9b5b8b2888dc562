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

use super::first::ClassId;
use super::{Env, Family, Lane};
use crate::address::V4;
use crate::adjacency::AdjacencyId;
use crate::conntrack::{FlowRef, Moment};
use crate::ids::{InterfaceId, WorkerId};
use crate::interface::Interface;
use crate::packet::{Checksum, Packet};
use crate::tuple::Tuple;
use crate::wire::checksum::L4ChecksumState;
use frame::{FrameMac, Layer4, PlainV4};
use route::is_unicast;

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
    /// To a connection of that worker's.
    Owner(WorkerId),
    /// To a connection of a known class, which its first packet begins; its tuple has this hash.
    First(u64, ClassId),
    /// To a flow whose tag fits.
    Flow(FlowRef),
    /// A way that needs no connection.
    Adjacency(AdjacencyId),
}

/// Where a packet goes from the fast path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// Out of a port, rewritten.
    Out(u16),
    /// To its owner, as it came.
    Over(WorkerId),
    /// The long way, as it came.
    LongWay,
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
        matches!(self.lead, Lead::Hash(_) | Lead::First(..))
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
    /// Looks up a burst of at most [`BURST`] packets; those `at_home` are of this worker's own connections.
    pub(crate) fn look_up<P: Packet>(
        &mut self,
        env: &Env<'_>,
        arrival: Option<&Arrival<'_>>,
        packets: &[P],
        vector: &mut Vector,
        at_home: bool,
    ) {
        let rules = V4::rules(env.snapshot);
        match arrival.filter(|arrival| arrival.interface.up) {
            Some(arrival) if rules.needs_conntrack() => {
                if self.look_up_flows(arrival, packets, vector) {
                    self.look_up_strangers(env, arrival, packets.len(), vector, at_home);
                }
            }
            Some(arrival) if self.routes_freely(env, arrival) => {
                self.look_up_routes(env, arrival, packets, vector);
            }
            Some(_) | None => vector.slots.iter_mut().for_each(|slot| slot.lead = Lead::Unknown),
        }
    }

    /// Whether some packets are of no connection of this worker.
    fn look_up_flows<P: Packet>(
        &self,
        arrival: &Arrival<'_>,
        packets: &[P],
        vector: &mut Vector,
    ) -> bool {
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
        let mut strangers = false;
        for slot in vector.slots.iter_mut().take(packets.len()) {
            if let Lead::Hash(hash) = slot.lead {
                match self.conntrack.candidate(hash) {
                    Some(flow) => slot.lead = Lead::Flow(flow),
                    None => strangers = true,
                }
            }
        }
        strangers
    }

    /// Finds the owners of packets that are of no connection here, and the classes of those that have none.
    #[inline(never)]
    fn look_up_strangers(
        &mut self,
        env: &Env<'_>,
        arrival: &Arrival<'_>,
        count: usize,
        vector: &mut Vector,
        at_home: bool,
    ) {
        let slots = vector.slots.get_mut(..count).unwrap_or_default();
        for slot in slots.iter().filter(|slot| slot.is_unknown()) {
            self.conntrack.prefetch_owner(&slot.key);
            self.fib.prefetch(slot.key.destination);
        }
        for slot in slots {
            let Lead::Hash(hash) = slot.lead else { continue };
            if !at_home && let Some(owner) = self.conntrack.owner(&slot.key) {
                slot.lead = Lead::Owner(owner);
            } else if is_unicast(slot.key.source)
                && is_unicast(slot.key.destination)
                && let Some(class) = self.class(env, arrival.id, &slot.key)
            {
                slot.lead = Lead::First(hash, class);
            }
        }
    }

    /// Rewrites a packet of the burst, or leaves it untouched, and says where it goes.
    #[inline]
    pub(crate) fn pass<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: Moment<'_>,
        run: &mut Run,
        slot: &Slot,
        packet: &mut P,
    ) -> Passed {
        let port = match slot.lead {
            Lead::Unknown | Lead::Hash(_) => None,
            Lead::Owner(owner) => return Passed::Over(owner),
            Lead::First(hash, class) => self.pass_first(env, run, hash, class, &slot.key, packet),
            Lead::Flow(flow) => self.pass_tracked(env, moment, run, flow, &slot.key, packet),
            Lead::Adjacency(adjacency) => self.pass_untracked(env, run, adjacency, packet),
        };
        port.map_or(Passed::LongWay, Passed::Out)
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
