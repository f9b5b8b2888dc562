//! How the control thread hands values to workers, and learns when they have let go of the old ones.
//!
//! ```text
//!   control                                  worker
//!   publish(new) ──> ArcSwap, version ──────> Reader::refresh, once a burst
//!   drops the old <── bounded retire queue <── gives its old Arc back
//!   Quiescence::mark … passed <────────────── WorkerQuiescence::quiescent, once a burst
//! ```
//!
//! Workers take no lock and free nothing; the control thread never waits for a worker unless it
//! chooses to.

mod quiescence;

pub use quiescence::{Mark, Quiescence, Retired, Watchdog, WorkerQuiescence};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use crossbeam_queue::ArrayQueue;

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
            for value in 1..=2_000 {
                published.publish(make(value));
            }
            stop.store(true, Ordering::Release);
            for worker in workers {
                let mut reader = worker.join().unwrap();
                // The retire queue may have been full at the last refresh in the thread.
                published.collect();
                reader.refresh();
                assert_eq!(reader.get().value, 2_000);
            }
        });
        published.collect();
        assert_eq!(dropped.load(Ordering::Relaxed), 2_000);
        drop(published);
        assert_eq!(dropped.load(Ordering::Relaxed), 2_001);
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
}
