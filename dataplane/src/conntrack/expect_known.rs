//! Expectations as helpers look for them: what others have announced, and what becomes of their own.

use super::expect::{Expectations, Ticket, is_due};
use super::expected::Expected;
use crate::address::{Address, L4Port};
use crate::time::Instant;
use crate::tuple::Tuple;
use std::time::Duration;

impl<A: Address> Expectations<A> {
    /// What a first packet with this tuple would meet if all were waited for already (kernel `__nf_ct_expect_find`).
    pub(super) fn announced(&self, tuple: &Tuple<A>, now: Instant) -> Option<Expected<A>> {
        if self.is_empty() {
            return None;
        }
        let bucket = self.buckets.get(self.number(tuple))?.hold();
        let mut due = bucket.iter().filter(|place| is_due(place, now)).flatten();
        due.find(|place| place.expected.is_met_by(tuple)).map(|place| place.expected)
    }

    /// Where the packets of a connection are expected that really go to `to`, as the `master` of both has announced that. All
    /// are looked through, as what is sought is not what they lie by.
    pub(super) fn in_front_of(
        &self,
        master: &Tuple<A>,
        protocol: u8,
        to: (A, L4Port),
        now: Instant,
    ) -> Option<(A, L4Port)> {
        let leads = |expected: &Expected<A>| {
            expected.tuple.protocol == protocol
                && expected.master == *master
                && expected
                    .follow
                    .is_some_and(|follow| (follow.destination, follow.port) == (to.0, Some(to.1)))
        };
        self.buckets.iter().find_map(|bucket| {
            let bucket = bucket.hold();
            let mut due = bucket.iter().filter(|place| is_due(place, now)).flatten();
            let found = due.find(|place| leads(&place.expected))?.expected.tuple;
            Some((found.destination, found.destination_port))
        })
    }

    /// Waits from now on, and for so long, for what a ticket names if it is that one; whether it is.
    pub(super) fn wait_for(
        &self,
        ticket: Ticket,
        patience: Duration,
        now: Instant,
        is_it: impl FnOnce(&Expected<A>) -> bool,
    ) -> bool {
        let mut found = false;
        self.at(ticket, |place| {
            if let Some(place) = place.as_mut().filter(|place| is_it(&place.expected)) {
                (place.until, place.expected.inactive) = (now + patience, false);
                found = true;
            }
        });
        found
    }
}
