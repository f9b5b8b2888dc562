//! What is kept of connections that have a helper, and of those that one has expected (kernel `nf_conntrack_helper.c`). A
//! connection gets its helper from CT, with its first packet.
//!
//! ```text
//!   Status::ADJUSTED, its Role names a helper ─┐
//!   Status::EXPECTED ──────────────────────────┴─> helps[session]: by whom expected, what it expects, what the helper remembers
//! ```
//!
//! The table has a place for every session and takes memory only where a place has been used. Packets of a connection with a
//! helper have no cached verdict: each goes the long way, past its helper.

use super::expect::{Refused, Ticket};
use super::expected::{Class, Expected, SourceMask};
use super::keymap::KeyTicket;
use super::shift::Role;
use super::{
    Changes, Conntrack, FlowRef, Helper, NewConnection, Status, TableTooLarge, Zones, in_zone,
};
use crate::address::{Address, L4Port};
use crate::helpers::ftp::Lines;
use crate::helpers::h323::CallMemory;
use crate::helpers::pptp::Control;
use crate::helpers::sip;
use crate::time::Instant;
use crate::tuple::Tuple;
use std::time::Duration;
use zerocopy::FromZeros;

/// What a connection expects at once at most, of all classes.
const MOST: usize = 32;

/// What a connection expects, the oldest first.
#[derive(Debug, Clone, Copy, Default, FromZeros)]
struct Announced {
    count: u8,
    classes: [Class; MOST],
    tickets: [Ticket; MOST],
}

impl Announced {
    fn iter(&self) -> impl Iterator<Item = (Class, Ticket)> {
        let announced = self.classes.iter().copied().zip(self.tickets.iter().copied());
        announced.take(self.count.into())
    }

    /// Those of them that `keep` is true of stay.
    fn retain(&mut self, mut keep: impl FnMut(Class, Ticket) -> bool) {
        let mut kept = Self::default();
        for (class, ticket) in self.iter().filter(|(class, ticket)| keep(*class, *ticket)) {
            kept.push(class, ticket);
        }
        *self = kept;
    }

    fn push(&mut self, class: Class, ticket: Ticket) {
        let at = usize::from(self.count);
        if let (Some(place), Some(kind)) = (self.tickets.get_mut(at), self.classes.get_mut(at)) {
            (*place, *kind) = (ticket, class);
            self.count += 1;
        }
    }

    /// Takes away the youngest.
    fn pop(&mut self) -> Option<Ticket> {
        self.count = self.count.checked_sub(1)?;
        self.tickets.get(usize::from(self.count)).copied()
    }

    /// The one that gives way to another of that class, where there are `most` of it.
    fn oldest(&self, class: Class, most: usize) -> Ticket {
        let mut alike = self.iter().filter(|(other, _)| *other == class);
        let oldest = alike.next().map_or(Ticket::NONE, |(_, ticket)| ticket);
        if alike.count() + 1 < most { Ticket::NONE } else { oldest }
    }
}

/// What helpers remember of a connection between its packets.
#[derive(Debug, Clone, Copy, Default, FromZeros)]
pub(crate) struct Memory {
    /// FTP: where lines of each direction begin.
    pub(crate) lines: [Lines; 2],
    /// SANE: the next reply tells of a connection.
    pub(crate) asked: bool,
    /// PPTP: what its ends have agreed on,
    pub(crate) pptp: Control,
    /// and the keys of the packets of either.
    pub(super) keys: [KeyTicket; 2],
    /// H.323.
    pub(crate) calls: CallMemory,
    /// SIP: what was asked last, and where a phone listens.
    pub(crate) sip: sip::Memory,
}

/// What is kept of one connection.
#[derive(Debug, Clone, Copy, Default, FromZeros)]
struct Help {
    /// The [number](Helper::number) of the helper that has expected it.
    by: u8,
    announced: Announced,
    memory: Memory,
}

/// By session.
#[derive(Debug)]
pub(super) struct HelpTable(Vec<Help>);

impl HelpTable {
    /// For `slots` sessions. Memory is taken when a place is first used.
    ///
    /// # Errors
    /// The system would not have that much memory.
    pub(super) fn new(slots: usize) -> Result<Self, TableTooLarge> {
        Help::new_vec_zeroed(slots).map(Self).map_err(|_| TableTooLarge { slots })
    }

    /// A connection begins that a helper has expected, or that gets one.
    pub(super) fn begin(&mut self, session: u32, expected_by: Option<Helper>) {
        if let Some(place) = self.0.get_mut(session as usize) {
            *place = Help { by: expected_by.map_or(0, Helper::number), ..Help::default() };
        }
    }

    pub(super) fn expected_by(&self, session: u32) -> Option<Helper> {
        self.0.get(session as usize).and_then(|help| Helper::numbered(help.by))
    }

    fn announced(&self, session: u32) -> Announced {
        self.0.get(session as usize).map_or_else(Announced::default, |help| help.announced)
    }
}

impl<A: Address> NewConnection<A> {
    /// Gives it a helper; `silenced`: what nobody is told of what that expects.
    pub(crate) const fn set_helped(&mut self, helper: Helper, silenced: Changes) {
        self.set_role(Role::helped_by(helper));
        self.role.silence_expectations(silenced);
    }
}

impl<A: Address> Conntrack<A> {
    /// The helper of a connection.
    pub(crate) fn helper(&self, flow: FlowRef) -> Option<Helper> {
        self.role(flow).helper()
    }

    /// The helper that has expected a connection.
    pub(crate) fn expected_by(&self, flow: FlowRef) -> Option<Helper> {
        let expected = self.common(flow).status.has(Status::EXPECTED);
        expected.then(|| self.helps.expected_by(flow.session())).flatten()
    }

    /// What helpers remember of a connection; nothing of one without a helper.
    pub(crate) fn memory(&mut self, flow: FlowRef) -> Option<&mut Memory> {
        let place = self.helps.0.get_mut(flow.session() as usize)?;
        Some(&mut place.memory)
    }

    /// Whether verdicts on packets of `flow` may be kept: not where a helper has to see them, nor as long as nobody has
    /// answered an expected connection, whose packets are RELATED.
    pub(crate) fn may_keep_verdicts(&self, flow: FlowRef) -> bool {
        let status = self.common(flow).status;
        let related = status.has(Status::EXPECTED) && !status.has(Status::SEEN_REPLY);
        !related && self.helper(flow).is_none()
    }

    /// A connection of class 0 that `flow`, which has `helper`, may expect: with the ports and addresses of `tuple`, in the
    /// zone of `flow`, met once, translated as rules say.
    pub(crate) fn expected(
        &self,
        flow: FlowRef,
        helper: Helper,
        tuple: &Tuple<A>,
        from: SourceMask,
    ) -> Expected<A> {
        Expected {
            tuple: in_zone(tuple, self.zones_of(flow).number()),
            from,
            master: self.original(flow),
            mark: self.common(flow).mark,
            helper,
            class: 0,
            gives: None,
            follow: None,
            shared: false,
            lasting: false,
            inactive: false,
            silenced: self.role(flow).silenced_expectations(),
        }
    }

    /// Expects a connection, in place of the same, or of the oldest where `flow` expects too many of its class.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn expect(
        &mut self,
        flow: FlowRef,
        expected: Expected<A>,
        now: Instant,
    ) -> Result<(), Refused> {
        if !self.common(flow).is_live() {
            // Its last packet goes out, and nobody would take back what it announces.
            return Ok(());
        }
        let class = expected.class;
        let mut announced = self.helps.announced(flow.session());
        announced.retain(|_, ticket| self.expectations.has(ticket, now));
        let oldest = announced.oldest(class, expected.helper.policy(class).most);
        let ticket = self.expectations.announce(expected, oldest, now);
        announced.retain(|_, ticket| self.expectations.has(ticket, now));
        if let Ok(ticket) = ticket {
            announced.push(class, ticket);
        }
        if let Some(place) = self.helps.0.get_mut(flow.session() as usize) {
            place.announced = announced;
        }
        ticket.map(|_| ())
    }

    /// Forgets what `flow` expects of the classes that `of` is true of.
    pub(crate) fn expect_no_more(&mut self, flow: FlowRef, of: impl Fn(Class) -> bool) {
        let (expectations, aged) = (&self.expectations, self.aged);
        let Some(place) = self.helps.0.get_mut(flow.session() as usize) else { return };
        place.announced.retain(|class, ticket| {
            let gone = of(class);
            if gone {
                expectations.withdraw(ticket, aged);
            }
            !gone
        });
    }

    /// Forgets what `flow` has been the last to expect.
    pub(crate) fn expect_not(&mut self, flow: FlowRef) {
        let Some(place) = self.helps.0.get_mut(flow.session() as usize) else { return };
        if let Some(ticket) = place.announced.pop() {
            self.expectations.withdraw(ticket, self.aged);
        }
    }

    /// Waits from now on, and for so many seconds, for what `flow` expects of a class with that protocol and destination;
    /// false where that is nothing.
    pub(crate) fn wait_for(
        &self,
        flow: FlowRef,
        class: Class,
        to: &Tuple<A>,
        seconds: u32,
        now: Instant,
    ) -> bool {
        let ends = |tuple: &Tuple<A>| (tuple.protocol, tuple.destination, tuple.destination_port);
        let announced = self.helps.announced(flow.session());
        let patience = Duration::from_secs(seconds.into());
        announced.iter().filter(|(other, _)| *other == class).any(|(_, ticket)| {
            self.expectations
                .wait_for(ticket, patience, now, |expected| ends(&expected.tuple) == ends(to))
        })
    }

    /// What anybody has announced of a first packet with this tuple, in the zone of `flow`.
    pub(crate) fn announced(
        &self,
        flow: FlowRef,
        tuple: &Tuple<A>,
        now: Instant,
    ) -> Option<Expected<A>> {
        let tuple = in_zone(tuple, self.zones_of(flow).number());
        self.expectations.announced(&tuple, now)
    }

    /// Where the master of an expected connection has announced its other half, whose packets go to where those of this one
    /// come from.
    pub(crate) fn other_half(
        &self,
        expected: &Expected<A>,
        first: &Tuple<A>,
        now: Instant,
    ) -> Option<(A, L4Port)> {
        let from = (first.source, first.source_port);
        self.expectations.in_front_of(&expected.master, first.protocol, from, now)
    }

    /// Whether a first packet without a zone meets an expectation.
    #[inline]
    pub(crate) fn is_expected(&self, tuple: &Tuple<A>, now: Instant) -> bool {
        !self.expectations.is_empty() && self.expectations.expects(tuple, now)
    }

    /// The expectation that a first packet meets; it is met once.
    pub(crate) fn met(&self, tuple: &Tuple<A>, zones: Zones, now: Instant) -> Option<Expected<A>> {
        self.expectations.take(&in_zone(tuple, zones.number()), now)
    }

    /// A connection has got another mark; those that it expects shall have it too.
    pub(crate) fn note_mark(&self, flow: FlowRef, mark: u32) {
        if self.helper(flow).is_some() {
            let announced = self.helps.announced(flow.session());
            announced.iter().for_each(|(_, ticket)| self.expectations.set_mark(ticket, mark));
        }
    }

    /// A connection is leaving the table: what it expects is expected no more.
    pub(super) fn end_help(&mut self, number: u32) {
        let flow = FlowRef::original_of(number);
        let Some(helper) = self.helper(flow) else { return self.forget_keys_of(flow) };
        if helper == Helper::Pptp {
            self.end_call(flow);
        }
        let announced = self.helps.announced(number);
        announced.iter().for_each(|(_, ticket)| self.expectations.withdraw(ticket, self.aged));
    }

    /// The tuples of a direction of a connection and of the other.
    pub(crate) fn tuples(&self, flow: FlowRef) -> [Tuple<A>; 2] {
        [self.half(flow).key, self.half(flow.peer()).key]
    }

    /// The tuple of a connection's first packet.
    pub(crate) fn original(&self, flow: FlowRef) -> Tuple<A> {
        self.half(FlowRef::original_of(flow.session())).key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_a_class_gives_way_where_there_are_too_many() {
        let mut announced = Announced::default();
        let tickets: Vec<Ticket> = (1..=5).map(Ticket::numbered).collect();
        assert_eq!(announced.oldest(0, 1), Ticket::NONE);
        for (ticket, class) in tickets.iter().zip([0, 1, 0, 1, 0]) {
            announced.push(class, *ticket);
        }
        assert_eq!(announced.oldest(0, 4), Ticket::NONE);
        assert_eq!((announced.oldest(0, 3), announced.oldest(1, 2)), (tickets[0], tickets[1]));
        announced.retain(|_, ticket| ticket != tickets[0]);
        assert_eq!((announced.oldest(0, 3), announced.oldest(0, 2)), (Ticket::NONE, tickets[2]));
        (0..MOST).for_each(|_| announced.push(2, tickets[0]));
        assert_eq!(announced.iter().count(), MOST);
    }
}
