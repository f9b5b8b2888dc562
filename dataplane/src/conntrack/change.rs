//! What an operator does to connections (kernel `nf_conntrack_netlink.c`, `ctnetlink_change_conntrack`).

use super::expire::Ticks;
use super::table::FlowRef;
use super::{Changes, Conntrack, Direction, EventKind, Listed, Status, TcpConnectionState};
use crate::address::Address;
use crate::time::Instant;
use crate::wire::protocol::TCP;

/// What is to become of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// Seconds until it ends, if nothing more comes.
    pub timeout_s: Option<u32>,
    /// `mark = (mark & !mask) ^ value`
    pub mark: Option<(u32, u32)>,
    /// It will not give way.
    pub assured: bool,
    /// It counts as answered.
    pub seen_reply: bool,
    /// TCP: from now on no segment is too old or too new for it.
    pub liberal: bool,
    /// TCP: its state.
    pub state: Option<TcpConnectionState>,
    /// All but the timeout is refused (kernel `ctnetlink_change_status`: `EBUSY`), and it is told how it is then.
    pub refused: bool,
}

impl<A: Address> Conntrack<A> {
    /// Changes a connection; how it is then, if it is another.
    pub fn change(&mut self, flow: FlowRef, change: &Change, now: Instant) -> Option<Listed> {
        let (ticks, number) = (Ticks::at(now), flow.session());
        let common = &self.table.session(number).common;
        if !common.is_live() || common.deadline.has_come(ticks) {
            return None;
        }
        let before = (common.mark, common.status, common.state);
        if let Some(seconds) = change.timeout_s {
            self.rest_until(number, ticks.plus_seconds(seconds));
        }
        if !change.refused {
            self.change_all_but_timeout(number, change);
        }
        let common = &self.table.session(number).common;
        let mark = common.mark;
        let same = (mark, common.status, common.state) == before && change.timeout_s.is_none();
        if same && !change.refused {
            return None;
        }
        self.note_mark(flow, mark);
        for flow in [flow, flow.peer()] {
            self.half_mut(flow).cache.clear();
        }
        if self.telling && !(same || change.refused) {
            // All that could have been asked for, as the kernel tells it.
            let changes = Changes::ALL.without(Changes::NEW).without(Changes::DESTROY);
            self.tell(EventKind::Update, changes, number, ticks);
        }
        Some(self.described(number, ticks))
    }

    fn change_all_but_timeout(&mut self, number: u32, change: &Change) {
        let parts = self.table.session_mut(number).parts(Direction::Original);
        let common = parts.common;
        if let Some((value, mask)) = change.mark {
            common.mark = common.mark & !mask ^ value;
        }
        if change.assured {
            common.status.set(Status::ASSURED);
        }
        if change.seen_reply {
            common.status.set(Status::SEEN_REPLY);
        }
        if parts.own.key.protocol == TCP {
            common.state = change.state.unwrap_or(common.state);
            if change.liberal {
                let marks = change.state.unwrap_or(TcpConnectionState::Established).given_marks();
                parts.own.window.flags |= marks;
                parts.peer.window.flags |= marks;
            }
        }
    }

    /// It ends in so many seconds if nothing more comes.
    pub(crate) fn refresh(&mut self, flow: FlowRef, seconds: u32, now: Instant) {
        if self.common(flow).is_live() {
            self.rest_until(flow.session(), Ticks::at(now).plus_seconds(seconds));
        }
    }

    /// What follows is asked for by that process; zero: by none.
    pub(crate) const fn set_operator(&mut self, portid: u32) {
        self.portid = portid;
    }
}
