//! Interned lists of rules: what a cached verdict counts.
//!
//! ```text
//!   trail: counters ─> slots ─> path      Slots: of one generation of rules      counter <─> slot
//!                                         Paths: of a worker, for many of them   path ─> slots
//! ```
//!
//! Counters are numbered anew with every change of rules. A *slot* stays with its rule or policy as long as an
//! established packet meets it in the same place (see [`super::reach`]), and is nobody else's afterwards. So the
//! number of a path means the same before and after a change, and what flows remember holds.

use super::CounterId;
use crate::ids::PathId;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

/// Distinct paths a worker remembers; flows beyond them walk.
pub(super) const PATHS: usize = 4096;
/// Rules in all remembered paths together.
const STEPS: usize = 16 * PATHS;
/// Slots given out before all begins anew.
const SLOTS: u32 = 1 << 31;

/// Which slot belongs to which counter.
#[derive(Debug)]
pub(super) struct Slots {
    of_counter: Box<[u32]>,
    /// Slots in order, with their counters.
    counters: Box<[(u32, u32)]>,
    /// The next to be given out, to whatever generation.
    next: Arc<AtomicU32>,
}

impl Slots {
    /// Of `counters` counters, those `kept` excepted each with one that nobody had; `previous` are those before.
    pub(super) fn new(counters: usize, previous: Option<&Self>, kept: &[Option<u32>]) -> Self {
        let next = previous.map_or_else(Arc::default, |previous| Arc::clone(&previous.next));
        let missing = counters - kept.iter().flatten().count();
        let missing = u32::try_from(missing).unwrap_or(SLOTS);
        let mut fresh = next.fetch_add(missing, Relaxed);
        let kept = kept.iter().copied().chain(std::iter::repeat(None)).take(counters);
        let of_counter: Box<[u32]> = kept
            .map(|kept| {
                kept.unwrap_or_else(|| {
                    fresh += 1;
                    fresh - 1
                })
            })
            .collect();
        let mut by_slot: Vec<_> = of_counter.iter().copied().zip(0..).collect();
        by_slot.sort_unstable();
        Self { of_counter, counters: by_slot.into_boxed_slice(), next }
    }

    /// Whether enough are left for rules like these.
    pub(super) fn has_room(&self) -> bool {
        self.next.load(Relaxed) < SLOTS
    }

    /// Of how many counters.
    pub(super) const fn len(&self) -> usize {
        self.of_counter.len()
    }

    pub(super) fn of(&self, counter: u32) -> Option<u32> {
        self.of_counter.get(counter as usize).copied()
    }

    /// The counter of a slot; none where its rule is gone.
    fn counter(&self, slot: u32) -> Option<CounterId> {
        let at = self.counters.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        self.counters.get(at).map(|(_, counter)| CounterId(*counter))
    }
}

/// The paths of one worker. It alone adds to them; the control thread reads.
#[derive(Debug)]
pub(super) struct Paths {
    /// Where each path's steps begin; their number stands before them.
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

impl Paths {
    /// For rules with `counters` counters: without any there is but one path.
    pub(super) fn new(counters: usize) -> Self {
        let paths = Self::capacity_for(counters);
        let steps = if paths == 1 { 1 } else { STEPS };
        Self {
            starts: zeroed(paths),
            steps: zeroed(steps),
            index: zeroed(2 * paths),
            used: AtomicU64::new(0),
        }
    }

    /// Paths of rules with so many counters there is room for.
    pub(super) const fn capacity_for(counters: usize) -> usize {
        if counters == 0 { 1 } else { PATHS }
    }

    /// Paths there is room for.
    pub(super) fn capacity(&self) -> usize {
        self.starts.len()
    }

    /// Whether a quarter of it is free: paths of rules that are gone stay in it.
    pub(super) fn has_room(&self) -> bool {
        let used = self.used.load(Acquire);
        let (paths, steps) = ((used & 0xffff_ffff) as usize, (used >> 32) as usize);
        paths < self.starts.len() / 4 * 3 && steps < self.steps.len() / 4 * 3
    }

    /// The path of these slots; none when the table is full.
    pub(super) fn intern(&self, slots: &[u32]) -> Option<PathId> {
        let mut slot = slots.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &step| {
            (hash ^ u64::from(step)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
        }) as usize;
        for _ in 0..self.index.len() {
            let cell = self.index.get(slot % self.index.len())?;
            match cell.load(Relaxed).checked_sub(1) {
                None => return self.append(slots, cell),
                Some(path) if self.steps_of(path as usize).eq(slots.iter().copied()) => {
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

    /// All paths, each with the counters of its rules that are still there.
    pub(super) fn iter<'p>(
        &'p self,
        slots: &'p Slots,
    ) -> impl Iterator<Item = impl Iterator<Item = CounterId> + 'p> + 'p {
        let paths = (self.used.load(Acquire) & 0xffff_ffff) as usize;
        (0..paths).map(|path| self.steps_of(path).filter_map(|slot| slots.counter(slot)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_stay_with_their_rules_and_are_nobody_elses_afterwards() {
        let first = Slots::new(3, None, &[]);
        assert_eq!((first.of(0), first.of(2), first.of(3)), (Some(0), Some(2), None));
        // A rule before the second, in place of the first.
        let second = Slots::new(4, Some(&first), &[None, None, Some(1), Some(2)]);
        assert_eq!([0, 1, 2, 3].map(|counter| second.of(counter).unwrap()), [3, 4, 1, 2]);
        assert_eq!(second.counter(1), Some(CounterId(2)));
        assert_eq!(second.counter(0), None, "its rule is gone");
        let third = Slots::new(1, Some(&first), &[]);
        assert_eq!(third.of(0), Some(5), "after the same ones, and yet another");
    }

    #[test]
    fn a_full_table_refuses_and_keeps_what_it_has() {
        let paths = Paths::new(100_000);
        for rule in 0..PATHS as u32 + 10 {
            assert_eq!(paths.has_room(), (rule as usize) < PATHS / 4 * 3);
            assert_eq!(paths.intern(&[rule]).is_some(), (rule as usize) < PATHS);
        }
        assert_eq!(paths.intern(&[7]), Some(PathId(7)));
    }
}
