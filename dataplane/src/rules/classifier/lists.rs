//! Lists of rule positions, found by the hash of what their rules demand.

use std::ops::Range;

const EMPTY: u32 = u32::MAX;

/// An open-addressing table, at most half full, and the lists behind it. Two keys of one hash share a
/// list: a rule too many is asked, none too few.
#[derive(Debug)]
pub(super) struct Lists {
    slots: Box<[Slot]>,
    /// Where each list begins, and the last one ends.
    starts: Box<[u32]>,
    positions: Box<[u32]>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    list: u32,
}

impl Lists {
    /// From pairs of hash and position.
    pub(super) fn new(mut entries: Vec<(u32, u32)>) -> Self {
        entries.sort_unstable();
        entries.dedup();
        let mut lists: Vec<(u32, u32)> = Vec::new();
        for (at, &(hash, _)) in (0_u32..).zip(&entries) {
            if lists.last().is_none_or(|&(last, _)| last != hash) {
                lists.push((hash, at));
            }
        }
        let size = (2 * lists.len()).next_power_of_two();
        let mut slots = vec![Slot { hash: 0, list: EMPTY }; size].into_boxed_slice();
        for (list, &(hash, _)) in (0_u32..).zip(&lists) {
            let mut at = hash as usize & (size - 1);
            while slots[at].list != EMPTY {
                at = (at + 1) & (size - 1);
            }
            slots[at] = Slot { hash, list };
        }
        let end = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        Self {
            slots,
            starts: lists.iter().map(|&(_, start)| start).chain([end]).collect(),
            positions: entries.into_iter().map(|(_, position)| position).collect(),
        }
    }

    /// Where the list of `hash` is.
    #[inline]
    pub(super) fn find(&self, hash: u32) -> Option<Range<u32>> {
        let mut at = hash as usize;
        loop {
            let slot = self.slots.get(at & (self.slots.len() - 1))?;
            if slot.list == EMPTY {
                return None;
            }
            if slot.hash == hash {
                let list = slot.list as usize;
                return Some(*self.starts.get(list)?..*self.starts.get(list + 1)?);
            }
            at = at.wrapping_add(1);
        }
    }

    /// The position at `at`.
    #[inline]
    pub(super) fn position(&self, at: u32) -> Option<u32> {
        self.positions.get(at as usize).copied()
    }

    /// Cuts the positions before `from` off a list.
    #[inline]
    pub(super) fn skip(&self, list: Range<u32>, from: u32) -> Range<u32> {
        if from == 0 {
            return list;
        }
        let positions = self.positions.get(list.start as usize..list.end as usize);
        let before = positions.unwrap_or_default().partition_point(|&position| position < from);
        list.start + u32::try_from(before).unwrap_or(0)..list.end
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.starts) + size_of_val(&*self.positions)
    }
}
