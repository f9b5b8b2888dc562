//! Connections that helpers expect (kernel `nf_conntrack_expect.c`): a table that all workers share.
//!
//! ```text
//!   a helper reads a command ─> announce ─> bucket of the destination: [ tuple, how much of its source counts | master | … ] …
//!   a first packet meets it  ─> take      ─> its connection is RELATED, and the place is free again
//! ```
//!
//! Whoever sees the first packet of an expected connection owns it; the connection that expects it, its *master*, may be
//! another worker's. So what the new connection takes over lies in the table, the master's mark too. Nobody looks into it
//! while it is empty. A bucket's lock is held for one look at its places.

use super::calls::Condemned;
use super::expected::Expected;
use super::expire::Ticks;
use super::hash::HashKey;
use super::journal::Journal;
use super::keymap::Keymap;
use crate::address::Address;
use crate::rules::spin::Spin;
use crate::time::Instant;
use crate::tuple::Tuple;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

const BUCKETS: usize = 64;
const PLACES: usize = 32;
/// Expectations at once, as a kernel with a table of 65,536 buckets has; half of the places, so that no bucket is full
/// before.
const MOST: usize = 1024;

/// Names an expectation, as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, zerocopy::FromZeros)]
pub(crate) struct Ticket {
    bucket: u32,
    /// Zero names none.
    serial: u32,
}

/// Why a connection cannot be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Another connection expects the same.
    Clash,
    /// The same is expected already, as another kind or by another connection with which it may be shared.
    Already,
    /// There is no room.
    Full,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Place<A> {
    serial: u32,
    pub(super) until: Instant,
    pub(super) expected: Expected<A>,
}

pub(super) type Bucket<A> = [Option<Place<A>>; PLACES];

/// What all connections of one IP version expect.
#[derive(Debug)]
pub struct Expectations<A> {
    key: HashKey,
    count: AtomicUsize,
    serial: AtomicU32,
    /// The bucket that is swept next.
    hand: AtomicUsize,
    pub(super) buckets: Box<[Spin<Bucket<A>>]>,
    pub(super) journal: Option<Arc<Journal>>,
    /// Of calls of PPTP.
    pub(super) keymap: Keymap<A>,
    /// Calls of PPTP that are over.
    pub(super) condemned: Condemned<A>,
}

impl<A: Address> Expectations<A> {
    /// None yet. `key` is secret.
    #[must_use]
    pub fn new(key: [u64; 2]) -> Self {
        Self {
            key: HashKey(key),
            count: AtomicUsize::new(0),
            serial: AtomicU32::new(0),
            hand: AtomicUsize::new(0),
            buckets: (0..BUCKETS).map(|_| Spin::new([None; PLACES])).collect(),
            journal: None,
            keymap: Keymap::new(HashKey(key)),
            condemned: Condemned::default(),
        }
    }

    /// The same, telling what comes and goes where somebody can hear it.
    #[must_use]
    pub fn with_journal(mut self, journal: Arc<Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Whether nothing is expected.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Expects a connection from `now` on, in place of the same of the same master; where there was none, in place of what
    /// `oldest` names.
    ///
    /// # Errors
    /// Why not. After a clash everything is as it was; where there is no room, what was to be replaced is gone, as in the
    /// kernel.
    pub(crate) fn announce(
        &self,
        expected: Expected<A>,
        oldest: Ticket,
        now: Instant,
    ) -> Result<Ticket, Refused> {
        let expected = expected.without_unknown();
        let now_in_ticks = Ticks::at(now);
        let number = self.number(&expected.tuple);
        let bucket = self.buckets.get(number).ok_or(Refused::Full)?;
        let replaces = self.make_way(&mut bucket.hold(), &expected, now)?;
        if !replaces {
            self.withdraw(oldest, now_in_ticks);
        }
        let mut bucket = bucket.hold();
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) | 1 << 31;
        let until = now + expected.helper.policy(expected.class).patience;
        let place = Place { serial, until, expected };
        // Another worker may have been quicker.
        self.make_way(&mut bucket, &expected, now)?;
        let free = bucket.iter_mut().find(|place| place.is_none());
        let Some(free) = free.filter(|_| self.count.load(Ordering::Relaxed) < MOST) else {
            return Err(Refused::Full);
        };
        *free = Some(place);
        self.count.fetch_add(1, Ordering::Release);
        self.tell_new(&place, now_in_ticks);
        Ok(Ticket { bucket: u32::try_from(number).unwrap_or(0), serial })
    }

    /// Takes away what is late, and what `expected` replaces; whether there was such.
    ///
    /// # Errors
    /// It clashes with one of another master, and nothing but what is late is gone.
    fn make_way(
        &self,
        bucket: &mut Bucket<A>,
        expected: &Expected<A>,
        now: Instant,
    ) -> Result<bool, Refused> {
        self.forget_late(bucket, now);
        let again = |place: &Place<A>| place.expected.is_again(expected);
        let mut others = bucket.iter().flatten().filter(|place| !again(place));
        if let Some(other) = others.find(|place| place.expected.clashes(expected)) {
            return Err(expected.refusal(&other.expected));
        }
        let found = bucket.iter_mut().find(|place| place.as_ref().is_some_and(again));
        let replaces = found.is_some();
        if let Some(found) = found {
            self.empty(found, Ticks::at(now));
        }
        Ok(replaces)
    }

    /// What is expected of a first packet with this tuple; it stays expected.
    pub(super) fn expected(&self, tuple: &Tuple<A>, now: Instant) -> Option<Expected<A>> {
        let mut found = None;
        self.look(tuple, |place| {
            found = place.filter(|_| is_due(place, now));
            true
        });
        found.map(|place| place.expected)
    }

    /// Whether a first packet with this tuple is expected.
    pub(crate) fn expects(&self, tuple: &Tuple<A>, now: Instant) -> bool {
        !self.is_empty() && self.look(tuple, |place| is_due(place, now))
    }

    /// The expectation that a first packet with this tuple meets. It is met once.
    pub(crate) fn take(&self, tuple: &Tuple<A>, now: Instant) -> Option<Expected<A>> {
        if self.is_empty() {
            return None;
        }
        let mut met = None;
        self.look(tuple, |place| {
            met = place.filter(|_| is_due(place, now));
            if met.is_none_or(|met| !met.expected.lasting) {
                self.empty(place, Ticks::at(now));
            }
            true
        });
        met.map(|met| met.expected)
    }

    /// Whether it is still expected.
    pub(super) fn has(&self, ticket: Ticket, now: Instant) -> bool {
        let mut there = false;
        self.at(ticket, |place| there = is_due(place, now));
        there
    }

    /// The connection that has announced it wants it no more, if it is still there.
    pub(super) fn withdraw(&self, ticket: Ticket, now: Ticks) {
        self.at(ticket, |place| self.empty(place, now));
    }

    /// Frees a place that is taken.
    pub(super) fn empty(&self, place: &mut Option<Place<A>>, now: Ticks) {
        if let Some(gone) = place.take() {
            self.count.fetch_sub(1, Ordering::Relaxed);
            self.tell_gone(Some(&gone), now);
        }
    }

    /// The mark of the connection that has announced it is another.
    pub(crate) fn set_mark(&self, ticket: Ticket, mark: u32) {
        self.at(ticket, |place| {
            if let Some(place) = place {
                place.expected.mark = mark;
            }
        });
    }

    /// Forgets what nobody has come for, in one bucket after the other.
    pub(crate) fn sweep(&self, now: Instant) {
        if self.is_empty() {
            return;
        }
        let hand = self.hand.fetch_add(1, Ordering::Relaxed) % BUCKETS;
        if let Some(bucket) = self.buckets.get(hand) {
            self.forget_late(&mut bucket.hold(), now);
        }
    }

    pub(super) fn number(&self, tuple: &Tuple<A>) -> usize {
        // Of the destination alone, in both places: zeros would mix less well.
        let (source, source_port) = (tuple.destination, tuple.destination_port);
        (self.key.hash(&Tuple { source, source_port, ..*tuple }) >> 32) as usize % BUCKETS
    }

    fn forget_late(&self, bucket: &mut Bucket<A>, now: Instant) {
        for place in bucket {
            if place.is_some() && !is_due(place, now) {
                self.empty(place, Ticks::at(now));
            }
        }
    }

    /// What `then` says of the place that a first packet with that tuple meets; false where there is none.
    pub(super) fn look(
        &self,
        tuple: &Tuple<A>,
        then: impl FnOnce(&mut Option<Place<A>>) -> bool,
    ) -> bool {
        let Some(bucket) = self.buckets.get(self.number(tuple)) else { return false };
        let mut bucket = bucket.hold();
        let is_it = |place: &&mut Option<Place<A>>| {
            place.as_ref().is_some_and(|Place { expected, .. }| {
                !expected.inactive && expected.is_met_by(tuple)
            })
        };
        bucket.iter_mut().find(is_it).is_some_and(then)
    }

    pub(super) fn at(&self, ticket: Ticket, then: impl FnOnce(&mut Option<Place<A>>)) {
        let Some(bucket) = self.buckets.get(ticket.bucket as usize).filter(|_| ticket.is_some())
        else {
            return;
        };
        let mut bucket = bucket.hold();
        let is_it = |place: &&mut Option<Place<A>>| {
            place.as_ref().is_some_and(|place| place.serial == ticket.serial)
        };
        if let Some(place) = bucket.iter_mut().find(is_it) {
            then(place);
        }
    }
}

impl Ticket {
    #[cfg(test)]
    pub(super) const fn numbered(serial: u32) -> Self {
        Self { bucket: 0, serial }
    }

    /// Of nothing.
    pub(super) const NONE: Self = Self { bucket: 0, serial: 0 };

    pub(super) const fn is_some(self) -> bool {
        self.serial != 0
    }
}

pub(super) fn is_due<A>(place: &Option<Place<A>>, now: Instant) -> bool {
    place.as_ref().is_some_and(|place| now < place.until)
}

#[cfg(test)]
#[path = "expect_tests.rs"]
mod tests;
