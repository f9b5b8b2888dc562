//! A packet of a connection that is in the table.

use super::expire::Ticks;
use super::protocol::{self, Stream};
use super::sctp::{self, SctpOutcome, SctpState};
use super::segment::Segment;
use super::table::{Common, FlowRef, Half, Parts};
use super::tcp::{self, TcpOutcome};
use super::tcp_state::TcpConnectionState;
use super::timeouts::{ConntrackSettings, Timeouts};
use super::{Changes, Conntrack, CtState, Direction, EventKind, Status, Update};
use crate::address::Address;
use crate::time::Instant;
use crate::wire::layer4::{Layer4, Layer4Kind};
use crate::wire::parse::Headers;
use crate::wire::protocol::SCTP;

impl<A: Address> Conntrack<A> {
    /// Tells the connection of the packet and finds the packet's state. The first reply clears the
    /// cached verdicts of both directions. Its `bytes` of IP count in the connection's account; none of what the gateway
    /// answers itself.
    #[expect(clippy::too_many_arguments, reason = "a packet, when, and by which settings")]
    #[inline]
    pub fn update(
        &mut self,
        flow: FlowRef,
        layer4: &Layer4,
        data: &[u8],
        headers: &Headers,
        bytes: Option<u32>,
        now: Instant,
        settings: &ConntrackSettings,
    ) -> Update {
        let now = Ticks::at(now);
        if let Layer4Kind::Tcp(fields) = layer4.kind {
            let (ack_shift, proxied) = self.ack_shift(flow, fields.ack);
            let segment = Segment { fields, data, headers, ack_shift, proxied };
            return self.update_tcp(flow, &segment, bytes, now, settings);
        }
        let mut parts = self.table.session_mut(flow.session()).parts(flow.direction());
        if !parts.common.is_live() || parts.common.deadline.has_come(now) {
            return Update::Reopen;
        }
        if parts.own.key.protocol == SCTP {
            return self.update_sctp(flow, headers.payload(data), bytes, now, settings);
        }
        let before = parts.common.status;
        let state = parts.exchange(flow.direction(), now, settings);
        let status = parts.common.status;
        self.aging.expect(flow.session(), parts.common.deadline);
        if let Some(bytes) = bytes {
            self.note_carried(flow, bytes);
        }
        if self.telling && status != before {
            let changes = status.changes_since(before);
            self.tell(EventKind::Update, changes, flow.session(), now);
        }
        Update::Accept(state)
    }

    /// The gateway has refused a packet of this TCP connection with a reset, which is not tracked itself (kernel
    /// `nf_conntrack_tcp_set_closing`).
    pub fn close(&mut self, flow: FlowRef, now: Instant, settings: &ConntrackSettings) {
        let now = Ticks::at(now);
        let parts = self.table.session_mut(flow.session()).parts(flow.direction());
        if !parts.common.is_live() || parts.common.deadline.has_come(now) {
            return;
        }
        let closed = TcpConnectionState::Close;
        let timeouts = settings.timeouts_of(parts.own.window.policy);
        parts.common.state = closed;
        self.rest_until(flow.session(), now.plus_seconds(timeouts.tcp.of(closed)));
        if self.telling {
            self.tell(EventKind::Update, Changes::PROTOCOL, flow.session(), now);
        }
    }

    /// A packet, common header first, of an SCTP connection that has not ended.
    #[inline(never)]
    fn update_sctp(
        &mut self,
        flow: FlowRef,
        packet: &[u8],
        bytes: Option<u32>,
        now: Ticks,
        settings: &ConntrackSettings,
    ) -> Update {
        let direction = flow.direction();
        let mut parts = self.table.session_mut(flow.session()).parts(direction);
        let mut place = parts.tcp(direction);
        let mut sctp = SctpState::from(&place);
        let before = (sctp.state, parts.common.status);
        let timeouts = &settings.timeouts_of(parts.own.window.policy).sctp;
        let outcome = sctp::track(&mut sctp, direction, packet, before.1, timeouts);
        place = sctp.into();
        parts.set_tcp(direction, &place);
        let Parts { own, peer, common, .. } = parts;
        if sctp.is_assured() {
            common.status.set(Status::ASSURED);
        }
        let SctpOutcome::Accept { timeout } = outcome else {
            self.statistics.invalid += 1;
            return Update::Invalid;
        };
        if let Some(seconds) = timeout {
            common.deadline = now.plus_seconds(seconds);
            self.aging.expect(flow.session(), common.deadline);
        }
        let state = note_direction(common, own, peer, direction);
        let after = common.status;
        if let Some(bytes) = bytes.filter(|_| timeout.is_some()) {
            self.note_carried(flow, bytes);
        }
        if self.telling && (sctp.state, after) != before {
            let changes = after.changes_since(before.1);
            let changes = changes.and_if(sctp.state != before.0, Changes::PROTOCOL);
            self.tell(EventKind::Update, changes, flow.session(), now);
        }
        Update::Accept(state)
    }

    fn update_tcp(
        &mut self,
        flow: FlowRef,
        segment: &Segment<'_>,
        bytes: Option<u32>,
        now: Ticks,
        settings: &ConntrackSettings,
    ) -> Update {
        let direction = flow.direction();
        let mut parts = self.table.session_mut(flow.session()).parts(direction);
        if parts.common.deadline.has_come(now) || !parts.common.is_live() {
            return Update::Reopen;
        }
        let before = (parts.common.state, parts.common.status);
        let mut tcp = parts.tcp(direction);
        let outcome = tcp::track(
            &mut tcp,
            &mut parts.own.window,
            &mut parts.peer.window,
            direction,
            segment,
            parts.common.status,
            settings,
        );
        parts.set_tcp(direction, &tcp);
        if let Some(bytes) = bytes.filter(|_| outcome.counts())
            && parts.common.status.has(Status::ACCOUNTED)
        {
            self.accounts.add(flow, bytes);
        }
        let Parts { own, peer, common, .. } = parts;
        match outcome {
            TcpOutcome::Accept { timeout, assured } => {
                if let Some(seconds) = timeout {
                    common.deadline = now.plus_seconds(seconds);
                    self.aging.expect(flow.session(), common.deadline);
                }
                if assured {
                    common.status.set(Status::ASSURED);
                }
                let state = note_direction(common, own, peer, direction);
                let after = (common.state, common.status);
                if self.telling && after != before {
                    let changes = after.1.changes_since(before.1);
                    let changes = changes.and_if(after.0 != before.0, Changes::PROTOCOL);
                    self.tell(EventKind::Update, changes, flow.session(), now);
                }
                Update::Accept(state)
            }
            TcpOutcome::Kill => {
                // As the kernel, its end is told before this packet counts as an answer.
                self.end_now(flow.session(), now);
                let parts = self.table.session_mut(flow.session()).parts(direction);
                let Parts { own, peer, common, .. } = parts;
                Update::Accept(note_direction(common, own, peer, direction))
            }
            TcpOutcome::Invalid { shorten } => {
                if shorten {
                    shorten_rest(common, now, settings.timeouts_of(own.window.policy));
                    self.aging.expect(flow.session(), common.deadline);
                }
                self.statistics.invalid += 1;
                Update::Invalid
            }
            TcpOutcome::Reopen => Update::Reopen,
        }
    }
}

impl<A: Address> Parts<'_, A> {
    /// A packet of a connection without windows, which has not ended.
    pub(super) fn exchange(
        &mut self,
        direction: Direction,
        now: Ticks,
        settings: &ConntrackSettings,
    ) -> CtState {
        let protocol = self.own.key.protocol;
        let seen_reply = self.common.status.has(Status::SEEN_REPLY);
        let stream = seen_reply
            && match Stream::of(protocol) {
                Stream::Later => self.stream_from(direction).has_come(now),
                Stream::Now => true,
                Stream::Never => false,
            };
        let timeouts = settings.timeouts_of(self.own.window.policy);
        self.common.deadline = now.plus_seconds(protocol::rest(protocol, stream, timeouts));
        if stream {
            self.common.status.set(Status::ASSURED);
            self.own.window.settle();
        }
        note_direction(self.common, self.own, self.peer, direction)
    }
}

/// The packet's state; notes that the connection was answered.
fn note_direction<A: Address>(
    common: &mut Common,
    own: &mut Half<A>,
    peer: &mut Half<A>,
    direction: Direction,
) -> CtState {
    let seen_reply = common.status.has(Status::SEEN_REPLY);
    match direction {
        Direction::Reply if !seen_reply => {
            common.status.set(Status::SEEN_REPLY);
            own.cache.clear();
            peer.cache.clear();
            CtState::Established
        }
        Direction::Original if !seen_reply && common.status.has(Status::EXPECTED) => {
            CtState::Related
        }
        Direction::Original if !seen_reply => CtState::New,
        Direction::Original | Direction::Reply => CtState::Established,
    }
}

/// Both ends have closed in a way we could not follow: the connection need not rest for days.
fn shorten_rest(common: &mut Common, now: Ticks, timeouts: &Timeouts) {
    const WORTH_IT: u32 = 120;
    let left = common.deadline.seconds_from(now);
    if left >= WORTH_IT && left > timeouts.tcp.unacknowledged {
        common.deadline = now.plus_seconds(timeouts.tcp.unacknowledged);
    }
}
