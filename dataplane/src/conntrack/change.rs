//! What an operator does to connections (kernel `nf_conntrack_netlink.c`, `ctnetlink_change_conntrack`).

use super::expire::Ticks;
use super::table::FlowRef;
use super::{Changes, Conntrack, EventKind, Listed, Status};
use crate::address::Address;
use crate::time::Instant;

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
}

impl<A: Address> Conntrack<A> {
    /// Changes a connection; how it is then, if it is another.
    pub fn change(&mut self, flow: FlowRef, change: &Change, now: Instant) -> Option<Listed> {
        let (ticks, number) = (Ticks::at(now), flow.session());
        let common = &mut self.table.session_mut(number).common;
        if !common.is_live() || common.deadline.has_come(ticks) {
            return None;
        }
        let before = (common.mark, common.status);
        if let Some((value, mask)) = change.mark {
            common.mark = common.mark & !mask ^ value;
        }
        if change.assured {
            common.status.set(Status::ASSURED);
        }
        if change.seen_reply {
            common.status.set(Status::SEEN_REPLY);
        }
        if let Some(seconds) = change.timeout_s {
            common.deadline = ticks.plus_seconds(seconds);
        }
        let mark = common.mark;
        if (mark, common.status) == before && change.timeout_s.is_none() {
            return None;
        }
        self.note_mark(flow, mark);
        for flow in [flow, flow.peer()] {
            self.half_mut(flow).cache.clear();
        }
        if self.telling {
            // All that could have been asked for, as the kernel tells it.
            let changes = Changes::ALL.without(Changes::NEW).without(Changes::DESTROY);
            self.tell(EventKind::Update, changes, number, ticks);
        }
        Some(self.described(number, ticks))
    }

    /// What follows is asked for by that process; zero: by none.
    pub(crate) const fn set_operator(&mut self, portid: u32) {
        self.portid = portid;
    }
}
