//! What becomes of chosen packets, told step by step: the rules they meet, translation, routing, the end.
//!
//! ```text
//!   client ── Filters ──> worker: chosen? ─┐
//!   TRACE rule ────────────────────────────┴─> steps ── Event ──> ring ──> control thread
//!                                                                 └─ full: counted, not told
//! ```
//!
//! A packet is chosen by a client's [`Filters`], which a worker has only while a client asks, or by a rule (TRACE),
//! for as long as somebody listens. Chosen packets take the long way: what it lets out and counts is what the fast path
//! would have let out and counted. While nothing is chosen a burst pays for one test, and a matched rule for another.
//!
//! An explanation ([`crate::explain`]) is the trace of a packet that never was: the same code, on a *dry run*, in
//! which nothing that outlives the packet changes.

mod event;
mod filter;

pub use event::{Did, End, Event, SEEN, Seen, Step};
pub use filter::{Facts, Filter, Filters};

use crate::address::IpVersion;
use crate::ids::WorkerId;
use crossbeam_queue::ArrayQueue;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// A packet that is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traced {
    /// Its number.
    pub packet: u32,
    /// For whom: a bit for each client whose filter chose it, and [`Traced::BY_RULE`].
    pub clients: u32,
}

impl Traced {
    /// A rule chose it.
    pub const BY_RULE: u32 = 1 << 31;
}

/// The ring of all workers.
#[derive(Debug)]
pub struct Traces {
    ring: ArrayQueue<Event>,
    lost: AtomicU64,
    packets: AtomicU32,
    listening: AtomicBool,
}

impl Traces {
    /// Room for `count` events that nobody has read yet.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            ring: ArrayQueue::new(count.max(1)),
            lost: AtomicU64::new(0),
            packets: AtomicU32::new(1),
            listening: AtomicBool::new(false),
        }
    }

    /// Whether somebody wants to hear of packets that rules choose.
    pub fn listen(&self, listening: bool) {
        self.listening.store(listening, Relaxed);
    }

    /// The oldest event that nobody has read.
    #[must_use]
    pub fn pop(&self) -> Option<Event> {
        self.ring.pop()
    }

    /// Events that found the ring full since this was last asked.
    #[must_use]
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Relaxed)
    }
}

/// What one worker needs to tell of packets.
#[derive(Debug)]
pub struct Tracing {
    traces: Arc<Traces>,
    filters: Option<Arc<Filters>>,
    worker: WorkerId,
    /// The snapshot that counters and chains are numbered in.
    snapshot: AtomicU32,
    dry: bool,
}

impl Tracing {
    /// Of a worker whom nobody has asked yet.
    #[must_use]
    pub const fn new(traces: Arc<Traces>, worker: WorkerId) -> Self {
        Self { traces, filters: None, worker, snapshot: AtomicU32::new(0), dry: false }
    }

    /// Of a packet that only might have been: every packet is chosen, and nothing that outlives it may change.
    pub(crate) fn dry(traces: Arc<Traces>, snapshot: u32) -> Self {
        let filters = Some(Arc::new(Filters::of(vec![(1, Arc::default())])));
        Self { traces, filters, worker: WorkerId(u8::MAX), snapshot: snapshot.into(), dry: true }
    }

    /// From now on packets meet the rules of that snapshot.
    pub(crate) fn enter(&self, snapshot: u32) {
        self.snapshot.store(snapshot, Relaxed);
    }

    /// Puts other filters in force; gives back those before, so that they are freed elsewhere.
    pub(crate) const fn replace(&mut self, filters: Option<Arc<Filters>>) -> Option<Arc<Filters>> {
        std::mem::replace(&mut self.filters, filters)
    }

    /// The filters of clients, if there are any.
    #[inline]
    pub(crate) fn filters(&self) -> Option<&Filters> {
        self.filters.as_deref()
    }

    /// Whether nothing that outlives the packet may change.
    pub(crate) const fn is_dry(&self) -> bool {
        self.dry
    }

    /// A number for a packet that these clients' filters chose.
    pub(crate) fn chosen(&self, clients: u32) -> Traced {
        Traced { packet: self.traces.packets.fetch_add(1, Relaxed), clients }
    }

    /// A number for a packet that a rule chose; none where nobody would hear of it.
    pub(crate) fn chosen_by_rule(&self) -> Option<Traced> {
        self.traces.listening.load(Relaxed).then(|| self.chosen(Traced::BY_RULE))
    }

    /// Tells a step.
    pub(crate) fn tell(&self, traced: Traced, version: IpVersion, unix: u64, step: Step) {
        let snapshot = self.snapshot.load(Relaxed);
        let event = Event { traced, version, worker: self.worker, snapshot, unix, step };
        if self.traces.ring.push(event).is_err() {
            self.traces.lost.fetch_add(1, Relaxed);
        }
    }
}
