//! What a worker counts. One writer, any reader: relaxed loads and stores, no read-modify-write.
//!
//! Every packet is accounted for. Summed over all workers, and with what waits in
//! [`pending`](crate::neighbour), in reassembly and in hand-off rings:
//!
//! ```text
//!   received + originated = transmitted + local + dropped + waiting
//! ```

use crate::drop_reason::{DropCounts, DropReason};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters other than drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// Packets from ports and from the host.
    Received,
    /// Packets the gateway made: answers, errors, further fragments.
    Originated,
    /// Packets given to a port.
    Transmitted,
    /// Packets that ended here: delivered to the host, or answered.
    Local,
    /// Packets given to another worker.
    HandedOut,
    /// Packets taken from other workers.
    HandedIn,
    /// Bursts that carried something.
    Bursts,
    /// Packets that took a cached verdict.
    Cached,
    /// Layer-4 checksums completed for a peer that left them to its hardware.
    Completed,
    /// Packets held now: waiting for next hops or for other fragments. A level, not a sum.
    Held,
    /// Connections owned now. A level.
    Connections,
    /// Connections that entered the table.
    Inserted,
    /// Connections that did not: a clash, or no room.
    InsertFailed,
    /// Connections that gave way when the table was full.
    EarlyDropped,
    /// First packets dropped because the table was full.
    TableFull,
    /// Connections that ended by time.
    Expired,
    /// Packets of no connection and not fit to begin one.
    Invalid,
}

const COUNTERS: usize = Counter::Invalid as usize + 1;

/// One worker's counters.
#[derive(Debug)]
#[repr(align(128))]
pub struct WorkerCounters {
    counts: [AtomicU64; COUNTERS],
    drops: [AtomicU64; DropReason::ALL.len()],
}

impl Default for WorkerCounters {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            drops: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl WorkerCounters {
    /// Adds `count`; only the worker that owns the counters may.
    pub fn add(&self, counter: Counter, count: u64) {
        let cell = &self.counts[counter as usize];
        cell.store(cell.load(Relaxed).wrapping_add(count), Relaxed);
    }
    /// Sets a level; only the worker that owns the counters may.
    pub fn set(&self, counter: Counter, level: u64) {
        self.counts[counter as usize].store(level, Relaxed);
    }
    /// Counts one drop; only the worker that owns the counters may.
    pub fn dropped(&self, reason: DropReason) {
        self.dropped_many(reason, 1);
    }
    /// Counts the drop of all frames of a datagram.
    pub(crate) fn dropped_many(&self, reason: DropReason, frames: usize) {
        let cell = &self.drops[reason as usize];
        cell.store(cell.load(Relaxed).wrapping_add(frames as u64), Relaxed);
    }
    /// One counter.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.counts[counter as usize].load(Relaxed)
    }
    /// Drops by reason.
    #[must_use]
    pub fn drops(&self) -> DropCounts {
        let mut counts = DropCounts::default();
        for (&reason, cell) in DropReason::ALL.iter().zip(&self.drops) {
            counts.set(reason, cell.load(Relaxed));
        }
        counts
    }
}
