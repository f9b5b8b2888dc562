//! A packet of a connection that is in the table.

use super::expire::Ticks;
use super::protocol::{self, Stream};
use super::segment::Segment;
use super::table::{Connection, FlowRef, Half};
use super::tcp::{self, TcpOutcome};
use super::timeouts::ConntrackSettings;
use super::{Conntrack, CtState, Direction, Status, Update};
use crate::address::Address;
use crate::time::Instant;
use crate::wire::layer4::{Layer4, Layer4Kind};
use crate::wire::parse::Headers;

impl<A: Address> Conntrack<A> {
    /// Tells the connection of the packet and finds the packet's state. The first reply clears the
    /// cached verdicts of both directions.
    #[inline]
    pub fn update(
        &mut self,
        flow: FlowRef,
        layer4: &Layer4,
        data: &[u8],
        headers: &Headers,
        now: Instant,
        settings: &ConntrackSettings,
    ) -> Update {
        let now = Ticks::at(now);
        if let Layer4Kind::Tcp(fields) = layer4.kind {
            return self.update_tcp(flow, &Segment { fields, data, headers }, now, settings);
        }
        let half = self.table.half_mut(flow);
        if half.window.settled && !half.deadline().has_come(now) {
            let seconds = protocol::rest(half.key.protocol, true, settings);
            half.set_deadline(now.plus_seconds(seconds));
            return Update::Accept(CtState::Established);
        }
        self.update_unsettled(flow, now, settings)
    }

    /// A packet of a connection without windows on which something may change yet.
    fn update_unsettled(
        &mut self,
        flow: FlowRef,
        now: Ticks,
        settings: &ConntrackSettings,
    ) -> Update {
        let Some((connection, own, peer)) = self.table.parts(flow) else { return Update::Invalid };
        if connection.status.has(Status::DYING)
            || own.deadline().later(peer.deadline()).has_come(now)
        {
            return Update::Reopen;
        }
        let seen_reply = connection.status.has(Status::SEEN_REPLY);
        let stream = seen_reply
            && match Stream::of(own.key.protocol) {
                Stream::Later => connection.stream_from.has_come(now),
                Stream::Now => true,
                Stream::Never => false,
            };
        own.set_deadline(now.plus_seconds(protocol::rest(own.key.protocol, stream, settings)));
        if stream {
            connection.status.set(Status::ASSURED);
        }
        let state = note_direction(connection, own, peer, flow.direction());
        if stream || seen_reply && Stream::of(own.key.protocol) == Stream::Never {
            own.window.settled = true;
        }
        Update::Accept(state)
    }

    fn update_tcp(
        &mut self,
        flow: FlowRef,
        segment: &Segment<'_>,
        now: Ticks,
        settings: &ConntrackSettings,
    ) -> Update {
        let Some((connection, own, peer)) = self.table.parts(flow) else { return Update::Invalid };
        if connection.deadline.has_come(now) || connection.status.has(Status::DYING) {
            return Update::Reopen;
        }
        let outcome = tcp::track(
            &mut connection.tcp,
            &mut own.window,
            &mut peer.window,
            flow.direction(),
            segment,
            connection.status,
            settings,
        );
        match outcome {
            TcpOutcome::Accept { timeout, assured } => {
                if let Some(seconds) = timeout {
                    connection.deadline = now.plus_seconds(seconds);
                }
                if assured {
                    connection.status.set(Status::ASSURED);
                }
                Update::Accept(note_direction(connection, own, peer, flow.direction()))
            }
            TcpOutcome::Kill => {
                let state = note_direction(connection, own, peer, flow.direction());
                self.bury(flow.connection());
                Update::Accept(state)
            }
            TcpOutcome::Invalid { shorten } => {
                if shorten {
                    shorten_rest(connection, now, settings);
                }
                self.statistics.invalid += 1;
                Update::Invalid
            }
            TcpOutcome::Reopen => Update::Reopen,
        }
    }
}

/// The packet's state; notes that the connection was answered.
fn note_direction<A: Address>(
    connection: &mut Connection,
    own: &mut Half<A>,
    peer: &mut Half<A>,
    direction: Direction,
) -> CtState {
    let seen_reply = connection.status.has(Status::SEEN_REPLY);
    match direction {
        Direction::Reply if !seen_reply => {
            connection.status.set(Status::SEEN_REPLY);
            own.cache.clear();
            peer.cache.clear();
            CtState::Established
        }
        Direction::Original if !seen_reply => CtState::New,
        Direction::Original | Direction::Reply => CtState::Established,
    }
}

/// Both ends have closed in a way we could not follow: the connection need not rest for days.
fn shorten_rest(connection: &mut Connection, now: Ticks, settings: &ConntrackSettings) {
    const WORTH_IT: u32 = 120;
    let left = connection.deadline.seconds_from(now);
    if left >= WORTH_IT && left > settings.tcp.unacknowledged {
        connection.deadline = now.plus_seconds(settings.tcp.unacknowledged);
    }
}
