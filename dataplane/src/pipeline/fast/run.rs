//! What the packets of a burst have in common, and what they count.

use super::super::Env;
use super::way::{Way, Ways};
use super::{Arrival, Plain};
use crate::adjacency::{Adjacencies, AdjacencyId};
use crate::ids::{InterfaceId, PathId};
use crate::packet::Packet;
use std::marker::PhantomData;

/// Paths of a burst that are counted apart; one more takes the place of another.
const TALLIES: usize = 8;

/// The packets of a burst.
#[derive(Debug)]
pub(crate) struct Run<A> {
    ingress: InterfaceId,
    /// Whether a layer-4 checksum that nobody has verified is verified here.
    pub(super) verifies: bool,
    /// Whether the packet sent last was forwarded.
    forwarded: bool,
    /// Ways that hold now bear it.
    stamp: u64,
    tallies: [Tally; TALLIES],
    passed: Passed,
    family: PhantomData<A>,
}

/// Packets of one path, not yet counted.
#[derive(Debug, Clone, Copy)]
struct Tally {
    path: PathId,
    forwards: bool,
    packets: u32,
    /// Of IP.
    bytes: u32,
}

impl Tally {
    const NONE: Self = Self { path: PathId(0), forwards: false, packets: 0, bytes: 0 };
}

/// Packets of a burst that took the fast path.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Passed {
    /// Forwarded.
    pub(crate) sent: u64,
    /// For the host.
    pub(crate) delivered: u64,
    /// Of those sent, those that no list had room for.
    pub(crate) sent_full: u64,
    /// Of those for the host, likewise.
    pub(crate) delivered_full: u64,
}

impl<A: Plain> Run<A> {
    /// No packet yet; all will come the way `arrival` tells.
    pub(crate) fn new(env: &Env<'_>, arrival: Option<&Arrival<'_>>) -> Self {
        let software_peer = arrival.is_some_and(|arrival| arrival.interface.software_peer);
        Self {
            ingress: arrival.map_or(InterfaceId::HOST, |arrival| arrival.id),
            verifies: env.snapshot.conntrack.checksum || software_peer,
            forwarded: false,
            stamp: Way::stamp(env),
            tallies: [Tally::NONE; TALLIES],
            passed: Passed::default(),
            family: PhantomData,
        }
    }

    /// The way of that adjacency; one that takes no packet where its packets must take the long way now.
    #[inline]
    pub(super) fn enter<'w>(
        &self,
        env: &Env<'_>,
        adjacencies: &Adjacencies,
        ways: &'w mut Ways,
        id: AdjacencyId,
    ) -> &'w Way {
        ways.enter::<A>(env, adjacencies, id, self.ingress, self.stamp)
    }

    /// Cuts padding off a packet of `length` bytes of IP whose MACs are set, tags it where the way is tagged, and
    /// counts it; gives the port it goes to.
    #[inline]
    pub(super) fn send<P: Packet>(
        &mut self,
        env: &Env<'_>,
        way: &Way,
        packet: &mut P,
        length: u16,
        padding: usize,
    ) -> u16 {
        if padding > 0 {
            packet.trim_back(padding);
        }
        way.tag::<A, P>(packet);
        let Way { path, forwards, .. } = *way;
        self.forwarded = forwards;
        let tally = &mut self.tallies[path.index() % TALLIES];
        if tally.path != path || tally.forwards != forwards {
            let begun = Tally { path, forwards, ..Tally::NONE };
            let ended = std::mem::replace(tally, begun);
            self.count_tally(env, ended);
        }
        let tally = &mut self.tallies[path.index() % TALLIES];
        tally.packets += 1;
        tally.bytes += u32::from(length);
        way.port
    }

    /// Counts what has gone.
    pub(crate) fn count(&mut self, env: &Env<'_>) {
        for tally in std::mem::replace(&mut self.tallies, [Tally::NONE; TALLIES]) {
            self.count_tally(env, tally);
        }
    }

    #[inline(never)]
    fn count_tally(&mut self, env: &Env<'_>, tally: Tally) {
        if tally.packets == 0 {
            return;
        }
        let (packets, bytes) = (u64::from(tally.packets), u64::from(tally.bytes));
        if let Some(counters) = A::rules(env.snapshot).counters(env.worker) {
            counters.count_path(tally.path, packets, bytes);
        }
        match tally.forwards {
            true => self.passed.sent += packets,
            false => self.passed.delivered += packets,
        }
    }

    /// The list of the port had no room for the packet sent last.
    #[cold]
    pub(crate) const fn refuse(&mut self) {
        match self.forwarded {
            true => self.passed.sent_full += 1,
            false => self.passed.delivered_full += 1,
        }
    }

    /// Packets of the burst, after a last [`Self::count`].
    pub(crate) const fn totals(&self) -> Passed {
        self.passed
    }
}
