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
//! packet that takes the fast path leaves as it would have left the long way, and counts the same. The two
//! families go one after the other; the second only where the first has met packets of it.

mod exits;
mod first;
mod frame;
mod look_up;
mod route;
mod run;
mod slots;
mod v4;
mod v6;
mod way;

pub(crate) use exits::{Exit, Exits};
pub(crate) use run::{Passed, Run};
use slots::{Lead, Slot};
pub(crate) use slots::{Slots, Vector};
pub(crate) use way::Ways;

use super::{Env, Family, Lane};
use crate::address::{V4, V6};
use crate::conntrack::{FlowRef, Moment};
use crate::ids::InterfaceId;
use crate::interface::Interface;
use crate::packet::{Checksum, Packet};
use crate::tuple::Tuple;
use crate::wire::checksum::L4ChecksumState;
use frame::{Frame, Head, Layer4, plain_l4_state, plain_lengths_hold};
use v4::PlainV4;
use v6::PlainV6;

/// Packets of a burst at most.
pub(crate) const BURST: usize = 32;

/// What the frames of one burst have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival<'a> {
    /// The interface of untagged frames of the port.
    pub(crate) interface: &'a Interface,
    pub(crate) id: InterfaceId,
}

/// A family with plain frames.
pub(crate) trait Plain: Family {
    /// The first bytes of such a frame.
    type Head: Head<Self>;
    /// Whether routing has nothing special to say of an address, but by a route.
    fn is_ordinary(self) -> bool;
}

impl Plain for V4 {
    type Head = PlainV4;
    /// No network 0 or 127, no multicast, nothing above.
    #[inline]
    fn is_ordinary(self) -> bool {
        const ORDINARY: [bool; 256] = {
            let mut table = [false; 256];
            let mut first = 1;
            while first < 224 {
                table[first] = first != 127;
                first += 1;
            }
            table
        };
        static TABLE: [bool; 256] = ORDINARY;
        let Self([first, ..]) = self;
        TABLE[usize::from(first)]
    }
}

impl Plain for V6 {
    type Head = PlainV6;
    /// Not unspecified, loopback or another in ::/8, not link-local, no multicast.
    #[inline]
    fn is_ordinary(self) -> bool {
        let Self([first, second, ..]) = self;
        let link_local = first == 0xfe && second & 0xc0 == 0x80;
        first != 0 && first != 0xff && !link_local
    }
}

/// Brings the frames of a burst towards L1.
#[inline]
pub(crate) fn prefetch<P: Packet>(packets: &[P]) {
    for packet in packets {
        packet.prefetch_header();
    }
    for packet in packets {
        packet.prefetch_data();
    }
}

/// Whether a frame is untagged IPv6.
#[inline]
pub(crate) fn is_v6<P: Packet>(packet: &P) -> bool {
    packet.data().get(12..14) == Some(&[0x86, 0xdd])
}

#[expect(private_bounds, reason = "nothing in it is public")]
impl<A: Plain> Lane<A> {
    /// What the packets of a burst from `arrival` will have in common.
    pub(crate) fn run(&mut self, env: &Env<'_>, arrival: Option<&Arrival<'_>>) -> Run<A> {
        Run::new(env, arrival, self.epochs.listed(), &mut self.ways)
    }

    /// Rewrites packets of the burst until one has to take the long way; returns how many those are, and says in
    /// `exits` where they go.
    pub(crate) fn pass_all<P: Packet, const N: usize>(
        &mut self,
        env: &Env<'_>,
        moment: &Moment<'_>,
        run: &mut Run<A>,
        slots: &[Slot<A>],
        packets: &mut [P],
        exits: &mut Exits<N>,
    ) -> usize {
        let (mut slots, mut packets, mut exits) = (slots, packets, exits.as_mut_slice());
        let mut passed = 0;
        while let (Some(slot), Some(packet)) = (slots.first(), packets.first_mut()) {
            let (count, goes_on) = match slot.lead {
                Lead::Flow(_) => self.pass_flows(env, moment, run, slots, packets, exits),
                Lead::Adjacency(_) => self.pass_routed(env, run, slots, packets, exits),
                Lead::Owner(_) => (pass_over(slots, packets.len(), exits), true),
                Lead::Unknown | Lead::Hash(_) | Lead::First(..) | Lead::Counted(_) => {
                    let port = self.pass_seldom(env, moment, run, slot, packet);
                    if let (Some(port), Some(exit)) = (port, exits.first_mut()) {
                        *exit = Exit::Out(port).to_word();
                    }
                    (usize::from(port.is_some()), port.is_some())
                }
            };
            passed += count;
            if !goes_on {
                break;
            }
            slots = slots.get(count..).unwrap_or_default();
            packets = packets.get_mut(count..).unwrap_or_default();
            exits = exits.get_mut(count..).unwrap_or_default();
        }
        passed
    }

    /// The first packets, as long as they are of known flows: how many, and whether what follows is something else
    /// than one that could not pass. A loop of its own, for the sake of its registers.
    #[inline(never)]
    fn pass_flows<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: &Moment<'_>,
        run: &mut Run<A>,
        slots: &[Slot<A>],
        packets: &mut [P],
        exits: &mut [u32],
    ) -> (usize, bool) {
        let mut passed = 0;
        for ((packet, slot), exit) in packets.iter_mut().zip(slots).zip(exits) {
            let Lead::Flow(flow) = slot.lead else { return (passed, true) };
            let port = self.pass_tracked(env, moment, run, flow, &slot.key, packet);
            let Some(port) = port else { return (passed, false) };
            *exit = Exit::Out(port).to_word();
            passed += 1;
        }
        (passed, true)
    }

    /// The same for those that need no connection.
    #[inline(never)]
    fn pass_routed<P: Packet>(
        &mut self,
        env: &Env<'_>,
        run: &mut Run<A>,
        slots: &[Slot<A>],
        packets: &mut [P],
        exits: &mut [u32],
    ) -> (usize, bool) {
        let mut passed = 0;
        for ((packet, slot), exit) in packets.iter_mut().zip(slots).zip(exits) {
            let Lead::Adjacency(adjacency) = slot.lead else { return (passed, true) };
            let port = self.pass_untracked(env, run, adjacency, packet);
            let Some(port) = port else { return (passed, false) };
            *exit = Exit::Out(port).to_word();
            passed += 1;
        }
        (passed, true)
    }

    /// Whether the packet takes the long way since no verdict was known for it, and not for what it is.
    pub(crate) fn is_uncached(&self, slot: &Slot<A>) -> bool {
        match slot.lead {
            // Unless one before it in the burst began its connection.
            Lead::Hash(_) | Lead::First(..) => true,
            Lead::Flow(flow) | Lead::Counted(flow) => {
                !self.conntrack.half(flow).cache.is_current(self.epochs.now())
            }
            Lead::Unknown | Lead::Owner(_) | Lead::Adjacency(_) => false,
        }
    }

    /// Rewrites one packet and says where it goes; none, and untouched, if that is the long way.
    #[inline(never)]
    pub(crate) fn pass<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: &Moment<'_>,
        run: &mut Run<A>,
        slot: &Slot<A>,
        packet: &mut P,
    ) -> Option<Exit> {
        let mut exits = Exits::<1>::new();
        let (slots, packets) = (std::slice::from_ref(slot), std::slice::from_mut(packet));
        let passed = self.pass_all(env, moment, run, slots, packets, &mut exits);
        exits.first(passed).next()
    }

    /// What most packets are not: apart, so that those keep the registers.
    #[cold]
    #[inline(never)]
    fn pass_seldom<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: &Moment<'_>,
        run: &mut Run<A>,
        slot: &Slot<A>,
        packet: &mut P,
    ) -> Option<u16> {
        match slot.lead {
            Lead::Unknown | Lead::Hash(_) | Lead::Owner(_) | Lead::Flow(_) | Lead::Adjacency(_) => {
                None
            }
            Lead::First(hash, class) => self.pass_first(env, run, hash, class, &slot.key, packet),
            Lead::Counted(flow) => self.pass_counted(env, moment, run, flow, &slot.key, packet),
        }
    }

    // Into its two callers, of which one is the loop that matters.
    #[inline(always)]
    fn pass_tracked<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: &Moment<'_>,
        run: &mut Run<A>,
        flow: FlowRef,
        key: &Tuple<A>,
        packet: &mut P,
    ) -> Option<u16> {
        let mut seen = self.conntrack.direction(flow, key)?;
        let cached = seen.cached();
        if !cached.is_current(self.epochs.now()) {
            return self.pass_renewed(env, moment, run, flow, key, packet);
        }
        if packet.l4_checksum() != Checksum::Good && !is_whole::<A, P>(packet, run.verifies) {
            return None;
        }
        let way = run.enter(env, &self.adjacencies, &mut self.ways, cached.adjacency);
        if !way.has_room(packet) {
            return None;
        }
        let mut frame = Frame::<A>::of(packet)?;
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
        frame.rewrite(&seen.rewrite(), way.forwards());
        frame.set_macs(&way.macs);
        let padding = frame.padding();
        Some(run.send(env, way, packet, length, padding))
    }

    /// The same, for those who seldom want it.
    #[inline(never)]
    fn pass_tracked_apart<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: &Moment<'_>,
        run: &mut Run<A>,
        flow: FlowRef,
        key: &Tuple<A>,
        packet: &mut P,
    ) -> Option<u16> {
        self.pass_tracked(env, moment, run, flow, key, packet)
    }

    /// The same with a verdict of an earlier epoch, if it still holds. Apart, as it seldom happens.
    #[cold]
    #[inline(never)]
    fn pass_renewed<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: &Moment<'_>,
        run: &mut Run<A>,
        flow: FlowRef,
        key: &Tuple<A>,
        packet: &mut P,
    ) -> Option<u16> {
        // Stamped anew, it does not come here again.
        if self.renew(env, flow) {
            self.pass_tracked_apart(env, moment, run, flow, key, packet)
        } else {
            None
        }
    }

    /// The same where connections may have accounts.
    fn pass_counted<P: Packet>(
        &mut self,
        env: &Env<'_>,
        moment: &Moment<'_>,
        run: &mut Run<A>,
        flow: FlowRef,
        key: &Tuple<A>,
        packet: &mut P,
    ) -> Option<u16> {
        let length = Frame::<A>::of(packet)?.length();
        let port = self.pass_tracked_apart(env, moment, run, flow, key, packet)?;
        self.conntrack.note_carried(flow, length.into());
        Some(port)
    }
}

/// The first of `count` packets, as long as they are of other workers' connections: how many. They go on as they are.
fn pass_over<A>(slots: &[Slot<A>], count: usize, exits: &mut [u32]) -> usize {
    let mut passed = 0;
    for (slot, exit) in slots.iter().take(count).zip(exits) {
        let Lead::Owner(owner) = slot.lead else { break };
        *exit = Exit::Over(owner).to_word();
        passed += 1;
    }
    passed
}

/// Whether the layer-4 checksum is right, or there is none; where nobody asks for that, whether the lengths can be.
#[inline(never)]
fn is_whole<A: Plain, P: Packet>(packet: &P, verifies: bool) -> bool {
    if !verifies {
        return plain_lengths_hold::<A>(packet.data());
    }
    match packet.l4_checksum() {
        Checksum::Good => true,
        Checksum::Bad => false,
        Checksum::Unknown => match plain_l4_state::<A>(packet.data()) {
            L4ChecksumState::Good | L4ChecksumState::Absent => true,
            L4ChecksumState::Bad | L4ChecksumState::Partial => false,
        },
    }
}

#[cfg(test)]
mod tests;
