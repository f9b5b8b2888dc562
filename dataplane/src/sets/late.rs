//! Changes by packets that cannot be made at once, because a shard is being copied or has no room: they wait in a bounded ring
//! for the thread that maintains the set, which is woken by the bell.

use super::hash::New;
use super::key::Key;
use crossbeam_queue::ArrayQueue;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

/// Changes that may wait. Copying a shard takes milliseconds.
const WAITING: usize = 1 << 14;

/// Rung where a set should be maintained before its time. One for all sets of a gateway.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<AtomicBool>);

impl Bell {
    pub(super) fn ring(&self) {
        // Who finds it rung leaves the line where it is.
        if !self.0.load(Relaxed) {
            self.0.store(true, Relaxed);
        }
    }
    /// Whether it was rung since this was last asked.
    #[must_use]
    pub fn heard(&self) -> bool {
        self.0.load(Relaxed) && self.0.swap(false, Relaxed)
    }
}

/// A change that waits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Late {
    /// The element, and whether it may be there already.
    Add(New, bool),
    Remove(Key),
}

/// The ring of one set; it has its memory from when packets are first expected to change the set.
#[derive(Debug, Default)]
pub(super) struct Waiting(OnceLock<ArrayQueue<Late>>);

impl Waiting {
    /// Takes the memory.
    pub(super) fn prepare(&self) {
        self.0.get_or_init(|| ArrayQueue::new(WAITING));
    }
    /// False where there is no room.
    pub(super) fn push(&self, change: Late) -> bool {
        self.0.get().is_some_and(|ring| ring.push(change).is_ok())
    }
    pub(super) fn pop(&self) -> Option<Late> {
        self.0.get()?.pop()
    }
    pub(super) fn is_empty(&self) -> bool {
        self.0.get().is_none_or(ArrayQueue::is_empty)
    }
}
