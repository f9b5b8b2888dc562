//! The common packet of a connection, told to it in a few instructions: nothing changes but deadline and
//! windows. Whatever is not clearly that is left, untouched, to [`Conntrack::update`].

use super::expire::Ticks;
use super::table::{FlowRef, Parts, Session};
use super::tcp::{self, TcpHistory};
use super::tcp_state::{Kind, TcpConnectionState};
use super::tcp_window::{self, mark};
use super::timeouts::ConntrackSettings;
use super::{Conntrack, Direction, PolicyId, Status};
use crate::address::Address;
use crate::cache::Cached;
use crate::nat::Rewrite;
use crate::time::Instant;
use crate::tuple::Tuple;
use crate::wire::layer4::TcpFields;
use crate::wire::tcp_flags as flag;

/// What one burst's packets are told with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    now: Ticks,
    /// The deadlines of a UDP stream, and of an exchange that is none, where they have no policy.
    stream: Ticks,
    exchange: Ticks,
    settings: &'a ConntrackSettings,
}

impl<'a> Moment<'a> {
    pub(crate) fn new(now: Instant, settings: &'a ConntrackSettings) -> Self {
        let now = Ticks::at(now);
        Self {
            now,
            stream: now.plus_seconds(settings.timeouts.udp_stream),
            exchange: now.plus_seconds(settings.timeouts.udp),
            settings,
        }
    }

    /// The same for those of this policy.
    #[inline]
    fn under(&self, policy: PolicyId) -> Self {
        if policy.is_none() {
            return *self;
        }
        let timeouts = self.settings.timeouts_of(policy);
        let (stream, exchange) = (timeouts.udp_stream, timeouts.udp);
        let (stream, exchange) = (self.now.plus_seconds(stream), self.now.plus_seconds(exchange));
        Self { stream, exchange, ..*self }
    }
}

impl<A: Address> Conntrack<A> {
    /// Brings the index line of `hash` towards L1.
    #[inline]
    pub(crate) fn prefetch_index(&self, hash: u64) {
        self.table.prefetch_index(hash);
    }

    /// What `hash` may lead to, on its way to L1: [`Self::direction`] tells whether it does.
    #[inline]
    pub(crate) fn candidate(&self, hash: u64) -> Option<FlowRef> {
        self.table.candidate(hash)
    }

    /// The directions that have `keys`, the first `N` of them: as the fast path looks up a burst, where each step
    /// reads what the one before has prefetched.
    #[must_use]
    pub fn lookup_burst<const N: usize>(&self, keys: &[Tuple<A>]) -> [Option<FlowRef>; N] {
        let (mut hashes, mut flows) = ([0; N], [None; N]);
        for (hash, key) in hashes.iter_mut().zip(keys) {
            *hash = self.hash(key);
            self.prefetch_index(*hash);
        }
        for (flow, hash) in flows.iter_mut().zip(hashes).take(keys.len()) {
            *flow = self.candidate(hash);
        }
        for ((flow, hash), key) in flows.iter_mut().zip(hashes).zip(keys) {
            // Another's with the same tag: one packet in thousands.
            if flow.is_some_and(|flow| !self.half(flow).key.is(key)) {
                *flow = self.lookup(hash, key);
            }
        }
        flows
    }

    /// The connection `flow` names, seen from its direction, if that has `key`.
    #[inline]
    pub(crate) fn direction(&mut self, flow: FlowRef, key: &Tuple<A>) -> Option<Seen<'_, A>> {
        let telling = self.telling;
        let session: &mut Session<A> = self.table.session_mut(flow.session());
        let parts = session.parts(flow.direction());
        parts.own.key.is(key).then_some(Seen { parts, direction: flow.direction(), telling })
    }
}

/// A connection, seen from the direction of a packet.
pub(crate) struct Seen<'s, A> {
    parts: Parts<'s, A>,
    direction: Direction,
    /// Whether somebody listens to what becomes of connections.
    telling: bool,
}

impl<A: Address> Seen<'_, A> {
    /// The verdict on the packet before.
    #[inline]
    pub(crate) fn cached(&self) -> Cached {
        self.parts.own.cache
    }

    /// What becomes of the packet.
    #[inline]
    pub(crate) fn rewrite(&self) -> Rewrite<A> {
        Rewrite::towards(&self.parts.peer.key, self.parts.own.delta)
    }

    /// A UDP datagram; false, and nothing changed, when it is not common.
    #[inline(always)]
    pub(crate) fn udp(&mut self, moment: &Moment<'_>) -> bool {
        let Parts { own, common, .. } = &mut self.parts;
        if common.deadline.has_come(moment.now) {
            return false;
        }
        if own.window.has(mark::SETTLED) {
            common.deadline = moment.stream;
            return true;
        }
        let moment = moment.under(own.window.policy);
        if !common.status.has(Status::SEEN_REPLY) {
            // The first reply changes what rules see.
            let repeats = self.direction == Direction::Original && common.is_live();
            common.deadline = if repeats { moment.exchange } else { common.deadline };
            return repeats;
        }
        if !self.parts.stream_from(self.direction).has_come(moment.now) {
            self.parts.common.deadline = moment.exchange;
            return true;
        }
        let Parts { own, common, .. } = &mut self.parts;
        // It becomes a stream, and that is told where somebody listens.
        if self.telling && !common.status.has(Status::ASSURED) {
            return false;
        }
        common.status.set(Status::ASSURED);
        common.deadline = moment.stream;
        own.window.settle();
        true
    }

    /// A TCP segment, which `may_sack` when its options are not known to be without SACK blocks; false, and
    /// nothing changed, when it is not common: data or an acknowledgement within the windows of an established
    /// connection.
    #[inline(always)]
    pub(crate) fn tcp(&mut self, fields: TcpFields, may_sack: bool, moment: &Moment<'_>) -> bool {
        let Parts { own, peer, common, history } = &mut self.parts;
        let plain = fields.flags & !(flag::PSH | flag::ECE | flag::CWR) == flag::ACK
            && common.state == TcpConnectionState::Established
            && common.status.is_settled()
            && !common.deadline.has_come(moment.now)
            && !(may_sack && peer.window.has(mark::SACK));
        if !plain || !tcp_window::slide(&mut own.window, &mut peer.window, &mut own.max_ack, fields)
        {
            return false;
        }
        let end = fields.seq.wrapping_add(u32::from(fields.payload_len));
        let TcpFields { seq, ack, window, .. } = fields;
        let last = TcpHistory { seq, ack, end, window, ..TcpHistory::default() };
        let repeats = common.last_direction == self.direction && history.repeats(&last);
        common.repetitions = if repeats { common.repetitions.saturating_add(1) } else { 0 };
        common.last_direction = self.direction;
        common.last_kind = Kind::Ack;
        history.note(&last);
        let max_retrans = moment.settings.tcp_max_retrans;
        let timeouts = &moment.settings.timeouts_of(own.window.policy).tcp;
        let unacknowledged = (own.window.flags | peer.window.flags) & mark::UNACKNOWLEDGED != 0;
        let seconds = tcp::rest(
            timeouts.established,
            common.repetitions,
            unacknowledged,
            window,
            max_retrans,
            timeouts,
        );
        common.deadline = moment.now.plus_seconds(seconds);
        true
    }
}
