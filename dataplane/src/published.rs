//! How the control thread hands values to workers, and learns when they have let go of the old ones.
//!
//! ```text
//!   control                                  worker
//!   publish(new) ──> ArcSwap, version ──────> Reader::refresh, once a burst
//!   drops the old <── bounded retire queue <── gives its old Arc back
//!   Generation::bump                          Generation::current, read before refresh
//!   Quiescence::mark … passed <────────────── WorkerQuiescence::quiescent, once a burst
//! ```
//!
//! Workers take no lock and free nothing; the control thread never waits for a worker unless it
//! chooses to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_queue::ArrayQueue;

use crate::ids::WorkerId;
use crate::time::Instant;

/// The control thread's half of a value that workers read.
#[derive(Debug)]
pub struct Published<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    value: ArcSwap<T>,
    version: AtomicU64,
    retired: ArrayQueue<Arc<T>>,
}

impl<T> Published<T> {
    /// Old values that can wait for the control thread; every publication empties the queue, so a
    /// few per worker are plenty.
    const RETIRE_QUEUE: usize = 1024;

    /// Publishes a first value.
    #[must_use]
    pub fn new(value: Arc<T>) -> Self {
        Self {
            shared: Arc::new(Shared {
                value: ArcSwap::new(value),
                version: AtomicU64::new(0),
                retired: ArrayQueue::new(Self::RETIRE_QUEUE),
            }),
        }
    }

    /// Makes `value` what every reader sees from its next burst on.
    pub fn publish(&self, value: Arc<T>) {
        self.collect();
        self.shared.value.store(value);
        self.shared.version.fetch_add(1, Ordering::Release);
    }

    /// The value last published.
    #[must_use]
    pub fn current(&self) -> Arc<T> {
        self.shared.value.load_full()
    }

    /// Drops the old values that workers gave back; returns how many references there were.
    pub fn collect(&self) -> usize {
        std::iter::from_fn(|| self.shared.retired.pop()).count()
    }

    /// A reader for one worker.
    #[must_use]
    pub fn reader(&self) -> Reader<T> {
        let version = self.shared.version.load(Ordering::Acquire);
        let current = self.shared.value.load_full();
        Reader { shared: Arc::clone(&self.shared), current, version, held: None }
    }
}

/// A worker's half: its own reference, renewed between bursts.
#[derive(Debug)]
pub struct Reader<T> {
    shared: Arc<Shared<T>>,
    current: Arc<T>,
    version: u64,
    /// An old value that found the retire queue full.
    held: Option<Arc<T>>,
}

impl<T> Reader<T> {
    /// Takes the newest value; true when it is another than before.
    ///
    /// While an old value cannot be given back the reader stays with what it has: the worker must
    /// not be the one that drops it.
    pub fn refresh(&mut self) -> bool {
        let version = self.shared.version.load(Ordering::Acquire);
        if version == self.version {
            return false;
        }
        self.take(version)
    }

    /// The value as of the last [`refresh`](Self::refresh).
    #[must_use]
    pub fn get(&self) -> &T {
        &self.current
    }

    /// A reference of one's own to the same value.
    #[must_use]
    pub fn share(&self) -> Arc<T> {
        Arc::clone(&self.current)
    }

    #[cold]
    fn take(&mut self, version: u64) -> bool {
        if let Some(held) = self.held.take() {
            self.held = self.shared.retired.push(held).err();
            if self.held.is_some() {
                return false;
            }
        }
        let old = std::mem::replace(&mut self.current, self.shared.value.load_full());
        self.held = self.shared.retired.push(old).err();
        self.version = version;
        true
    }
}

/// The stamp of cached verdicts: moves on after every publication an established flow could notice.
///
/// The control thread publishes, then bumps; a worker reads [`current`](Self::current), then
/// refreshes. So a verdict reached with an old value never carries a new stamp.
#[derive(Debug)]
pub struct Generation(AtomicU32);

impl Default for Generation {
    fn default() -> Self {
        Self::new()
    }
}

impl Generation {
    /// The first generation, 1: zero stamps nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU32::new(1))
    }

    /// The generation of now, never zero.
    #[must_use]
    pub fn current(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// Outdates every verdict reached so far; called by the control thread alone.
    pub fn bump(&self) -> u32 {
        let next = self.0.load(Ordering::Relaxed).checked_add(1).unwrap_or(1);
        self.0.store(next, Ordering::Release);
        next
    }
}

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

    /// Notes the thread that dropped it.
    struct Tracked {
        value: u64,
        check: u64,
        owner: thread::ThreadId,
        dropped: Arc<AtomicUsize>,
    }

    impl Drop for Tracked {
        fn drop(&mut self) {
            assert_eq!(thread::current().id(), self.owner, "dropped by a worker");
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn readers_see_the_newest_and_never_drop() {
        let dropped = Arc::new(AtomicUsize::new(0));
        let owner = thread::current().id();
        let make = |value: u64| {
            Arc::new(Tracked { value, check: !value, owner, dropped: Arc::clone(&dropped) })
        };
        let published = Published::new(make(0));
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..3)
                .map(|_| {
                    let mut reader = published.reader();
                    let stop = &stop;
                    scope.spawn(move || {
                        let mut last = 0;
                        while !stop.load(Ordering::Acquire) {
                            reader.refresh();
                            let seen = reader.get();
                            assert_eq!(seen.check, !seen.value);
                            assert!(seen.value >= last, "went back in time");
                            last = seen.value;
                        }
                        reader.refresh();
                        reader
                    })
                })
                .collect();
            for value in 1..=5_000 {
                published.publish(make(value));
            }
            stop.store(true, Ordering::Release);
            for worker in workers {
                let mut reader = worker.join().unwrap();
                // The retire queue may have been full at the last refresh in the thread.
                published.collect();
                reader.refresh();
                assert_eq!(reader.get().value, 5_000);
            }
        });
        published.collect();
        assert_eq!(dropped.load(Ordering::Relaxed), 5_000);
        drop(published);
        assert_eq!(dropped.load(Ordering::Relaxed), 5_001);
    }

    #[test]
    fn a_full_retire_queue_keeps_the_old_value() {
        let published = Published::new(Arc::new(0));
        let mut reader = published.reader();
        while published.shared.retired.push(Arc::new(99)).is_ok() {}
        // Not through `publish`, which empties the queue.
        let publish = |value| {
            published.shared.value.store(Arc::new(value));
            published.shared.version.fetch_add(1, Ordering::Release);
        };
        publish(1);
        assert!(reader.refresh());
        publish(2);
        assert!(!reader.refresh(), "nowhere to put the old value");
        assert_eq!(*reader.get(), 1);
        assert_eq!(published.collect(), Published::<i32>::RETIRE_QUEUE);
        assert!(reader.refresh());
        assert_eq!(*reader.get(), 2);
    }

    #[test]
    fn generation_skips_zero() {
        let generation = Generation(AtomicU32::new(u32::MAX));
        assert_eq!(generation.bump(), 1);
        assert_eq!(generation.current(), 1);
    }

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
            while turns < 5_000 {
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
