//! Coming and going of entries: creation under a bound, expiry of the unused.

use std::time::Duration;

use super::{Machine, Node, seconds};
use crate::ids::NeighbourId;
use crate::neighbour::state::{Output, State};
use crate::neighbour::table::{Key, Link};
use crate::time::Instant;

/// How often stale entries are looked at for use, which workers note by the second.
const SWEEP: Duration = Duration::from_secs(1);
/// Under pressure, entries changed more recently than this stay (`neigh_forced_gc`).
const FORCED_AGE: Duration = Duration::from_secs(5);

impl Machine {
    pub(super) fn find_or_create(
        &mut self,
        key: Key,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Option<NeighbourId> {
        if let Some(id) = self.slots.table().find(key.0, key.1) {
            return Some(id);
        }
        if self.dynamic >= self.settings.gc_thresh3 {
            self.force_gc(now, out);
            if self.dynamic >= self.settings.gc_thresh3 {
                return None;
            }
        }
        self.create(key, now)
    }

    /// A new entry in state INCOMPLETE that has not asked yet.
    pub(super) fn create(&mut self, key: Key, now: Instant) -> Option<NeighbourId> {
        let id = self.slots.insert(key, seconds(now))?;
        let node = Node {
            key,
            state: State::Incomplete,
            mac: None,
            router: false,
            probes: 0,
            confirmed: Instant(0),
            updated: now,
            deadline: None,
        };
        self.nodes.insert(id, node);
        self.dynamic += 1;
        Some(id)
    }

    /// Removes entries; packets that wait for them fail.
    pub(super) fn remove_where(
        &mut self,
        out: &mut Vec<Output>,
        mut goes: impl FnMut(&Node) -> bool,
    ) -> usize {
        let going: Vec<_> =
            self.nodes.iter().filter(|(_, node)| goes(node)).map(|(id, _)| *id).collect();
        for &id in &going {
            self.remove(id, out);
        }
        going.len()
    }

    fn remove(&mut self, id: NeighbourId, out: &mut Vec<Output>) {
        self.schedule(id, None);
        let Some(node) = self.nodes.remove(&id) else { return };
        self.dynamic -= usize::from(!node.state.is_static());
        if node.state == State::Incomplete {
            out.push(Output::Failed { id: Some(id), interface: node.key.0, address: node.key.1 });
        }
        self.slots.remove(id);
    }

    /// Notices use of stale entries, and now and then removes what nobody uses.
    pub(super) fn sweep(&mut self, now: Instant, out: &mut Vec<Output>) {
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now + SWEEP;
        let table = self.slots.table();
        let used: Vec<_> = self
            .nodes
            .iter()
            .filter(|(id, node)| {
                node.state == State::Stale && table.used(**id) > seconds(node.updated)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in used {
            self.enter(id, State::Delay, now);
        }
        if now >= self.next_gc {
            self.next_gc = now + self.settings.base_reachable / 2;
            self.gc(now, out);
        }
    }

    /// `neigh_periodic_work`.
    fn gc(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.nodes.len() < self.settings.gc_thresh1 {
            return;
        }
        let limit = self.settings.gc_stale.as_secs();
        let going: Vec<_> = self
            .nodes
            .iter()
            .filter(|(id, node)| {
                let used = u64::from(self.slots.table().used(**id).max(seconds(node.confirmed)));
                let idle = u64::from(seconds(now)).saturating_sub(used);
                match node.state {
                    State::Failed => true,
                    State::Stale => idle > limit,
                    State::Incomplete | State::Reachable | State::Delay | State::Probe => false,
                    State::NoArp | State::Permanent => false,
                }
            })
            .map(|(id, _)| *id)
            .collect();
        self.remove_all(&going, out);
    }

    /// `neigh_forced_gc`: room at any price but the price of those in use. At most once a second, so
    /// that a flood of addresses cannot make each cost a walk.
    fn force_gc(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.last_forced.is_some_and(|last| now.since(last) < SWEEP) {
            return;
        }
        self.last_forced = Some(now);
        let table = self.slots.table();
        let mut going: Vec<_> = self
            .nodes
            .iter()
            .filter(|(_, node)| match node.state {
                State::Failed => true,
                State::Stale => now.since(node.updated) > FORCED_AGE,
                State::Incomplete | State::Reachable | State::Delay | State::Probe => false,
                State::NoArp | State::Permanent => false,
            })
            .map(|(id, node)| (node.state != State::Failed, table.used(*id), *id))
            .collect();
        going.sort_unstable();
        let going: Vec<_> =
            going.into_iter().map(|(_, _, id)| id).take(self.settings.gc_thresh3 / 4 + 1).collect();
        self.remove_all(&going, out);
    }

    fn remove_all(&mut self, going: &[NeighbourId], out: &mut Vec<Output>) {
        for &id in going {
            debug_assert_ne!(self.slots.table().link(id), Link::Unresolved);
            self.remove(id, out);
        }
    }
}
