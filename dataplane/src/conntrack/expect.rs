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

use super::hash::HashKey;
use super::{NewConnection, Status, Zones};
use crate::address::{Address, L4Port};
use crate::rules::spin::Spin;
use crate::time::Instant;
use crate::tuple::{Tuple, Zone};
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
struct Place<A> {
    serial: u32,
    until: Instant,
    expected: Expected<A>,
}

type Bucket<A> = [Option<Place<A>>; PLACES];

/// What all connections of one IP version expect.
#[derive(Debug)]
pub struct Expectations<A> {
    key: HashKey,
    count: AtomicUsize,
    serial: AtomicU32,
    /// The bucket that is swept next.
    hand: AtomicUsize,
    buckets: Box<[Spin<Bucket<A>>]>,
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
        }
    }

    /// Whether nothing is expected.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Expects a connection from `now` on. What the same master has announced with the same tuple is replaced.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn announce(&self, expected: Expected<A>, now: Instant) -> Result<Ticket, Refused> {
        let expected = Expected { tuple: without_port(&expected.tuple), ..expected };
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
            *found = Some(place);
        } else {
            let free = bucket.iter_mut().find(|place| place.is_none());
            let Some(free) = free.filter(|_| self.count.load(Ordering::Relaxed) < MOST) else {
                return Err(Refused::Full);
            };
            *free = Some(place);
            self.count.fetch_add(1, Ordering::Release);
        }
        Ok(Ticket { bucket: u32::try_from(number).unwrap_or(0), serial })
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
        (now < met.until).then_some(met.expected)
    }

    /// The connection that has announced it wants it no more, if it is still there.
    pub(crate) fn withdraw(&self, ticket: Ticket) {
        self.at(ticket, |place| {
            *place = None;
            self.count.fetch_sub(1, Ordering::Relaxed);
        });
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
                *place = None;
                self.count.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// What `then` says of the place of that tuple; false where there is none.
    fn look(&self, tuple: &Tuple<A>, then: impl FnOnce(&mut Option<Place<A>>) -> bool) -> bool {
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

fn is_due<A>(place: &Option<Place<A>>, now: Instant) -> bool {
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
mod tests {
    use super::*;
    use crate::address::V4;

    fn expected(port: u16, master: u8) -> Expected<V4> {
        let tuple = Tuple {
            source: V4([192, 0, 2, 7]),
            destination: V4([10, 0, 0, 2]),
            source_port: L4Port::new(9),
            destination_port: L4Port::new(port),
            protocol: 6,
            ..Tuple::default()
        };
        let master = Tuple { source: V4([10, 0, 0, master]), ..tuple };
        Expected { tuple, master, mark: 5, follow: None }
    }

    fn from_port(port: u16, to: u16) -> Tuple<V4> {
        Tuple { source_port: L4Port::new(port), ..expected(to, 0).tuple }
    }

    const NOW: Instant = Instant(1 << 40);

    #[test]
    fn it_is_met_once_whatever_its_source_port() {
        let table = Expectations::new([1, 2]);
        assert!(table.is_empty() && table.take(&from_port(1, 1025), NOW).is_none());
        table.announce(expected(1025, 1), NOW).unwrap();
        assert!(table.take(&from_port(1, 1026), NOW).is_none());
        let other = Tuple { protocol: 17, ..from_port(1, 1025) };
        assert!(!table.expects(&other, NOW) && table.expects(&from_port(1, 1025), NOW));
        assert_eq!(table.take(&from_port(20, 1025), NOW).map(|met| met.mark), Some(5));
        assert!(table.is_empty() && table.take(&from_port(20, 1025), NOW).is_none());
    }

    #[test]
    fn what_is_withdrawn_or_late_is_not_met() {
        let table = Expectations::new([1, 2]);
        let one = table.announce(expected(1025, 1), NOW).unwrap();
        let two = table.announce(expected(1026, 1), NOW).unwrap();
        table.withdraw(one);
        table.withdraw(one);
        table.withdraw(Ticket::default());
        assert!(!table.expects(&from_port(1, 1025), NOW));
        table.set_mark(two, 9);
        let before = NOW + (PATIENCE - Duration::from_nanos(1));
        assert!(table.expects(&from_port(1, 1026), before));
        assert!(table.take(&from_port(1, 1026), NOW + PATIENCE).is_none());
        assert!(table.is_empty());
        table.announce(expected(1026, 1), NOW).unwrap();
        table.sweep(NOW);
        assert!(!table.is_empty());
        (0..BUCKETS).for_each(|_| table.sweep(NOW + PATIENCE));
        assert!(table.is_empty());
    }

    #[test]
    fn two_masters_never_expect_the_same() {
        let table = Expectations::new([1, 2]);
        let old = table.announce(expected(1025, 1), NOW).unwrap();
        assert_eq!(table.announce(expected(1025, 2), NOW), Err(Refused::Clash));
        table.announce(Expected { mark: 6, ..expected(1025, 1) }, NOW).unwrap();
        table.withdraw(old);
        assert_eq!(table.take(&from_port(1, 1025), NOW).map(|met| met.mark), Some(6));
        table.announce(expected(1025, 2), NOW).unwrap();
    }

    #[test]
    fn there_is_room_for_so_many() {
        let table = Expectations::new([3, 4]);
        let tickets: Vec<Ticket> =
            (0..2000).map_while(|port| table.announce(expected(port, 1), NOW).ok()).collect();
        assert_eq!(tickets.len(), MOST);
        assert_eq!(table.announce(expected(5000, 1), NOW), Err(Refused::Full));
        tickets.into_iter().for_each(|ticket| table.withdraw(ticket));
        assert!(table.is_empty());
    }

    #[test]
    fn of_several_workers_one_meets_it() {
        let table = Expectations::new([5, 6]);
        for round in 0..200 {
            table.announce(expected(round, 1), NOW).unwrap();
            let met: usize = std::thread::scope(|scope| {
                let takers = [1, 2].map(|port| {
                    let table = &table;
                    scope.spawn(move || table.take(&from_port(port, round), NOW).is_some())
                });
                takers.into_iter().map(|taker| usize::from(taker.join().unwrap())).sum()
            });
            assert_eq!(met, 1);
        }
        assert!(table.is_empty());
    }
}
