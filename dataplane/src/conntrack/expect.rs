//! Connections that helpers expect (kernel `nf_conntrack_expect.c`): a table that all workers share.
//!
//! ```text
//!   a helper reads a command ─> announce ─> bucket: [ tuple without source port | master | how to translate ] …
//!   a first packet meets it  ─> take      ─> its connection is RELATED, and the place is free again
//! ```
//!
//! Whoever sees the first packet of an expected connection owns it; the connection that expects it, its *master*, may be
//! another worker's. So what the new connection takes over lies in the table, the master's mark too. Nobody looks into it
//! while it is empty. A bucket's lock is held for one look at its places.

use super::expire::Ticks;
use super::hash::HashKey;
use super::journal::Journal;
use super::{Changes, NewConnection, Status, Zones};
use crate::address::{Address, L4Port};
use crate::rules::spin::Spin;
use crate::time::Instant;
use crate::tuple::{Tuple, Zone};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

const BUCKETS: usize = 64;
const PLACES: usize = 32;
/// Expectations at once, as a kernel with a table of 65,536 buckets has; half of the places, so that no bucket is full
/// before.
const MOST: usize = 1024;
/// How long one waits for its connection (kernel `nf_conntrack_ftp.c`, `nf_conntrack_tftp.c`).
const PATIENCE: Duration = Duration::from_secs(300);

/// How an expected connection is translated, so that its ends meet as those of its master do (kernel
/// `nf_nat_follow_master`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Follow<A> {
    /// Whom its packets seem to come from; they keep their port if they can.
    pub(crate) source: A,
    /// Where they go.
    pub(crate) destination: A,
    /// To which port.
    pub(crate) port: L4Port,
}

/// A connection to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<A> {
    /// The tuple of its first packet, whose source port nobody knows.
    pub(crate) tuple: Tuple<A>,
    /// The original tuple of the connection that expects it.
    pub(crate) master: Tuple<A>,
    /// The mark of that connection.
    pub(crate) mark: u32,
    /// How it is translated; none where the rules say.
    pub(crate) follow: Option<Follow<A>>,
    /// What nobody is told of it.
    pub(crate) silenced: Changes,
}

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

    /// Expects a connection from `now` on, in place of what `before` names and of what the same master has announced with
    /// the same tuple.
    ///
    /// # Errors
    /// Why not. After a clash everything is as it was; where there is no room, what was to be replaced is gone, as in the
    /// kernel.
    pub(crate) fn announce(
        &self,
        expected: Expected<A>,
        before: Ticket,
        now: Instant,
    ) -> Result<Ticket, Refused> {
        let expected = Expected { tuple: without_port(&expected.tuple), ..expected };
        let clashes = |place: &mut Option<Place<A>>| {
            is_due(place, now)
                && place.is_some_and(|place| place.expected.master != expected.master)
        };
        if self.look(&expected.tuple, clashes) {
            return Err(Refused::Clash);
        }
        let now_in_ticks = Ticks::at(now);
        self.withdraw(before, now_in_ticks);
        let number = self.number(&expected.tuple);
        let mut bucket = self.buckets.get(number).ok_or(Refused::Full)?.hold();
        self.forget_late(&mut bucket, now);
        let like = |place: &&mut Option<Place<A>>| {
            place.is_some_and(|place| place.expected.tuple == expected.tuple)
        };
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) | 1 << 31;
        let place = Place { serial, until: now + PATIENCE, expected };
        if let Some(found) = bucket.iter_mut().find(like) {
            if found.is_some_and(|found| found.expected.master != expected.master) {
                return Err(Refused::Clash);
            }
            self.tell_gone(found.as_ref(), now_in_ticks);
            *found = Some(place);
        } else {
            let free = bucket.iter_mut().find(|place| place.is_none());
            let Some(free) = free.filter(|_| self.count.load(Ordering::Relaxed) < MOST) else {
                return Err(Refused::Full);
            };
            *free = Some(place);
            self.count.fetch_add(1, Ordering::Release);
        }
        self.tell_new(&place, now_in_ticks);
        Ok(Ticket { bucket: u32::try_from(number).unwrap_or(0), serial })
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
            met = place.take();
            true
        });
        let met = met?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.tell_gone(Some(&met), Ticks::at(now));
        (now < met.until).then_some(met.expected)
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

    fn number(&self, tuple: &Tuple<A>) -> usize {
        (self.key.hash(tuple) >> 32) as usize % BUCKETS
    }

    fn forget_late(&self, bucket: &mut Bucket<A>, now: Instant) {
        for place in bucket {
            if place.is_some() && !is_due(place, now) {
                self.empty(place, Ticks::at(now));
            }
        }
    }

    /// What `then` says of the place of that tuple; false where there is none.
    pub(super) fn look(
        &self,
        tuple: &Tuple<A>,
        then: impl FnOnce(&mut Option<Place<A>>) -> bool,
    ) -> bool {
        let tuple = without_port(tuple);
        let Some(bucket) = self.buckets.get(self.number(&tuple)) else { return false };
        let mut bucket = bucket.hold();
        let is_it = |place: &&mut Option<Place<A>>| {
            place.as_ref().is_some_and(|place| place.expected.tuple.is(&tuple))
        };
        bucket.iter_mut().find(is_it).is_some_and(then)
    }

    fn at(&self, ticket: Ticket, then: impl FnOnce(&mut Option<Place<A>>)) {
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
    /// Of nothing.
    pub(super) const NONE: Self = Self { bucket: 0, serial: 0 };

    pub(super) const fn is_some(self) -> bool {
        self.serial != 0
    }
}

pub(super) fn is_due<A>(place: &Option<Place<A>>, now: Instant) -> bool {
    place.as_ref().is_some_and(|place| now < place.until)
}

fn without_port<A: Copy>(tuple: &Tuple<A>) -> Tuple<A> {
    Tuple { source_port: L4Port::default(), ..*tuple }
}

impl Zones {
    /// The number of the zone, whichever direction it is for: an expectation holds in the zone of its master.
    pub(crate) fn number(self) -> Zone {
        if self.original == Zone::default() { self.reply } else { self.original }
    }
}

impl<A: Address> NewConnection<A> {
    /// Notes that it was expected; its master's mark is its own.
    pub(crate) const fn set_expected(&mut self, mark: u32) {
        self.status.set(Status::EXPECTED);
        self.mark = mark;
    }
}

#[cfg(test)]
#[path = "expect_tests.rs"]
mod tests;
