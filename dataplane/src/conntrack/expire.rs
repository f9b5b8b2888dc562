//! When connections end.
//!
//! ```text
//!   sessions  [ 0 … 15 ][ 16 … 31 ][ 32 … 47 ] …
//!   quiet     [  12:07 ][  12:31  ][  12:09  ] …     hand ─> comes to each block once a round
//! ```
//!
//! A connection carries its deadline. A packet moves it on and touches nothing else; a packet that comes
//! too late finds the connection ended. What is left to do is to free slots, which a hand going round
//! the table does a few at a time (the kernel's `gc_worker`). A round takes [`ROUND`], so that a slot, and the
//! external port it holds, is free that long after its connection's end at the latest.
//!
//! Of each block of slots the hand knows until when none of its connections ends, and does not look at them before.
//! Who brings a deadline forward says so ([`Aging::expect`]); where only shorter timeouts do, the hand finds out within [`LONGEST_QUIET`].

use super::table::{Hashes, Table};
use crate::address::Address;
use crate::time::Instant;
use std::ops::Range;
use zerocopy::FromZeros;

/// How long the hand takes for all slots in use, in ticks: some two seconds.
const ROUND: u32 = 2048;

/// Slots of a block.
const BLOCK: usize = 16;

/// How long a block is left alone at most, in ticks: some thirty seconds.
const LONGEST_QUIET: u32 = 30 * 1024;

/// Time in units of 2²⁰ ns (1.05 ms). Wraps in 52 days, so it compares times less than 26 apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
pub(super) struct Ticks(pub(super) u32);

impl Ticks {
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn at(now: Instant) -> Self {
        Self((now.0 >> 20) as u32)
    }
    /// `seconds` later, at most 20 days.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn plus_seconds(self, seconds: u32) -> Self {
        const LONGEST: u64 = 20 * 24 * 60 * 60;
        let seconds = if seconds as u64 > LONGEST { LONGEST } else { seconds as u64 };
        Self(self.0.wrapping_add(((seconds * 1_000_000_000) >> 20) as u32))
    }
    pub(super) const fn has_come(self, now: Self) -> bool {
        now.0.wrapping_sub(self.0) as i32 >= 0
    }
    /// The earlier of the two.
    const fn or_earlier(self, other: Self) -> Self {
        if other.has_come(self) { other } else { self }
    }
    /// Whole seconds from `now` to here; zero when it has passed. What was just
    /// [set](Self::plus_seconds) is told in full, though it was rounded down to ticks.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn seconds_from(self, now: Self) -> u32 {
        if self.has_come(now) {
            return 0;
        }
        (((self.0.wrapping_sub(now.0) as u64 + 1) << 20) / 1_000_000_000) as u32
    }
}

/// The hand that goes round the table, and the connections that have given way before it comes.
#[derive(Debug)]
pub(super) struct Aging {
    /// The next block.
    hand: usize,
    /// The time up to which `owed` counts.
    done: Option<Ticks>,
    /// Slots that the hand has to come to.
    owed: usize,
    /// Of each block, when the first of its connections ends.
    quiet: Vec<Ticks>,
    /// Out of the index already; their slots can be freed.
    buried: Vec<u32>,
}

/// Connections of one block that are over, in the table still.
#[derive(Debug, Default)]
pub(super) struct Over {
    list: [(u32, Hashes); BLOCK],
    count: usize,
}

impl Over {
    fn push(&mut self, number: u32) {
        if let Some(place) = self.list.get_mut(self.count) {
            place.0 = number;
            self.count += 1;
        }
    }
    /// Their numbers, and the hashes of their tuples once somebody has found them.
    pub(super) fn as_slice(&self) -> &[(u32, Hashes)] {
        self.list.get(..self.count).unwrap_or_default()
    }
    pub(super) fn as_mut_slice(&mut self) -> &mut [(u32, Hashes)] {
        self.list.get_mut(..self.count).unwrap_or_default()
    }
}

impl Aging {
    /// Of so many slots, with room for `buried` connections that give way between two looks; none where the system has not
    /// that much memory.
    pub(super) fn new(slots: usize, buried: usize) -> Option<Self> {
        let quiet = Ticks::new_vec_zeroed(slots.div_ceil(BLOCK)).ok()?;
        Some(Self { hand: 0, done: None, owed: 0, quiet, buried: Vec::with_capacity(buried) })
    }

    /// The connection in that slot ends at `deadline`, if no packet moves it on.
    #[inline]
    pub(super) fn expect(&mut self, number: u32, deadline: Ticks) {
        if let Some(quiet) = self.quiet.get_mut(number as usize / BLOCK) {
            *quiet = quiet.or_earlier(deadline);
        }
    }

    /// Notes one that is out of the index; false when there is no room for more.
    pub(super) fn bury(&mut self, number: u32) -> bool {
        let room = self.has_room();
        if room {
            self.buried.push(number);
        }
        room
    }

    /// Whether one more can be buried.
    pub(super) fn has_room(&self) -> bool {
        self.buried.len() < self.buried.capacity()
    }

    /// Time has come to `now`: so many slots more, of those in use, the hand has to come to.
    pub(super) fn advance(&mut self, used: usize, now: Ticks) {
        let done = self.done.replace(now).unwrap_or(Ticks(now.0.wrapping_sub(ROUND)));
        let passed = now.0.wrapping_sub(done.0);
        // Time that goes back is none; a long pause makes up for one round.
        let passed = if passed > u32::MAX / 2 { 0 } else { passed.min(ROUND) };
        let more = (used as u64 * u64::from(passed)).div_ceil(ROUND.into());
        self.owed = used.min(self.owed.saturating_add(more as usize));
    }

    /// One that gave way and whose slot can be freed.
    pub(super) fn exhume(&mut self) -> Option<u32> {
        self.buried.pop()
    }

    /// Whether the hand comes to that slot in the round after `deadline`.
    #[cfg(test)]
    pub(super) fn is_expected(&self, number: u32, deadline: Ticks) -> bool {
        let quiet = self.quiet.get(number as usize / BLOCK);
        quiet.is_some_and(|quiet| quiet.has_come(deadline))
    }

    /// The next block of which one may be over, of those that the hand has to come to; what tells which one is on its way to
    /// L1. Takes from `budget` a slot for each block it passes over, and all those of the block.
    pub(super) fn due<A: Address>(
        &mut self,
        table: &Table<A>,
        now: Ticks,
        budget: &mut usize,
    ) -> Option<usize> {
        while self.owed > 0 && *budget > 0 {
            let block = if self.hand * BLOCK < table.used() { self.hand } else { 0 };
            self.hand = block + 1;
            self.owed = self.owed.saturating_sub(BLOCK);
            if self.quiet.get(block)?.has_come(now) {
                slots(block).for_each(|number| table.prefetch_common(number));
                *budget = budget.saturating_sub(BLOCK);
                return Some(block);
            }
            *budget -= 1;
        }
        None
    }

    /// Those of a block that are over, on their way to L1; notes when the first of the others will be.
    pub(super) fn over<A: Address>(&mut self, table: &Table<A>, block: usize, now: Ticks) -> Over {
        let mut over = Over::default();
        let mut first = Ticks(now.0.wrapping_add(LONGEST_QUIET));
        for (number, session) in slots(block).zip(table.sessions(slots(block))) {
            let common = &session.common;
            if !common.is_live() {
                continue;
            }
            if common.deadline.has_come(now) {
                table.prefetch(number);
                over.push(number);
            } else {
                first = first.or_earlier(common.deadline);
            }
        }
        if let Some(quiet) = self.quiet.get_mut(block) {
            *quiet = first;
        }
        over
    }
}

/// The numbers of a block's slots.
#[allow(clippy::cast_possible_truncation, reason = "sessions have numbers of 32 bits")]
const fn slots(block: usize) -> Range<u32> {
    let first = (block * BLOCK) as u32;
    first..first + BLOCK as u32
}
