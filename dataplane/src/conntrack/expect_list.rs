//! Expectations as an operator lists them, and what is told of them (kernel `nf_conntrack_netlink.c`).

use super::expect::{Bucket, Expectations, Place, is_due};
use super::expire::Ticks;
use super::list::general;
use super::{Changes, EventKind, ExpectationEvent, Helper, News, SourceMask};
use crate::address::Address;
use crate::time::Instant;
use crate::tuple::Tuple;
use std::net::IpAddr;

/// A connection to come, of either IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedExpectation {
    /// The tuple of its first packet, zero where anything will do.
    pub tuple: Tuple<IpAddr>,
    /// The original tuple of the connection that expects it.
    pub master: Tuple<IpAddr>,
    /// Seconds it is still waited for.
    pub timeout_s: u32,
    /// How much of the source of its tuple counts.
    pub from: SourceMask,
    /// The helper that has announced it,
    pub helper: Helper,
    /// and of which of its kinds it is.
    pub class: u8,
    /// It is met by any number of connections.
    pub lasting: bool,
    /// It is not met yet.
    pub inactive: bool,
}

impl<A: Address> Expectations<A> {
    /// All that are waited for.
    #[must_use]
    pub fn list(&self, now: Instant) -> Vec<ListedExpectation> {
        let mut all = Vec::new();
        for bucket in &self.buckets {
            // Nothing is allocated while the bucket is held.
            let places: Bucket<A> = *bucket.hold();
            let due = places.iter().filter(|place| is_due(place, now)).flatten();
            all.extend(due.map(|place| listed(place, Ticks::at(now))));
        }
        all
    }

    /// The one that a first packet with this tuple would meet.
    #[must_use]
    pub fn find(&self, tuple: &Tuple<A>, now: Instant) -> Option<ListedExpectation> {
        let mut found = None;
        self.look(tuple, |place| {
            found = place.filter(|_| is_due(place, now));
            true
        });
        found.map(|place| listed(&place, Ticks::at(now)))
    }

    /// Expects it no more; whether it was there.
    pub fn remove(&self, tuple: &Tuple<A>, now: Instant) -> bool {
        self.look(tuple, |place| {
            let there = is_due(place, now);
            self.empty(place, Ticks::at(now));
            there
        })
    }

    /// Expects nothing any more.
    pub fn clear(&self, now: Instant) {
        for bucket in &self.buckets {
            bucket.hold().iter_mut().for_each(|place| self.empty(place, Ticks::at(now)));
        }
    }

    pub(super) fn tell_new(&self, place: &Place<A>, now: Ticks) {
        self.tell(EventKind::New, Changes::NEW, place, now);
    }

    pub(super) fn tell_gone(&self, place: Option<&Place<A>>, now: Ticks) {
        if let Some(place) = place {
            self.tell(EventKind::Destroy, Changes::DESTROY, place, now);
        }
    }

    fn tell(&self, kind: EventKind, change: Changes, place: &Place<A>, now: Ticks) {
        if let Some(journal) = self.journal.as_ref().filter(|journal| journal.is_listened_to())
            && !change.without(place.expected.silenced).is_empty()
        {
            let expectation = listed(place, now);
            journal.push(News::Expectation(ExpectationEvent { kind, expectation }));
        }
    }
}

fn listed<A: Address>(place: &Place<A>, now: Ticks) -> ListedExpectation {
    ListedExpectation {
        tuple: general(&place.expected.tuple),
        master: general(&place.expected.master),
        timeout_s: Ticks::at(place.until).seconds_from(now),
        from: place.expected.from,
        helper: place.expected.helper,
        class: place.expected.class,
        lasting: place.expected.lasting,
        inactive: place.expected.inactive,
    }
}
