//! Quiescent-state reclamation: when nothing unlinked before a moment can be held by a worker any
//! more.
//!
//! ```text
//!   control:  unlink ── mark ─────────────── passed? no ── passed? yes ── reuse or drop
//!   worker:   …── burst ──┬── quiescent ── burst ──┬── quiescent ── …
//!                 may hold what was unlinked   cannot
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use crate::ids::WorkerId;
use crate::time::Instant;

/// A counter on cache lines of its own (two, as processors prefetch in pairs).
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

/// Where each worker stands: a count of its bursts, zero while it is offline.
#[derive(Debug)]
pub struct Quiescence {
    workers: Box<[Counter]>,
}

/// A moment in every worker's count, from [`Quiescence::mark`].
#[derive(Debug, Clone)]
pub struct Mark(Box<[u64]>);

impl Quiescence {
    /// Counters for `workers` workers, all offline.
    #[must_use]
    pub fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self { workers: (0..workers).map(|_| Counter::default()).collect() })
    }

    /// Brings a worker online; none if there is no such worker. Held by that worker alone.
    #[must_use]
    pub fn worker(self: &Arc<Self>, worker: WorkerId) -> Option<WorkerQuiescence> {
        let counter = self.workers.get(worker.index())?;
        counter.0.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        Some(WorkerQuiescence { shared: Arc::clone(self), worker, count: 1 })
    }

    /// Marks now. What was unlinked before is unreachable once the mark has [passed](Self::passed).
    #[must_use]
    pub fn mark(&self) -> Mark {
        // Pairs with the fence in `quiescent`: either the worker sees what we unlinked, or we see a
        // count from before and wait for the next.
        fence(Ordering::SeqCst);
        Mark(self.workers.iter().map(|worker| worker.0.load(Ordering::Acquire)).collect())
    }

    /// Whether every worker has been quiescent, or offline, since the mark.
    #[must_use]
    pub fn passed(&self, mark: &Mark) -> bool {
        self.workers.iter().zip(&mark.0).all(|(worker, marked)| {
            let count = worker.0.load(Ordering::Acquire);
            count == 0 || count != *marked
        })
    }

    /// Waits, with `pause` between looks, until everything up to now has passed; false when `pause`
    /// says to give up.
    pub fn synchronize(&self, mut pause: impl FnMut() -> bool) -> bool {
        let mark = self.mark();
        while !self.passed(&mark) {
            if !pause() {
                return false;
            }
        }
        true
    }

    /// Bursts a worker has begun since it came online; zero while offline, none if there is no such
    /// worker.
    #[must_use]
    pub fn count(&self, worker: WorkerId) -> Option<u64> {
        self.workers.get(worker.index()).map(|counter| counter.0.load(Ordering::Relaxed))
    }

    /// Number of workers.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers.len()
    }
}

/// A worker's own counter; dropping it takes the worker offline.
#[derive(Debug)]
pub struct WorkerQuiescence {
    shared: Arc<Quiescence>,
    worker: WorkerId,
    count: u64,
}

impl WorkerQuiescence {
    /// Says that this worker holds nothing shared from before now; called once a burst.
    pub fn quiescent(&mut self) {
        self.count += 1;
        self.set(self.count);
    }

    /// Which worker this is.
    #[must_use]
    pub const fn worker(&self) -> WorkerId {
        self.worker
    }

    fn set(&self, count: u64) {
        if let Some(counter) = self.shared.workers.get(self.worker.index()) {
            counter.0.store(count, Ordering::Release);
            // The next burst's loads must not run ahead of this store; see `Quiescence::mark`.
            fence(Ordering::SeqCst);
        }
    }
}

impl Drop for WorkerQuiescence {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Things unlinked from what workers read, waiting until no worker can hold them.
#[derive(Debug)]
pub struct Retired<T> {
    unmarked: Vec<T>,
    waiting: VecDeque<(Mark, Vec<T>)>,
}

impl<T> Default for Retired<T> {
    fn default() -> Self {
        Self { unmarked: Vec::new(), waiting: VecDeque::new() }
    }
}

impl<T> Retired<T> {
    /// Keeps `item`, already unlinked.
    pub fn push(&mut self, item: T) {
        self.unmarked.push(item);
    }

    /// Gives back what no worker can reach any more.
    pub fn reclaim(&mut self, quiescence: &Quiescence, mut free: impl FnMut(T)) {
        if !self.unmarked.is_empty() {
            self.waiting.push_back((quiescence.mark(), std::mem::take(&mut self.unmarked)));
        }
        while self.waiting.front().is_some_and(|(mark, _)| quiescence.passed(mark)) {
            if let Some((_, items)) = self.waiting.pop_front() {
                items.into_iter().for_each(&mut free);
            }
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.unmarked.len() + self.waiting.iter().map(|(_, items)| items.len()).sum::<usize>()
    }

    /// Whether none wait.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unmarked.is_empty() && self.waiting.is_empty()
    }
}

/// The control thread's watch over workers: how long each has stood still.
#[derive(Debug)]
pub struct Watchdog {
    quiescence: Arc<Quiescence>,
    seen: Vec<(u64, Instant)>,
}

impl Watchdog {
    /// Starts watching at `now`.
    #[must_use]
    pub fn new(quiescence: Arc<Quiescence>, now: Instant) -> Self {
        let seen = vec![(0, now); quiescence.workers()];
        Self { quiescence, seen }
    }

    /// How long ago the worker was last seen to move, by looks at [`age`](Self::age); none while it
    /// is offline. Look at least as often as the precision wanted.
    pub fn age(&mut self, worker: WorkerId, now: Instant) -> Option<Duration> {
        let count = self.quiescence.count(worker)?;
        let (seen, since) = self.seen.get_mut(worker.index())?;
        if *seen != count {
            (*seen, *since) = (count, now);
        }
        (count != 0).then(|| now.since(*since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize};
    use std::thread;

    #[test]
    fn a_mark_passes_when_every_online_worker_moved() {
        let quiescence = Quiescence::new(3);
        let mut first = quiescence.worker(WorkerId(0)).unwrap();
        let mut second = quiescence.worker(WorkerId(1)).unwrap();
        assert!(quiescence.worker(WorkerId(3)).is_none());
        let mark = quiescence.mark();
        assert!(!quiescence.passed(&mark));
        first.quiescent();
        assert!(!quiescence.passed(&mark));
        second.quiescent();
        assert!(quiescence.passed(&mark));
        let mark = quiescence.mark();
        first.quiescent();
        drop(second);
        assert!(quiescence.passed(&mark), "offline workers hold nothing");
        let mut looks = 0;
        assert!(!quiescence.synchronize(|| {
            looks += 1;
            looks < 3
        }));
        assert_eq!(looks, 3);
    }

    #[test]
    fn retired_slots_are_not_reused_under_a_reader() {
        // The writer flips a pointer between slots and scribbles over a slot once it is reclaimed; a
        // worker that follows the pointer must never find scribbles.
        const SLOTS: usize = 8;
        let slots: Vec<AtomicU64> = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        let pointer = AtomicUsize::new(0);
        let quiescence = Quiescence::new(2);
        let stop = AtomicBool::new(false);
        slots[0].store(1, Ordering::Relaxed);
        thread::scope(|scope| {
            for worker in 0..2 {
                let (quiescence, stop, slots, pointer) = (&quiescence, &stop, &slots, &pointer);
                scope.spawn(move || {
                    let mut own = quiescence.worker(WorkerId(worker)).unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        own.quiescent();
                        let slot = pointer.load(Ordering::Acquire);
                        for _ in 0..20 {
                            assert_ne!(slots[slot].load(Ordering::Relaxed), 0, "reused too early");
                        }
                    }
                });
            }
            let mut free: Vec<usize> = (1..SLOTS).collect();
            let mut retired = Retired::default();
            let mut turns = 0;
            while turns < 1_000 {
                if let Some(next) = free.pop() {
                    slots[next].store(1, Ordering::Relaxed);
                    retired.push(pointer.swap(next, Ordering::AcqRel));
                    turns += 1;
                } else {
                    thread::yield_now();
                }
                retired.reclaim(&quiescence, |slot| {
                    slots[slot].store(0, Ordering::Relaxed);
                    free.push(slot);
                });
            }
            stop.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn the_watchdog_sees_a_worker_stand_still() {
        let second = |seconds: u64| Instant(seconds * 1_000_000_000);
        let quiescence = Quiescence::new(1);
        let mut watchdog = Watchdog::new(Arc::clone(&quiescence), second(0));
        assert_eq!(watchdog.age(WorkerId(0), second(1)), None);
        let mut worker = quiescence.worker(WorkerId(0)).unwrap();
        assert_eq!(watchdog.age(WorkerId(0), second(2)), Some(Duration::ZERO));
        assert_eq!(watchdog.age(WorkerId(0), second(5)), Some(Duration::from_secs(3)));
        worker.quiescent();
        assert_eq!(watchdog.age(WorkerId(0), second(6)), Some(Duration::ZERO));
        drop(worker);
        assert_eq!(watchdog.age(WorkerId(0), second(7)), None);
    }
}
