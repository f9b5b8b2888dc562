//! Connections as an operator lists them.

use super::expire::Ticks;
use super::table::FlowRef;
use super::{Account, Changes, Conntrack, Direction, Event, EventKind, Helper, News, Status};
use crate::address::Address;
use crate::ids::InterfaceId;
use crate::time::Instant;
use crate::tuple::Tuple;
use crate::wire::protocol::{SCTP, TCP};
use std::net::IpAddr;

/// Updates of the connection whose packet is under way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held(Option<(u32, Changes)>);

impl Held {
    /// Adds to what is to be told of a connection; false of another than that which waits.
    fn add(&mut self, number: u32, changes: Changes) -> bool {
        let (of, before) = self.0.unwrap_or((number, Changes::default()));
        if of == number {
            self.0 = Some((number, before.and_if(true, changes)));
        }
        of == number
    }

    fn is_of(&self, number: u32) -> bool {
        self.0.is_some_and(|(of, _)| of == number)
    }
}

/// One connection, of either IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// The tuple of its first packet.
    pub original: Tuple<IpAddr>,
    /// The tuple of the answers as they arrive.
    pub reply: Tuple<IpAddr>,
    /// Seconds until it ends.
    pub timeout_s: u32,
    /// TCP and SCTP: the state as `conntrack -L` prints it; empty otherwise.
    pub state: &'static str,
    /// What has become of it.
    pub status: Status,
    /// The connection mark.
    pub mark: u32,
    /// Where its first packet went out.
    pub egress: InterfaceId,
    /// What it has carried, if it has an account.
    pub account: Option<Account>,
    /// Its helper.
    pub helper: Option<Helper>,
}

impl Listed {
    /// The original tuple, if it is of this IP version.
    #[must_use]
    pub fn original_tuple<A: Address>(&self) -> Option<Tuple<A>> {
        let tuple = &self.original;
        Some(Tuple {
            source: A::from_ip(tuple.source)?,
            destination: A::from_ip(tuple.destination)?,
            source_port: tuple.source_port,
            destination_port: tuple.destination_port,
            protocol: tuple.protocol,
            icmp: tuple.icmp,
            zone: tuple.zone,
        })
    }
}

impl<A: Address> Conntrack<A> {
    /// Whether it is a TCP connection that both ends have left.
    pub(crate) fn is_closed(&self, flow: FlowRef) -> bool {
        self.half(flow).key.protocol == TCP && self.common(flow).state.is_closed()
    }

    /// Seconds until a connection ends if nothing more comes.
    pub(crate) fn seconds_left(&self, flow: FlowRef, now: Instant) -> u32 {
        self.common(flow).deadline.seconds_from(Ticks::at(now))
    }

    /// Adds connections from `cursor` on (zero at first) to `room`, never beyond its capacity, and
    /// gives where to go on; none at the end. Looks at a bounded number of slots, so a page may be
    /// empty. With `zero` the accounts of those listed begin anew.
    pub fn list(
        &mut self,
        cursor: usize,
        now: Instant,
        zero: bool,
        room: &mut Vec<Listed>,
    ) -> Option<usize> {
        const RANGE: usize = 1024;
        let now = Ticks::at(now);
        let slots = self.table.used();
        for number in cursor..slots.min(cursor.saturating_add(RANGE)) {
            if room.len() == room.capacity() {
                return Some(number);
            }
            let Ok(number) = u32::try_from(number) else { return None };
            let Some(listed) = self.listed(number, now) else { continue };
            if zero && listed.account.is_some() {
                self.accounts.open(number, Account::default());
            }
            room.push(listed);
        }
        let next = cursor.saturating_add(RANGE);
        (next < slots).then_some(next)
    }

    fn listed(&mut self, number: u32, now: Ticks) -> Option<Listed> {
        let common = &self.table.session(number).common;
        if !common.is_live() || common.deadline.has_come(now) {
            return None;
        }
        Some(self.described(number, now))
    }

    /// Whether a connection has ended, or its time has come.
    pub(crate) fn is_over(&self, flow: FlowRef, now: Instant) -> bool {
        let common = self.common(flow);
        !common.is_live() || common.deadline.has_come(Ticks::at(now))
    }

    /// A connection as it is listed.
    pub(crate) fn describe(&self, flow: FlowRef, now: Instant) -> Listed {
        self.described(flow.session(), Ticks::at(now))
    }

    pub(super) fn described(&self, number: u32, now: Ticks) -> Listed {
        let session = self.table.session(number);
        let common = &session.common;
        let original = &session.half(Direction::Original).key;
        Listed {
            original: general(original),
            reply: general(&session.half(Direction::Reply).key),
            timeout_s: common.deadline.seconds_from(now),
            state: match original.protocol {
                TCP => common.state.name(),
                SCTP => common.sctp_state().name(),
                _ => "",
            },
            status: common.status,
            mark: common.mark,
            egress: common.egress,
            account: self.account(FlowRef::original_of(number)),
            helper: self.helper(FlowRef::original_of(number)),
        }
    }

    /// Tells whoever listens what has just happened to a connection, where some of `changes` is to be told. Updates wait
    /// where a packet is [under way](Self::hold_news).
    #[cold]
    pub(super) fn tell(&mut self, kind: EventKind, changes: Changes, number: u32, now: Ticks) {
        if let Some(held) = &mut self.held {
            match kind {
                EventKind::Update if held.add(number, changes) => return,
                // Nobody is told more of what is no more.
                EventKind::Destroy if held.is_of(number) => *held = Held::default(),
                EventKind::Update | EventKind::New | EventKind::Destroy => {}
            }
        }
        self.tell_now(kind, changes, number, now);
    }

    /// A packet goes the long way: what it does to its connection is told once it has passed every chain (kernel
    /// `nf_ct_deliver_cached_events`).
    #[inline]
    pub(crate) fn hold_news(&mut self, now: Instant) {
        if self.telling {
            self.tell_held(now);
            self.held = Some(Held::default());
        }
    }

    /// The packet has gone its way, or was dropped.
    #[inline]
    pub(crate) fn tell_held(&mut self, now: Instant) {
        if let Some(Held(Some((number, changes)))) = self.held.take() {
            self.tell_now(EventKind::Update, changes, number, Ticks::at(now));
        }
    }

    /// A connection has got another mark.
    pub(crate) fn tell_mark(&mut self, flow: FlowRef) {
        if self.telling {
            self.tell(EventKind::Update, Changes::MARK, flow.session(), self.aged);
        }
    }

    #[cold]
    fn tell_now(&self, kind: EventKind, changes: Changes, number: u32, now: Ticks) {
        let silenced = self.table.session(number).common.status.silenced();
        let told = changes.without(silenced);
        if let Some(journal) = &self.journal
            && !told.is_empty()
        {
            let mut connection = self.described(number, now);
            // What it carried is told at its end.
            connection.account = connection.account.filter(|_| kind == EventKind::Destroy);
            let marked = told.without(Changes::MARK) != told;
            let (worker, portid) = (self.worker, self.portid);
            journal.push(News::Connection(Event { kind, worker, connection, marked, portid }));
        }
    }

    /// Tells that a connection is about to leave the table.
    #[cold]
    pub(super) fn tell_end(&mut self, number: u32) {
        self.tell(EventKind::Destroy, Changes::DESTROY, number, self.aged);
    }

    /// Removes the connections that `condemned` picks among the slots from `cursor` on, looking at no
    /// more than `budget`, and gives where to go on; none at the end.
    pub fn flush_matching(
        &mut self,
        cursor: usize,
        budget: usize,
        now: Instant,
        mut condemned: impl FnMut(&Listed) -> bool,
        mut gone: impl FnMut(&super::Destroyed<A>),
    ) -> Option<usize> {
        let now = Ticks::at(now);
        let slots = self.table.used();
        let next = cursor.saturating_add(budget);
        for number in cursor..slots.min(next) {
            let Ok(number) = u32::try_from(number) else { return None };
            if self.listed(number, now).is_some_and(|listed| condemned(&listed)) {
                self.remove(FlowRef::original_of(number), &mut gone);
            }
        }
        (next < slots).then_some(next)
    }
}

pub(super) fn general<A: Address>(tuple: &Tuple<A>) -> Tuple<IpAddr> {
    Tuple {
        source: tuple.source.to_ip(),
        destination: tuple.destination.to_ip(),
        source_port: tuple.source_port,
        destination_port: tuple.destination_port,
        protocol: tuple.protocol,
        icmp: tuple.icmp,
        zone: tuple.zone,
    }
}
