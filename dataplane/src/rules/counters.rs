//! Exact rule counters that cost an established packet one addition.
//!
//! A packet that walks rules counts each rule it matched. A packet that takes a cached verdict counts the
//! *path*: the interned list of rules its predecessor matched. A rule's counter is its own count plus
//! that of every path through it. One worker writes, anybody reads: relaxed atomics, no
//! read-modify-write instruction.

use super::CounterId;
use crate::ids::PathId;
use std::sync::atomic::{
    AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

/// Distinct paths a worker remembers per generation of rules; flows beyond them walk.
const PATHS: usize = 4096;
/// Rules in all remembered paths together.
const STEPS: usize = 16 * PATHS;

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
    fn steps(&self) -> &[u32] {
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
    paths: Box<[Counter]>,
    /// Where each path's steps begin; its length stands before them.
    starts: Box<[AtomicU32]>,
    steps: Box<[AtomicU32]>,
    /// Open addressing by the hash of the steps: path + 1.
    index: Box<[AtomicU32]>,
    /// Paths (low half) and steps (high half) in use; written last.
    used: AtomicU64,
}

fn zeroed(count: usize) -> Box<[AtomicU32]> {
    std::iter::repeat_with(AtomicU32::default).take(count).collect()
}

impl RuleCounters {
    pub(super) fn new(rules: usize) -> Self {
        let counters = |count| std::iter::repeat_with(Counter::default).take(count).collect();
        let paths = if rules == 0 { 1 } else { PATHS };
        Self {
            rules: counters(rules),
            paths: counters(paths),
            starts: zeroed(paths),
            steps: zeroed(if rules == 0 { 1 } else { STEPS }),
            index: zeroed(2 * paths),
            used: AtomicU64::new(0),
        }
    }

    /// Counts one packet of `bytes` against one rule or policy.
    pub fn count(&self, counter: CounterId, bytes: u64) {
        if let Some(rule) = self.rules.get(counter.0 as usize) {
            rule.add(1, bytes);
        }
    }

    /// Counts `packets` of `bytes` in all against every rule of a path.
    pub fn count_path(&self, path: PathId, packets: u64, bytes: u64) {
        if let Some(counter) = self.paths.get(path.index()) {
            counter.add(packets, bytes);
        }
    }

    /// The path of a trail; none when the table is full, and then the flow must walk every time.
    #[must_use]
    pub fn intern(&self, trail: &Trail) -> Option<PathId> {
        if trail.overflowed {
            return None;
        }
        let steps = trail.steps();
        let mut slot = steps.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &step| {
            (hash ^ u64::from(step)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
        }) as usize;
        for _ in 0..self.index.len() {
            let cell = self.index.get(slot % self.index.len())?;
            match cell.load(Relaxed).checked_sub(1) {
                None => return self.append(steps, cell),
                Some(path) if self.steps_of(path as usize).eq(steps.iter().copied()) => {
                    return Some(PathId(path));
                }
                Some(_) => slot = slot.wrapping_add(1),
            }
        }
        None
    }

    fn append(&self, steps: &[u32], cell: &AtomicU32) -> Option<PathId> {
        let used = self.used.load(Relaxed);
        let (path, start) = (used & 0xffff_ffff, (used >> 32) as usize);
        let end = start + steps.len() + 1;
        // Kept half empty so that a search ends.
        let place = self.starts.get(path as usize)?;
        let cells = self.steps.get(start..end)?;
        place.store(u32::try_from(start).ok()?, Relaxed);
        let lengthened =
            std::iter::once(u32::try_from(steps.len()).ok()?).chain(steps.iter().copied());
        for (to, from) in cells.iter().zip(lengthened) {
            to.store(from, Relaxed);
        }
        let path = u32::try_from(path).ok()?;
        cell.store(path + 1, Relaxed);
        self.used.store((end as u64) << 32 | u64::from(path + 1), Release);
        Some(PathId(path))
    }

    fn steps_of(&self, path: usize) -> impl Iterator<Item = u32> + '_ {
        let start = self.starts.get(path).map_or(0, |start| start.load(Relaxed) as usize);
        let len = self.steps.get(start).map_or(0, |len| len.load(Relaxed) as usize);
        self.steps
            .get(start + 1..start + 1 + len)
            .unwrap_or_default()
            .iter()
            .map(|s| s.load(Relaxed))
    }

    /// Adds this worker's counts to `sums`, which grows to one entry per counter.
    pub fn add_to(&self, sums: &mut Vec<Count>) {
        if sums.len() < self.rules.len() {
            sums.resize(self.rules.len(), Count::default());
        }
        for (sum, rule) in sums.iter_mut().zip(&self.rules) {
            rule.add_to(sum);
        }
        let paths = (self.used.load(Acquire) & 0xffff_ffff) as usize;
        for (path, counter) in self.paths.iter().enumerate().take(paths) {
            for step in self.steps_of(path) {
                if let Some(sum) = sums.get_mut(step as usize) {
                    counter.add_to(sum);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_counts_its_own_packets_and_those_of_its_paths() {
        let counters = RuleCounters::new(3);
        let mut trail = Trail::new();
        trail.note(CounterId(0));
        trail.note(CounterId(2));
        counters.count(CounterId(0), 100);
        let path = counters.intern(&trail).unwrap();
        assert_eq!(counters.intern(&trail), Some(path));
        counters.count_path(path, 1, 50);
        counters.count_path(path, 1, 50);
        let mut sums = Vec::new();
        counters.add_to(&mut sums);
        assert_eq!(
            sums,
            [(3, 200), (0, 0), (2, 100)].map(|(packets, bytes)| Count { packets, bytes })
        );
    }

    #[test]
    fn a_full_table_refuses_and_keeps_what_it_has() {
        let counters = RuleCounters::new(100_000);
        for rule in 0..PATHS as u32 + 10 {
            let mut trail = Trail::new();
            trail.note(CounterId(rule));
            assert_eq!(counters.intern(&trail).is_some(), (rule as usize) < PATHS);
        }
    }
}
