//! What becomes of connections, told as it happens while somebody listens.
//!
//! ```text
//!   worker 0 ──┐
//!   worker 1 ──┼─ push ─> ring ─ pop ─> control plane
//!              │            └ full: the event is lost and counted
//! ```
//!
//! Workers learn once an aging round whether anybody listens, so a packet pays for one test of a flag of its
//! own worker, and only where something about its connection can change.

use super::{Listed, ListedExpectation};
use crate::ids::WorkerId;
use crossbeam_queue::ArrayQueue;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What happened to a connection, or to an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Its first packet has left.
    New,
    /// It was answered, became assured, or its TCP or SCTP state changed.
    Update,
    /// It is no more. The time it had left is told, to the last round of aging.
    Destroy,
}

/// What can happen to a connection (the kernel's `IPCT_*`, as far as it happens here).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes(u16);

impl Changes {
    /// Its first packet has left.
    pub const NEW: Self = Self(0x0100);
    /// It is no more.
    pub const DESTROY: Self = Self(0x0200);
    /// It was answered.
    pub const REPLY: Self = Self(0x1000);
    /// It will not give way.
    pub const ASSURED: Self = Self(0x2000);
    /// Its TCP or SCTP state is another.
    pub const PROTOCOL: Self = Self(0x4000);
    /// It got a mark with its first packet.
    pub const MARK: Self = Self(0x8000);
    /// All of these.
    pub const ALL: Self = Self(0xf300);
    /// Those that may come more than once, or later than the first packet: a [`Status`](super::Status) has their bits.
    pub(super) const LATER: Self = Self(0xf200);

    /// These and those of `more`, if that is so.
    #[must_use]
    pub const fn and_if(self, so: bool, more: Self) -> Self {
        Self(if so { self.0 | more.0 } else { self.0 })
    }
    /// These, except those of `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
    /// None at all.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Those among the bits of a [`Status`](super::Status), where they have these places.
    pub(super) const fn among(bits: u16) -> Self {
        Self(bits & Self::LATER.0)
    }
    pub(super) const fn bits(self) -> u16 {
        self.0
    }
}

/// One event, with the connection as it was then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The connection's owner.
    pub worker: WorkerId,
    /// The connection.
    pub connection: Listed,
    /// Whether its mark is among what has changed.
    pub marked: bool,
    /// The process that has asked for it; zero where none has.
    pub portid: u32,
}

/// An expectation has come, or is gone (the kernel's `IPEXP_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectationEvent {
    /// What happened; an expectation is never updated.
    pub kind: EventKind,
    /// The expectation, with the time it had left.
    pub expectation: ListedExpectation,
}

/// What workers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Of a connection.
    Connection(Event),
    /// Of one that is expected.
    Expectation(ExpectationEvent),
}

/// The events of all workers.
#[derive(Debug)]
pub struct Journal {
    listening: AtomicBool,
    ring: ArrayQueue<News>,
    lost: AtomicU64,
}

impl Journal {
    /// A journal that holds `capacity` events nobody has read yet, and nobody listens to.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            listening: AtomicBool::new(false),
            ring: ArrayQueue::new(capacity.max(1)),
            lost: AtomicU64::new(0),
        }
    }

    /// Asks workers to tell events, or to stop; they do from their next round of aging on.
    pub fn listen(&self, listening: bool) {
        self.listening.store(listening, Relaxed);
    }

    /// Whether somebody has asked for events.
    #[must_use]
    pub fn is_listened_to(&self) -> bool {
        self.listening.load(Relaxed)
    }

    pub(super) fn push(&self, news: News) {
        if self.ring.push(news).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// The oldest event that nobody has read.
    #[must_use]
    pub fn pop(&self) -> Option<News> {
        self.ring.pop()
    }

    /// Events that found the ring full since this was last asked.
    #[must_use]
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Relaxed)
    }
}
