//! Exact rule counters that cost an established packet one addition.
//!
//! A packet that walks rules counts each rule it matched. A packet that takes a cached verdict counts the
//! *path*: the interned list of rules its predecessor matched. A rule's counter is its own count plus
//! that of every path through it. One worker writes, anybody reads: relaxed atomics, no
//! read-modify-write instruction.

use super::CounterId;
use super::paths::{Paths, Slots};
use crate::ids::PathId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Packets and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Packets (connections, in nat).
    pub packets: u64,
    /// Bytes of IP.
    pub bytes: u64,
}

#[derive(Debug, Default)]
struct Counter {
    packets: AtomicU64,
    bytes: AtomicU64,
}

impl Counter {
    fn add(&self, packets: u64, bytes: u64) {
        self.packets.store(self.packets.load(Relaxed).wrapping_add(packets), Relaxed);
        self.bytes.store(self.bytes.load(Relaxed).wrapping_add(bytes), Relaxed);
    }
    fn is_zero(&self) -> bool {
        self.packets.load(Relaxed) == 0
    }
    fn add_to(&self, sum: &mut Count) {
        sum.packets += self.packets.load(Relaxed);
        sum.bytes += self.bytes.load(Relaxed);
    }
}

/// The counters of the rules and policies one packet has passed, in order.
#[derive(Debug, Clone)]
pub struct Trail {
    steps: [u32; Self::MAX],
    len: usize,
    overflowed: bool,
}

impl Trail {
    const MAX: usize = 64;

    /// Nothing passed yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { steps: [0; Self::MAX], len: 0, overflowed: false }
    }
    /// Nothing passed again.
    pub const fn clear(&mut self) {
        (self.len, self.overflowed) = (0, false);
    }
    /// Notes one rule or policy.
    pub fn note(&mut self, counter: CounterId) {
        match self.steps.get_mut(self.len) {
            Some(step) => {
                *step = counter.0;
                self.len += 1;
            }
            None => self.overflowed = true,
        }
    }
    pub(super) fn steps(&self) -> &[u32] {
        self.steps.get(..self.len).unwrap_or_default()
    }
}

impl Default for Trail {
    fn default() -> Self {
        Self::new()
    }
}

/// One worker's counters for one generation of rules.
#[derive(Debug)]
pub struct RuleCounters {
    rules: Box<[Counter]>,
    /// By the number of the path.
    counts: Box<[Counter]>,
    slots: Arc<Slots>,
    paths: Arc<Paths>,
}

impl RuleCounters {
    pub(super) fn new(rules: usize, slots: &Arc<Slots>, paths: Arc<Paths>) -> Self {
        let counters = |count| std::iter::repeat_with(Counter::default).take(count).collect();
        let counts = counters(paths.capacity());
        Self { rules: counters(rules), counts, slots: Arc::clone(slots), paths }
    }

    /// The paths the worker has interned, under these rules and those before them.
    pub(super) const fn paths(&self) -> &Arc<Paths> {
        &self.paths
    }

    /// Counts one packet of `bytes` against one rule or policy.
    pub fn count(&self, counter: CounterId, bytes: u64) {
        if let Some(rule) = self.rules.get(counter.0 as usize) {
            rule.add(1, bytes);
        }
    }

    /// Counts `packets` of `bytes` in all against every rule of a path.
    pub fn count_path(&self, path: PathId, packets: u64, bytes: u64) {
        if let Some(counter) = self.counts.get(path.index()) {
            counter.add(packets, bytes);
        }
    }

    /// The path of a trail; none when the table is full, and then the flow must walk every time.
    #[must_use]
    pub fn intern(&self, trail: &Trail) -> Option<PathId> {
        if trail.overflowed {
            return None;
        }
        let mut slots = [0; Trail::MAX];
        let slots = slots.get_mut(..trail.len)?;
        for (slot, counter) in slots.iter_mut().zip(trail.steps()) {
            *slot = self.slots.of(*counter)?;
        }
        self.paths.intern(slots)
    }

    /// Adds this worker's counts to `sums`, which grows to one entry per counter.
    pub fn add_to(&self, sums: &mut Vec<Count>) {
        if sums.len() < self.rules.len() {
            sums.resize(self.rules.len(), Count::default());
        }
        for (sum, rule) in sums.iter_mut().zip(&self.rules) {
            rule.add_to(sum);
        }
        for (steps, counter) in self.paths.iter(&self.slots).zip(&self.counts) {
            if counter.is_zero() {
                continue;
            }
            for step in steps {
                if let Some(sum) = sums.get_mut(step.0 as usize) {
                    counter.add_to(sum);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(steps: &[u32]) -> Trail {
        let mut trail = Trail::new();
        steps.iter().for_each(|step| trail.note(CounterId(*step)));
        trail
    }

    fn sums(counters: &RuleCounters) -> Vec<(u64, u64)> {
        let mut sums = Vec::new();
        counters.add_to(&mut sums);
        sums.iter().map(|count| (count.packets, count.bytes)).collect()
    }

    #[test]
    fn a_rule_counts_its_own_packets_and_those_of_its_paths() {
        let slots = Arc::new(Slots::new(3, None, &[]));
        let counters = RuleCounters::new(3, &slots, Arc::new(Paths::new(3)));
        counters.count(CounterId(0), 100);
        let path = counters.intern(&trail(&[0, 2])).unwrap();
        assert_eq!(counters.intern(&trail(&[0, 2])), Some(path));
        counters.count_path(path, 1, 50);
        counters.count_path(path, 1, 50);
        assert_eq!(sums(&counters), [(3, 200), (0, 0), (2, 100)]);
        assert_eq!(counters.intern(&trail(&[3])), None, "there is no such rule");
    }

    /// A rule is put in before the second; the path interned before counts for its own rules all the same.
    #[test]
    fn a_path_outlives_the_numbers_of_its_rules() {
        let slots = Arc::new(Slots::new(2, None, &[]));
        let before = RuleCounters::new(2, &slots, Arc::new(Paths::new(2)));
        let path = before.intern(&trail(&[0, 1])).unwrap();
        before.count_path(path, 1, 10);
        let slots = Arc::new(Slots::new(3, Some(&slots), &[Some(0), None, Some(1)]));
        let after = RuleCounters::new(3, &slots, Arc::clone(before.paths()));
        after.count_path(path, 2, 20);
        assert_eq!(after.intern(&trail(&[0, 2])), Some(path));
        assert_ne!(after.intern(&trail(&[0, 1])), Some(path));
        assert_eq!(sums(&before), [(1, 10), (1, 10)]);
        assert_eq!(sums(&after), [(2, 20), (0, 0), (2, 20)]);
    }
}
