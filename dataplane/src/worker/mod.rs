//! A worker: one core's share of the data plane, as a function of packets, time and snapshot.
//!
//! ```text
//!   port queues ─┐                                   ┌─> port queues
//!   host twins ──┤                                   ├─> host twins
//!   hand-off ────┼─> Worker: lanes (v4, v6) ─────────┼─> other workers' hand-off rings
//!   neighbour ───┘   owns: connections, reassembly,  └─> neighbour events (control)
//!   notices                waiting packets, counters
//!   shared, read only: snapshot (RCU), FIBs, neighbours; shared, atomic: directory, source mappings
//! ```
//!
//! Nothing here reads a clock or blocks. The driver ([`Worker::receive`] and friends) may be a DPDK poll
//! loop, or a test that steps several workers in one thread.

mod age;
mod answer;
mod bridge;
mod burst;
mod chosen;
mod copies;
pub mod counters;
mod egress;
mod fragments;
mod handoff;
mod host;
mod ingress;
mod outbox;
mod proxy;
mod redirect;
mod request;
mod switch;

use burst::Origin;
pub(crate) use chosen::tell_refused;
pub use handoff::HandOffRing;
use handoff::Leaving;
pub use outbox::Outbox;
pub use request::{Lanes, Order, Page, Request, Search};

use crate::address::{V4, V6};
use crate::copies::Copies;
use crate::drop_reason::DropReason;
use crate::ids::{InterfaceId, WorkerId};
use crate::neighbour::pending::Bounds;
use crate::neighbour::{Event, NeighbourTable, Pending};
use crate::packet::{Packet, Pool};
use crate::pipeline::{BURST, Env, Lane, Vector};
use crate::published::Reader;
use crate::rate_limit::IcmpLimiter;
use crate::reassembly::Reassembler;
use crate::rules::report::Reports;
use crate::snapshot::Snapshot;
use crate::sockets::Sockets;
use crate::synproxy::SynCookies;
use crate::time::{Instant, WallClock};
use crate::trace::{Traces, Tracing};
use counters::{Counter, WorkerCounters};
use crossbeam_queue::ArrayQueue;
use std::net::IpAddr;
use std::sync::Arc;

/// How far a packet got before it reached this worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Just received here.
    Fresh,
    /// Just received here, and looked up: no verdict is known that would do for it.
    Uncached,
    /// A fragment, sent to where its datagram is put together.
    Fragment,
    /// Sent to the owner of its connection. It goes no further.
    Owner {
        /// Whether the raw table has counted it.
        raw_counted: bool,
    },
}

/// What all workers share.
#[derive(Debug)]
pub struct Shared<P> {
    /// Neighbours, written by the control thread.
    pub neighbours: Arc<NeighbourTable>,
    /// What workers have seen of neighbours, for the control thread.
    pub events: ArrayQueue<Event>,
    /// One ring per worker.
    pub handoff: Vec<HandOffRing<P>>,
    /// ICMP error limits.
    pub limiter: IcmpLimiter,
    /// What time of day it is.
    pub clock: WallClock,
    /// What rules have to tell, for the control thread.
    pub reports: Arc<Reports>,
    /// What becomes of chosen packets, for the control thread.
    pub traces: Arc<Traces>,
    /// With what SYNPROXY's cookies are made.
    pub cookies: SynCookies,
    /// The host's sockets, as far as rules ask for them.
    pub sockets: Arc<Sockets>,
}

/// One worker.
#[derive(Debug)]
pub struct Worker<P: Packet> {
    snapshot: Reader<Snapshot>,
    shared: Arc<Shared<P>>,
    tracing: Tracing,
    /// Room for a burst and for what is known of its packets.
    arrived: Vec<P>,
    vector: Vector,
    state: State<P>,
}

/// What a worker changes as packets pass.
#[derive(Debug)]
pub(crate) struct State<P: Packet> {
    id: WorkerId,
    v4: Lane<V4>,
    v6: Lane<V6>,
    shared: Arc<Shared<P>>,
    /// Whether a burst has been judged.
    begun: bool,
    reassembler: Reassembler<P>,
    waiting: Pending<P>,
    /// What the burst at hand has for other workers.
    leaving: Leaving<P>,
    /// Room for what a neighbour's answer releases.
    released: Vec<P>,
    /// Room for copies of a packet; with the packet while rules have that, so that copies are not copied.
    copies: Option<Box<Copies<P>>>,
    counters: Arc<WorkerCounters>,
    random: u64,
}

/// What one call of the worker works with.
pub(crate) struct Burst<'a, P: Packet, L: Pool<Packet = P>> {
    pub(crate) env: Env<'a>,
    pub(crate) pool: &'a mut L,
    pub(crate) out: &'a mut Outbox<P>,
}

/// What a worker is made of.
#[derive(Debug)]
pub struct Parts<P: Packet> {
    /// Its number.
    pub id: WorkerId,
    /// IPv4.
    pub v4: Lane<V4>,
    /// IPv6.
    pub v6: Lane<V6>,
    /// Where snapshots come from.
    pub snapshot: Reader<Snapshot>,
    /// What it shares with the others.
    pub shared: Arc<Shared<P>>,
    /// Its counters.
    pub counters: Arc<WorkerCounters>,
    /// Seed of its random numbers; not zero.
    pub seed: u64,
}

impl<P: Packet> Worker<P> {
    /// Datagrams in reassembly at a time.
    const DATAGRAMS: usize = 1024;
    /// Packets that wait for one next hop at most; they are released together.
    const RELEASED: usize = 128;

    /// A worker that has seen nothing yet.
    #[must_use]
    pub fn new(parts: Parts<P>) -> Self {
        let Parts { id, v4, v6, snapshot, shared, counters, seed } = parts;
        let state = State {
            id,
            v4,
            v6,
            shared: Arc::clone(&shared),
            begun: false,
            reassembler: Reassembler::new(Self::DATAGRAMS),
            waiting: Pending::new(Bounds::default()),
            leaving: Leaving::new(shared.handoff.len()),
            released: Vec::with_capacity(Self::RELEASED),
            copies: Some(Box::new(Copies::new())),
            counters,
            random: seed | 1,
        };
        Self {
            snapshot,
            tracing: Tracing::new(Arc::clone(&shared.traces), id),
            shared,
            arrived: Vec::with_capacity(BURST),
            vector: Vector::default(),
            state,
        }
    }

    /// Its IPv4 state.
    #[must_use]
    pub const fn v4(&self) -> &Lane<V4> {
        &self.state.v4
    }

    /// Takes all packets of a list, which came from `port`: as one burst where they are no more than a driver gives
    /// at once, [`BURST`].
    pub fn receive<L: Pool<Packet = P>>(
        &mut self,
        now: Instant,
        port: u16,
        packets: &mut Vec<P>,
        pool: &mut L,
        out: &mut Outbox<P>,
    ) {
        let env = env(&mut self.snapshot, (&self.shared, &self.tracing), &mut self.state, now);
        let mut burst = Burst { env, pool, out };
        let from = Origin { port, stage: Stage::Fresh };
        self.state.counters.add(Counter::Received, packets.len() as u64);
        while packets.len() > BURST {
            self.arrived.extend(packets.drain(..BURST));
            self.state.burst(&mut burst, from, &mut self.arrived, &mut self.vector);
            self.state.leave_bridges(&mut burst);
        }
        if !packets.is_empty() {
            self.state.burst(&mut burst, from, packets, &mut self.vector);
            self.state.leave_bridges(&mut burst);
        }
    }

    /// Takes packets that other workers handed over, a parcel at a time until `limit` is reached; returns how many:
    /// less than `limit` and a burst.
    pub fn take_handed<L: Pool<Packet = P>>(
        &mut self,
        now: Instant,
        limit: usize,
        pool: &mut L,
        out: &mut Outbox<P>,
    ) -> usize {
        let env = env(&mut self.snapshot, (&self.shared, &self.tracing), &mut self.state, now);
        let mut burst = Burst { env, pool, out };
        let taken = self.state.take_handed(&mut burst, limit, &mut self.arrived, &mut self.vector);
        self.state.leave_bridges(&mut burst);
        taken
    }

    /// Sends what waited for a neighbour that has answered.
    pub fn neighbour_resolved<L: Pool<Packet = P>>(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        address: IpAddr,
        pool: &mut L,
        out: &mut Outbox<P>,
    ) {
        self.with_burst(now, pool, out, |state, burst| state.release(burst, interface, address));
    }

    /// Answers what waited for a neighbour that never will.
    pub fn neighbour_failed<L: Pool<Packet = P>>(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        address: IpAddr,
        pool: &mut L,
        out: &mut Outbox<P>,
    ) {
        self.with_burst(now, pool, out, |state, burst| state.give_up(burst, interface, address));
    }

    /// Sends a frame that the control thread made (neighbour solicitations), built on `interface`.
    pub fn send_frame<L: Pool<Packet = P>>(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        packet: P,
        pool: &mut L,
        out: &mut Outbox<P>,
    ) {
        self.with_burst(now, pool, out, |state, burst| {
            state.counters.add(Counter::Originated, 1);
            let interface = burst.env.snapshot.interfaces.get(interface);
            match interface.filter(|interface| interface.up) {
                Some(interface) => state.transmit(interface, packet, burst.out),
                None => state.counters.dropped(DropReason::InterfaceDown),
            }
        });
    }

    /// Ages connections and datagrams in reassembly; bounded work per call.
    pub fn age<L: Pool<Packet = P>>(&mut self, now: Instant, pool: &mut L, out: &mut Outbox<P>) {
        self.with_burst(now, pool, out, |state, burst| state.age(burst));
    }

    /// Packets that are neither out nor dropped: waiting for a next hop, or for their other fragments.
    #[must_use]
    pub fn held(&self) -> usize {
        self.state.held()
    }

    /// Ends every cached verdict: each flow's next packet takes the long way, which says the same.
    pub fn forget_verdicts(&mut self) {
        self.state.v4.forget_verdicts();
        self.state.v6.forget_verdicts();
    }

    /// Its counters.
    #[must_use]
    pub fn counters(&self) -> &WorkerCounters {
        &self.state.counters
    }

    /// Packets from a port that never became part of a burst, and why.
    pub fn refused(&mut self, reason: DropReason, count: usize) {
        self.counters().add(Counter::Received, count as u64);
        self.counters().dropped_many(reason, count);
    }

    /// Packets counted as transmitted (or as delivered to the host) that the driver would not take.
    pub fn transmit_failed(&mut self, count: u64) {
        self.state.counters.add(Counter::Transmitted, count.wrapping_neg());
        for _ in 0..count {
            self.state.counters.dropped(DropReason::TransmitFull);
        }
    }

    fn with_burst<L: Pool<Packet = P>>(
        &mut self,
        now: Instant,
        pool: &mut L,
        out: &mut Outbox<P>,
        work: impl FnOnce(&mut State<P>, &mut Burst<'_, P, L>),
    ) {
        let env = env(&mut self.snapshot, (&self.shared, &self.tracing), &mut self.state, now);
        let mut burst = Burst { env, pool, out };
        work(&mut self.state, &mut burst);
        self.state.leave_bridges(&mut burst);
    }
}

/// What a burst is judged with; begins epochs where that has changed.
fn env<'w, P: Packet>(
    snapshot: &'w mut Reader<Snapshot>,
    (shared, tracing): (&'w Shared<P>, &'w Tracing),
    state: &mut State<P>,
    now: Instant,
) -> Env<'w> {
    let begun = std::mem::replace(&mut state.begun, true);
    let another = snapshot.refresh() || !begun;
    if another {
        tracing.enter(snapshot.get().number);
    }
    state.v4.begin_burst(snapshot.get(), another, &shared.neighbours);
    state.v6.begin_burst(snapshot.get(), another, &shared.neighbours);
    Env {
        snapshot: snapshot.get(),
        neighbours: &shared.neighbours,
        worker: state.id,
        now,
        clock: &shared.clock,
        reports: &shared.reports,
        cookies: &shared.cookies,
        sockets: &shared.sockets,
        random: 0,
        tracing,
    }
}

impl Stage {
    /// Handed over before any rule has seen it.
    pub(crate) const HANDED: Self = Self::Owner { raw_counted: false };
}

impl<P: Packet> State<P> {
    /// Packets that are neither out nor dropped: waiting for a next hop, or for their other fragments.
    fn held(&self) -> usize {
        self.waiting.len() + self.reassembler.held()
    }

    /// xorshift64*: fast, and unpredictable enough for ports because its seed is secret.
    fn next_random(&mut self) -> u64 {
        let mut x = self.random;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random = x;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
