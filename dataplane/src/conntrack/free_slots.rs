//! Slots of the table that are free again.
//!
//! ```text
//!   tops  [ 17 ][ 16 ][ 15 ][ 22 ]        taken in this order: 17, 16, 15, 22, then what lay under 17
//!            │     │     │     │          and so on: the last given is the first taken
//!            21    20    19    18
//! ```
//!
//! What lies under a slot is kept in that slot itself, so that the list takes no memory. As several lists take turns, the slot that comes
//! next in one is wanted only when all the others have had theirs, and is in the caches by then.

/// Lists there are: so many slots before one is taken, it is known.
const LISTS: usize = 8;

/// No slot: the end of a list.
const NONE: u32 = u32::MAX;

/// The lists.
#[derive(Debug)]
pub(super) struct FreeSlots {
    tops: [u32; LISTS],
    /// Slots in all of them.
    count: usize,
}

impl FreeSlots {
    pub(super) const fn new() -> Self {
        Self { tops: [NONE; LISTS], count: 0 }
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Gives a slot back; what the slot has to keep until it is taken.
    pub(super) fn give(&mut self, slot: u32) -> u32 {
        let top = &mut self.tops[self.count % LISTS];
        self.count += 1;
        std::mem::replace(top, slot)
    }

    /// The slot to take next.
    pub(super) fn next(&self) -> Option<u32> {
        let last = self.count.checked_sub(1)?;
        Some(self.tops[last % LISTS])
    }

    /// Takes it, `kept` being what it has kept; the slot, if any, to fetch meanwhile.
    pub(super) fn take(&mut self, kept: u32) -> u32 {
        self.count = self.count.saturating_sub(1);
        self.tops[self.count % LISTS] = kept;
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// Gives and takes as a plain stack does.
        #[test]
        fn the_last_given_is_the_first_taken(steps in proptest::collection::vec(any::<bool>(), 1..200)) {
            let (mut free, mut plain, mut kept) = (FreeSlots::new(), Vec::new(), HashMap::new());
            for (slot, gives) in (0..).zip(steps) {
                if gives {
                    kept.insert(slot, free.give(slot));
                    plain.push(slot);
                } else {
                    let taken = free.next();
                    prop_assert_eq!(taken, plain.pop());
                    if let Some(slot) = taken {
                        let soon = free.take(kept[&slot]);
                        let eighth = plain.len().checked_sub(LISTS).map_or(NONE, |at| plain[at]);
                        prop_assert_eq!(soon, eighth);
                    }
                }
                prop_assert_eq!(free.is_empty(), plain.is_empty());
            }
        }
    }
}
