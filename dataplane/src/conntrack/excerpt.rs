//! A live connection as somebody else looks at it: copied out of its owner's table between two bursts, and put into a
//! table that is thrown away ([`crate::explain`]).

use super::expect::Ticket;
use super::expected::Expected;
use super::expire::Ticks;
use super::sctp::SctpState;
use super::shift::Shifts;
use super::table::{Hashes, Session};
use super::{
    Conntrack, Direction, Expectations, Helper, Listed, ListedExpectation, Status,
    TcpConnectionState, Zones, in_zone,
};
use crate::address::Address;
use crate::ids::WorkerId;
use crate::time::Instant;
use crate::tuple::Tuple;
use crate::wire::protocol::{SCTP, TCP};
use crate::wire::tcp_flags as flag;

/// What a packet would be looked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sought<A> {
    /// Its tuple, in no zone.
    pub tuple: Tuple<A>,
    /// The zones it is looked for in.
    pub zones: Zones,
}

/// A connection and one direction of it.
#[derive(Debug, Clone)]
pub struct Excerpt<A> {
    /// As it is listed.
    pub listed: Listed,
    /// Who owns it.
    pub worker: WorkerId,
    /// Of the packet that was sought.
    pub direction: Direction,
    session: Session<A>,
    shifts: Shifts,
    expected_by: Option<Helper>,
}

/// A connection that a packet would begin because a helper expects it.
#[derive(Debug, Clone)]
pub struct Foreseen<A> {
    /// As it is listed.
    pub listed: ListedExpectation,
    expected: Expected<A>,
}

/// The numbers of a packet that its connection would take next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// TCP flags.
    pub tcp_flags: u8,
    /// TCP sequence number.
    pub seq: u32,
    /// TCP acknowledgement.
    pub ack: u32,
    /// SCTP verification tag.
    pub tag: u32,
}

impl<A: Address> Conntrack<A> {
    /// The live connection that a packet belongs to.
    #[must_use]
    pub fn excerpt(&self, sought: &Sought<A>, now: Instant) -> Option<Excerpt<A>> {
        let tuple = in_zone(&self.expectations.with_key(&sought.tuple), sought.zones.original);
        let flow = self.lookup_in(sought.zones, &tuple)?;
        let (number, now) = (flow.session(), Ticks::at(now));
        let session = *self.table.session(number);
        if !session.common.is_live() || session.common.deadline.has_come(now) {
            return None;
        }
        Some(Excerpt {
            listed: self.described(number, now),
            worker: self.worker,
            direction: flow.direction(),
            session,
            shifts: self.shifts_of(flow),
            expected_by: self.expected_by(flow),
        })
    }

    /// Puts a copy of another's connection into this table; nothing where it has no room.
    pub(crate) fn graft(&mut self, excerpt: &Excerpt<A>) {
        let mut session = excerpt.session;
        // Its source mapping is counted where it lives.
        session.common.status.clear(Status::MAPPED);
        for direction in [Direction::Original, Direction::Reply] {
            session.half_mut(direction).cache.clear();
        }
        let key = |direction| self.hash(&session.half(direction).key);
        let hashes = Hashes { original: key(Direction::Original), reply: key(Direction::Reply) };
        let Some(number) = self.table.insert(session, hashes) else { return };
        self.count += 1;
        self.accounts.open(number, excerpt.listed.account.unwrap_or_default());
        self.shifts.copy(number, excerpt.shifts);
        self.helps.begin(number, excerpt.expected_by);
        for direction in [Direction::Original, Direction::Reply] {
            self.note_call(&session.half(direction).key);
        }
    }

    /// Expects what somebody else expects too.
    pub(crate) fn foresee(&self, foreseen: &Foreseen<A>, now: Instant) {
        // One alone finds room, and clashes with nothing.
        self.note_call(&foreseen.expected.tuple);
        let _ = self.expectations.announce(foreseen.expected, Ticket::NONE, now);
    }
}

impl<A: Address> Expectations<A> {
    /// What a first packet would meet, which goes on being expected.
    #[must_use]
    pub fn foresee(&self, sought: &Sought<A>, now: Instant) -> Option<Foreseen<A>> {
        let tuple = in_zone(&self.with_key(&sought.tuple), sought.zones.number());
        let (expected, listed) = (self.expected(&tuple, now)?, self.find(&tuple, now)?);
        Some(Foreseen { listed, expected })
    }
}

impl<A: Address> Excerpt<A> {
    /// What the next packet of its direction would bear.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        let mut session = self.session;
        let parts = session.parts(self.direction);
        let tcp = parts.tcp(self.direction);
        match self.listed.original.protocol {
            TCP => {
                let (own, peer) = (parts.own.window, parts.peer.window);
                let (first, answered) =
                    (tcp.state == TcpConnectionState::SynSent, own.max_win != 0);
                let (tcp_flags, seq) = match self.direction {
                    // It is said again.
                    Direction::Original if first => (flag::SYN, own.end.wrapping_sub(1)),
                    Direction::Reply if first => (flag::SYN | flag::ACK, 0),
                    // Picked up: the other end has said where it expects this one to go on.
                    Direction::Reply if !answered => (flag::ACK, tcp.max_ack[0]),
                    Direction::Original | Direction::Reply => (flag::ACK, own.end),
                };
                let ack = if tcp_flags & flag::ACK == 0 { 0 } else { peer.end };
                let ack = ack.wrapping_add(self.shifts.of_said(self.direction.opposite(), ack));
                Numbers { tcp_flags, seq, ack, tag: 0 }
            }
            SCTP => {
                let tag = SctpState::from(&tcp).tag(self.direction);
                Numbers { tag, ..Numbers::default() }
            }
            _ => Numbers::default(),
        }
    }
}
