//! Helpers: what connection tracking knows of application protocols that announce further connections (kernel
//! `nf_conntrack_helper.c`). A connection gets one from CT, with its first packet.
//!
//! ```text
//!   Status::ADJUSTED, Role::HELPED ─> helps[session]: what it expects, where its lines begin
//! ```
//!
//! The table has a place for every session and takes memory only where a place has been used. Packets of such a
//! connection have no cached verdict: each goes the long way, past its helper.

use super::expect::{Expected, Refused, Ticket};
use super::segment::{after, before};
use super::shift::Role;
use super::{Changes, Conntrack, FlowRef, NewConnection, Status, TableTooLarge, Zones, in_zone};
use crate::address::Address;
use crate::time::Instant;
use crate::tuple::Tuple;
use crate::wire::protocol::{TCP, UDP};
use zerocopy::FromZeros;

/// A helper. Its protocol tells which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helper {
    /// FTP (RFC 959, RFC 2428), over TCP.
    Ftp,
    /// TFTP (RFC 1350), over UDP.
    Tftp,
}

impl Helper {
    /// As `CT --helper` names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ftp => "ftp",
            Self::Tftp => "tftp",
        }
    }

    /// The one that connections of that protocol can have.
    #[must_use]
    pub const fn of(protocol: u8) -> Option<Self> {
        match protocol {
            TCP => Some(Self::Ftp),
            UDP => Some(Self::Tftp),
            _ => None,
        }
    }
}

/// Where lines of one direction begin, as far as known: sequence numbers behind a newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
pub(super) struct Lines {
    count: u32,
    starts: [u32; 2],
}

impl Lines {
    fn begin_at(&self, seq: u32) -> bool {
        self.starts.iter().take(self.count as usize).any(|start| *start == seq)
    }

    /// The two latest are kept.
    fn note(&mut self, seq: u32) {
        if self.begin_at(seq) {
            return;
        }
        let [one, other] = &mut self.starts;
        match self.count {
            0 => (*one, self.count) = (seq, 1),
            1 => (*other, self.count) = (seq, 2),
            _ => {
                let oldest = if before(*one, *other) { one } else { other };
                if after(seq, *oldest) {
                    *oldest = seq;
                }
            }
        }
    }
}

/// What is kept of one connection.
#[derive(Debug, Clone, Copy, Default, FromZeros)]
struct Help {
    /// A helper expects one connection at a time (the kernel's `max_expected`).
    ticket: Ticket,
    lines: [Lines; 2],
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

    /// A connection begins, which may expect one already.
    pub(super) fn begin(&mut self, session: u32, ticket: Ticket) {
        if let Some(place) = self.0.get_mut(session as usize) {
            *place = Help { ticket, ..Help::default() };
        }
    }

    fn get(&self, session: u32) -> Help {
        self.0.get(session as usize).copied().unwrap_or_default()
    }

    fn lines(&mut self, flow: FlowRef) -> Option<&mut Lines> {
        let place = self.0.get_mut(flow.session() as usize)?;
        Some(&mut place.lines[flow.direction() as usize])
    }
}

impl<A: Address> NewConnection<A> {
    /// Gives it the helper of its protocol; `silenced`: what nobody is told of what that expects.
    pub(crate) const fn set_helped(&mut self, silenced: Changes) {
        self.set_role(Role::HELPED);
        self.role.silence_expectations(silenced);
    }

    /// Its helper.
    pub(crate) fn helper(&self) -> Option<Helper> {
        self.role.has(Role::HELPED).then(|| Helper::of(self.original.protocol)).flatten()
    }
}

impl<A: Address> Conntrack<A> {
    /// The helper of a connection.
    pub(crate) fn helper(&self, flow: FlowRef) -> Option<Helper> {
        let helped = self.role(flow).has(Role::HELPED);
        helped.then(|| Helper::of(self.half(flow).key.protocol)).flatten()
    }

    /// Whether verdicts on packets of `flow` may be kept: not where a helper has to see them, nor as long as nobody has
    /// answered an expected connection, whose packets are RELATED.
    pub(crate) fn may_keep_verdicts(&self, flow: FlowRef) -> bool {
        let status = self.common(flow).status;
        let related = status.has(Status::EXPECTED) && !status.has(Status::SEEN_REPLY);
        !related && self.helper(flow).is_none()
    }

    /// Whether what `flow` says at `seq` begins a line.
    pub(crate) fn begins_line(&mut self, flow: FlowRef, seq: u32) -> bool {
        self.helps.lines(flow).is_some_and(|lines| lines.begin_at(seq))
    }

    /// What `flow` says at `seq` begins a line.
    pub(crate) fn note_line(&mut self, flow: FlowRef, seq: u32) {
        if let Some(lines) = self.helps.lines(flow) {
            lines.note(seq);
        }
    }

    /// Expects a connection, in place of what this one has expected before.
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
        let number = flow.session();
        let silenced = self.role(flow).silenced_expectations();
        let (expected, before) = (Expected { silenced, ..expected }, self.helps.get(number).ticket);
        let ticket = self.expectations.announce(expected, before, now)?;
        if let Some(place) = self.helps.0.get_mut(number as usize) {
            place.ticket = ticket;
        }
        Ok(())
    }

    /// The same for a connection that has just begun.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn expect_from(
        &self,
        new: &mut NewConnection<A>,
        expected: Expected<A>,
        now: Instant,
    ) -> Result<(), Refused> {
        let silenced = new.role.silenced_expectations();
        let expected = Expected { silenced, ..expected };
        new.ticket = self.expectations.announce(expected, new.ticket, now)?;
        Ok(())
    }

    /// Forgets what a connection expects.
    pub(crate) fn expect_nothing(&mut self, flow: FlowRef) {
        self.expectations.withdraw(self.helps.get(flow.session()).ticket, self.aged);
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

    /// A connection has got another mark; the one that it expects shall have it too.
    pub(crate) fn note_mark(&self, flow: FlowRef, mark: u32) {
        if self.is_adjusted(flow) {
            self.expectations.set_mark(self.helps.get(flow.session()).ticket, mark);
        }
    }

    /// A connection is leaving the table: what it expects is expected no more.
    pub(super) fn end_help(&mut self, number: u32) {
        let flow = FlowRef::original_of(number);
        if self.is_adjusted(flow) {
            self.expectations.withdraw(self.helps.get(number).ticket, self.aged);
        }
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
    fn the_two_latest_beginnings_of_lines_are_known() {
        let mut lines = Lines::default();
        assert!(!lines.begin_at(0), "nothing is known");
        for seq in [0xffff_fff0, 5, 5, 0xffff_fff0] {
            lines.note(seq);
        }
        assert!(lines.begin_at(5) && lines.begin_at(0xffff_fff0) && !lines.begin_at(0));
        lines.note(40);
        assert!(lines.begin_at(5) && lines.begin_at(40) && !lines.begin_at(0xffff_fff0));
        lines.note(2);
        assert!(!lines.begin_at(2), "older than both");
    }
}
