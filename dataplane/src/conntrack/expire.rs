//! When connections end: the aging wheel of one worker.
//!
//! ```text
//!   slots of 1.07 s:  [ list ][ list ][ list ] … 1024      cursor ─> now
//! ```
//!
//! A connection stands in the slot of the time at which it would end. Packets do not move it: when the
//! cursor reaches its slot it ends, or goes to the slot of its new time. One further than the wheel is
//! wide away is looked at once a turn.

use super::table::{Connection, NIL};
use crate::time::Instant;

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
    pub(super) const fn later(self, other: Self) -> Self {
        if self.has_come(other) { other } else { self }
    }
    /// Whole seconds from `now` to here; zero when it has passed.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn seconds_from(self, now: Self) -> u32 {
        if self.has_come(now) {
            return 0;
        }
        (((self.0.wrapping_sub(now.0) as u64) << 20) / 1_000_000_000) as u32
    }
}

/// Slots of the wheel.
const SLOTS: u32 = 1024;
/// The list of connections already out of the index that wait for their slot to be freed.
const DYING: usize = SLOTS as usize;

/// Lists of connections by the time at which to look at them, linked through the connections.
#[derive(Debug)]
pub(super) struct Wheel {
    /// First connection of each slot, and of the dying.
    heads: Box<[u32]>,
    /// Slot time that is being looked at; all before it are empty.
    cursor: u32,
    started: bool,
}

/// One that the wheel has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Its time may have come.
    Look(u32),
    /// It is out of the index; its slot can be freed.
    Free(u32),
    /// A slot with nothing more in it.
    Empty,
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self { heads: vec![NIL; DYING + 1].into(), cursor: 0, started: false }
    }

    const fn slot_time(ticks: Ticks) -> u32 {
        ticks.0 >> 10
    }

    /// The list of a connection that ends at `deadline`.
    fn list(&self, deadline: Ticks) -> usize {
        // The slot after: when the cursor comes to it, the time has passed. The time wraps at 22 bits.
        let distance =
            Self::slot_time(deadline).wrapping_add(1).wrapping_sub(self.cursor) & 0x3f_ffff;
        // Beyond half the range it lies in the past.
        let distance = if distance > 0x1f_ffff { 1 } else { distance.clamp(1, SLOTS - 1) };
        (self.cursor.wrapping_add(distance) % SLOTS) as usize
    }

    /// Enters a connection that ends at `deadline`.
    pub(super) fn schedule(
        &mut self,
        connections: &mut [Connection],
        number: u32,
        deadline: Ticks,
        now: Ticks,
    ) {
        if !self.started {
            self.cursor = Self::slot_time(now);
            self.started = true;
        }
        let list = self.list(deadline);
        self.push(connections, number, list);
    }

    /// Enters a connection that is out of the index.
    pub(super) fn bury(&mut self, connections: &mut [Connection], number: u32) {
        self.push(connections, number, DYING);
    }

    fn push(&mut self, connections: &mut [Connection], number: u32, list: usize) {
        let Some(head) = self.heads.get_mut(list) else { return };
        if let Some(first) = connections.get_mut(*head as usize) {
            first.previous = number;
        }
        if let Some(connection) = connections.get_mut(number as usize) {
            connection.next = *head;
            // The first of a list names the list.
            connection.previous = NIL - 1 - list as u32;
            *head = number;
        }
    }

    /// Takes a connection out of the list it is in.
    pub(super) fn cancel(&mut self, connections: &mut [Connection], number: u32) {
        let Some(connection) = connections.get(number as usize) else { return };
        let (next, previous) = (connection.next, connection.previous);
        if let Some(following) = connections.get_mut(next as usize) {
            following.previous = previous;
        }
        if let Some(preceding) = connections.get_mut(previous as usize) {
            preceding.next = next;
        } else if let Some(head) = self.heads.get_mut((NIL - 1 - previous) as usize) {
            *head = next;
        }
    }

    /// Takes out the next connection to look at, or moves the cursor on; none when it has reached
    /// `now`.
    pub(super) fn next(&mut self, connections: &mut [Connection], now: Ticks) -> Option<Due> {
        if let Some(number) = self.first(DYING) {
            self.cancel(connections, number);
            return Some(Due::Free(number));
        }
        if let Some(number) = self.first((self.cursor % SLOTS) as usize) {
            self.cancel(connections, number);
            return Some(Due::Look(number));
        }
        let behind = Self::slot_time(now).wrapping_sub(self.cursor) & 0x3f_ffff;
        if !self.started || behind == 0 || behind > 0x1f_ffff {
            return None;
        }
        // After a long pause one turn shows every list.
        self.cursor = self.cursor.wrapping_add(behind.saturating_sub(SLOTS).max(1));
        Some(Due::Empty)
    }

    fn first(&self, list: usize) -> Option<u32> {
        self.heads.get(list).copied().filter(|&number| number != NIL)
    }
}
