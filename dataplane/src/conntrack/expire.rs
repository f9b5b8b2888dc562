//! When connections end.
//!
//! ```text
//!   sessions  [ 0 ][ 1 ][ 2 ] …        hand ─> looks at each once a round
//! ```
//!
//! A connection carries its deadline. A packet moves it and touches nothing else; a packet that comes
//! too late finds the connection ended. What is left to do is to free slots, which a hand going round
//! the table does a few at a time (the kernel's `gc_worker`). A round takes [`ROUND`], so that a slot, and the
//! external port it holds, is free that long after its connection's end at the latest.

use super::table::Table;
use crate::address::Address;
use crate::time::Instant;

/// How long the hand takes for all slots in use, in ticks: some two seconds.
const ROUND: u64 = 2048;

/// How many slots before the hand comes to one, that is fetched.
const AHEAD: u32 = 8;

/// Time in units of 2²⁰ ns (1.05 ms). Wraps in 52 days, so it compares times less than 26 apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
    hand: u32,
    /// Up to when the hand has done its share.
    done: Option<Ticks>,
    /// Out of the index already; their slots can be freed.
    buried: Vec<u32>,
}

/// Connections that end together, so that the memory one waits for arrives while others are worked on.
#[derive(Debug, Default)]
pub(super) struct Over {
    numbers: [u32; Self::MOST],
    count: usize,
}

impl Over {
    pub(super) const MOST: usize = 16;

    const fn is_full(&self) -> bool {
        self.count == Self::MOST
    }
    fn push(&mut self, number: u32) {
        if let Some(place) = self.numbers.get_mut(self.count) {
            *place = number;
            self.count += 1;
        }
    }
    /// Their numbers.
    pub(super) fn as_slice(&self) -> &[u32] {
        self.numbers.get(..self.count).unwrap_or_default()
    }
}

impl Aging {
    /// With room for `buried` connections that give way between two looks.
    pub(super) fn new(buried: usize) -> Self {
        Self { hand: 0, done: None, buried: Vec::with_capacity(buried) }
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

    /// Slots to look at now, at most `budget`, so that a round takes [`ROUND`].
    pub(super) fn share(&mut self, used: usize, now: Ticks, budget: usize) -> usize {
        let done = *self.done.get_or_insert(Ticks(now.0.wrapping_sub(ROUND as u32)));
        let passed = u64::from(now.0.wrapping_sub(done.0));
        // Time that goes back is none; a long pause makes up for one round.
        let passed = if passed > u64::from(u32::MAX / 2) { 0 } else { passed.min(ROUND) };
        let share = (used as u64 * passed).div_ceil(ROUND) as usize;
        if share <= budget {
            self.done = Some(now);
            return share;
        }
        // What was left out stays due.
        let ticks = (budget as u64 * ROUND / used as u64) as u32;
        self.done = Some(Ticks(now.0.wrapping_sub(passed as u32).wrapping_add(ticks)));
        budget
    }

    /// One that gave way and whose slot can be freed.
    pub(super) fn exhume(&mut self) -> Option<u32> {
        self.buried.pop()
    }

    /// The next few that are over among `share` slots, which it counts down; none is there twice.
    pub(super) fn over<A: Address>(
        &mut self,
        table: &Table<A>,
        now: Ticks,
        share: &mut usize,
    ) -> Over {
        let mut over = Over::default();
        while *share > 0 && table.used() > 0 && !over.is_full() {
            if self.hand as usize >= table.used() {
                self.hand = 0;
            }
            let mut number = self.hand;
            for session in table.sessions_from(number, *share) {
                // Of most of them nothing else is looked at.
                table.prefetch_common(number.wrapping_add(AHEAD));
                if session.common.is_live() && session.common.deadline.has_come(now) {
                    table.prefetch(number);
                    over.push(number);
                }
                number += 1;
                if over.is_full() {
                    break;
                }
            }
            *share -= (number - self.hand) as usize;
            self.hand = number;
        }
        over
    }
}
