//! Who gives way when the table is full: connections that are not assured, that is half open or not yet
//! answered. As in the kernel the search is short, so a flood costs every packet the same; unlike it,
//! the search goes on where the last one ended.

use super::expire::Ticks;
use super::{Conntrack, Status};
use crate::address::Address;

/// Connections looked at before giving up.
const RANGE: usize = 64;

impl<A: Address> Conntrack<A> {
    /// Makes room for one connection; false when nobody found may be evicted.
    pub(super) fn early_drop(&mut self, now: Ticks) -> bool {
        // Whoever gave way keeps its slot until the next `expire`.
        if self.table.is_exhausted() || !self.aging.has_room() {
            return false;
        }
        let slots = self.table.used();
        for _ in 0..RANGE.min(slots) {
            let number = self.hand;
            self.hand = if number as usize + 1 >= slots { 0 } else { number + 1 };
            let common = &self.table.session(number).common;
            if !common.is_live() {
                continue;
            }
            if !common.status.has(Status::ASSURED) || common.deadline.has_come(now) {
                self.statistics.early_drops += 1;
                return self.bury(number);
            }
        }
        false
    }
}
