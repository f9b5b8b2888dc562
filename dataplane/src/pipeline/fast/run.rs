//! What the packets of a burst have in common, and what they count.

use super::super::Env;
use super::way::{Set, TallyKey, Way, Ways};
use super::{Arrival, Plain};
use crate::adjacency::{Adjacencies, AdjacencyId};
use crate::ids::InterfaceId;
use crate::packet::Packet;
use std::marker::PhantomData;

/// Paths of a burst that are counted apart; one more takes the place of another.
const TALLIES: usize = 8;

/// The packets of a burst.
#[derive(Debug)]
pub(crate) struct Run<A> {
    /// Whether a layer-4 checksum that nobody has verified is verified here.
    pub(super) verifies: bool,
    set: Set,
    tallies: [Tally; TALLIES],
    passed: Passed,
    family: PhantomData<A>,
}

/// Packets not yet counted.
#[derive(Debug, Clone, Copy)]
struct Tally {
    key: TallyKey,
    packets: u32,
    /// Of IP.
    bytes: u64,
}

impl Tally {
    const fn new(key: TallyKey) -> Self {
        Self { key, packets: 0, bytes: 0 }
    }
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
    pub(crate) fn new(
        env: &Env<'_>,
        arrival: Option<&Arrival<'_>>,
        listed: u32,
        ways: &mut Ways,
    ) -> Self {
        let software_peer = arrival.is_some_and(|arrival| arrival.interface.software_peer);
        let ingress = arrival.map_or(InterfaceId::HOST, |arrival| arrival.id);
        Self {
            verifies: env.snapshot.conntrack.checksum || software_peer,
            set: ways.set(env, listed, ingress),
            tallies: [Tally::new(TallyKey::NOTHING); TALLIES],
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
        ways.enter::<A>(env, adjacencies, self.set, id)
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
        let key = way.tally;
        let tally = &mut self.tallies[key.index() % TALLIES];
        if tally.key != key {
            let ended = std::mem::replace(tally, Tally::new(key));
            count_tally::<A>(env, &mut self.passed, &ended);
        }
        let tally = &mut self.tallies[key.index() % TALLIES];
        tally.packets += 1;
        tally.bytes += u64::from(length);
        way.port
    }

    /// Counts what has gone.
    pub(crate) fn count(&mut self, env: &Env<'_>) {
        for tally in &mut self.tallies {
            if tally.packets > 0 {
                count_tally::<A>(env, &mut self.passed, tally);
                *tally = Tally::new(tally.key);
            }
        }
    }

    /// The list of a port had no room for a packet that was to be forwarded, or for one for the host.
    #[cold]
    pub(crate) const fn refuse(&mut self, for_host: bool) {
        match for_host {
            true => self.passed.delivered_full += 1,
            false => self.passed.sent_full += 1,
        }
    }

    /// Packets of the burst, after a last [`Self::count`].
    pub(crate) const fn totals(&self) -> Passed {
        self.passed
    }
}

#[inline(never)]
fn count_tally<A: Plain>(env: &Env<'_>, passed: &mut Passed, tally: &Tally) {
    let packets = u64::from(tally.packets);
    if let Some(counters) = A::rules(env.snapshot).counters(env.worker) {
        counters.count_path(tally.key.path(), packets, tally.bytes);
    }
    match tally.key.forwards() {
        true => passed.sent += packets,
        false => passed.delivered += packets,
    }
}
