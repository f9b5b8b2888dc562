//! Epochs: how long cached verdicts hold.
//!
//! ```text
//!   verdict's stamp ── is the epoch of now ────────────────────────────────────────────────────> holds
//!                   └─ older ─ routed as before? ─ rules it can reach the same? ────────────────> holds, stamped anew
//!                                    │                     └─ judged one like it since? ─────> as that, stamped anew
//!                                    └───────────── no: the long way ──────┘
//! ```
//!
//! An epoch ends with a change of the configuration, of routes, or of a set that rules look into. Whom it concerns is found out packet by packet, when the
//! next of a connection comes: what rules it can reach has a [stamp](crate::rules::Kind) of its own, and its route is looked up
//! once. Neighbours are not in it: an [adjacency](crate::adjacency) knows whether its own is still there.

use super::{Env, Family, Lane};
use crate::adjacency::Adjacency;
use crate::cache::Cached;
use crate::conntrack::{FlowRef, Status};
use crate::ids::InterfaceId;
use crate::neighbour::NeighbourTable;
use crate::rules::{Course, Kind, Stamps};
use crate::snapshot::Snapshot;
use crate::stamp::Stamp;
use crate::tuple::Zone;

/// The epochs of one worker and one IP version.
#[derive(Debug)]
pub(crate) struct Epochs {
    /// The stamp of verdicts reached now; never zero.
    now: u32,
    /// The first epoch whose verdicts hold, by kind of packet.
    since: [u32; Kind::COUNT],
    /// The first with the routes of now.
    routed: u32,
    /// What they were told by, once a burst has come.
    basis: Option<(Stamp, Stamps)>,
    /// Changes of routes, of sets that rules look into, and of links of neighbours, seen.
    routes: u32,
    sets: Option<u32>,
    links: u32,
    /// The first with the adjacencies of now.
    listed: u32,
}

impl Epochs {
    pub(crate) const fn new() -> Self {
        let since = [1; Kind::COUNT];
        Self { now: 1, since, routed: 1, basis: None, routes: 0, sets: None, links: 0, listed: 1 }
    }

    /// The stamp of verdicts reached now.
    #[inline]
    pub(crate) const fn now(&self) -> u32 {
        self.now
    }

    /// The first epoch in which numbers of adjacencies mean what they do now.
    pub(crate) const fn listed(&self) -> u32 {
        self.listed
    }

    /// Whether rules say what they said in the epoch of that stamp.
    const fn rules_hold(&self, stamp: u32, kind: Kind) -> bool {
        self.since[kind.index()] <= stamp && stamp <= self.now
    }

    /// The next epoch.
    const fn advance(&mut self) {
        self.now = self.now.wrapping_add(1);
        if self.now == 0 {
            // What was stamped before comes from epochs that are yet to come, and holds in none of them.
            (self.now, self.since, self.routed, self.listed) = (1, [1; Kind::COUNT], 1, 1);
        }
    }
}

impl Kind {
    /// Of packets that go that way.
    const fn of(adjacency: &Adjacency, answered: bool) -> Self {
        let course = match (adjacency.ingress, adjacency.egress) {
            (Some(InterfaceId::HOST), _) => Course::Out,
            (_, InterfaceId::HOST) => Course::In,
            (Some(_) | None, _) => Course::Forward,
        };
        Self { course, answered }
    }
}

impl<A: Family> Lane<A> {
    /// A burst begins, under the snapshot of the one before or `another`.
    #[inline]
    pub(crate) fn begin_burst(
        &mut self,
        snapshot: &Snapshot,
        another: bool,
        neighbours: &NeighbourTable,
    ) {
        self.conntrack.end_condemned();
        // Read before anything is looked up: a change in between makes verdicts stale, never wrong.
        let (routes, sets) = (self.fib.changes(), A::rules(snapshot).changes_of_sets());
        let same = routes == self.epochs.routes && sets == self.epochs.sets;
        if another || !same || self.adjacencies.is_full() {
            self.begin_epoch(snapshot, another, (routes, sets), neighbours.changes());
        }
    }

    #[cold]
    fn begin_epoch(
        &mut self,
        snapshot: &Snapshot,
        another: bool,
        (routes, sets): (u32, Option<u32>),
        links: u32,
    ) {
        let rules = A::rules(snapshot);
        let new = (snapshot.stamp, *rules.stamps());
        let old = self.epochs.basis.replace(new);
        let rerouted = std::mem::replace(&mut self.epochs.routes, routes) != routes;
        // Verdicts of rules that look into no set do not depend on any.
        let reset = std::mem::replace(&mut self.epochs.sets, sets)
            .is_some_and(|before| sets.is_some_and(|now| now != before));
        if another {
            self.adjacencies.forget_routes();
            self.classes.clear();
            self.kin.clear();
        }
        let kept =
            |kind: usize| old.is_some_and(|old| old.0 == new.0 && old.1[kind] == new.1[kind]);
        let kept: [bool; Kind::COUNT] = std::array::from_fn(kept);
        let changed = rerouted || reset || kept.contains(&false);
        // A list full of what nobody takes any more gives way; but not burst by burst where so many are in use.
        let crowded = changed && self.adjacencies.is_crowded();
        let full = self.adjacencies.is_full() && links != self.epochs.links;
        if crowded || full || old.is_none_or(|old| old.0 != new.0) {
            self.epochs.links = links;
            return self.forget_verdicts();
        }
        if !changed {
            return;
        }
        self.classes.clear();
        self.epochs.advance();
        let now = self.epochs.now;
        for (kind, (since, kept)) in self.epochs.since.iter_mut().zip(kept).enumerate() {
            // Where rules ask for routes or sets, nobody knows for which.
            if !kept || reset && rules.asks_sets(kind) || rerouted && rules.asks_routes(kind) {
                *since = now;
            }
        }
        if rerouted {
            self.epochs.routed = now;
        }
    }

    /// Ends every cached verdict.
    pub(crate) fn forget_verdicts(&mut self) {
        self.epochs.advance();
        let now = self.epochs.now;
        let Epochs { since, routed, listed, .. } = &mut self.epochs;
        (*since, *routed, *listed) = ([now; Kind::COUNT], now, now);
        self.adjacencies.clear();
        self.classes.clear();
        self.kin.clear();
    }

    /// Stamps a verdict of an earlier epoch anew where it still holds, or where it is known what takes its place; false
    /// where its packet must take the long way.
    #[inline(never)]
    pub(super) fn renew(&mut self, env: &Env<'_>, flow: FlowRef) -> bool {
        let Cached { stamp, adjacency } = self.conntrack.half(flow).cache;
        let Some(way) = self.way_of_now(env, flow) else { return false };
        let kind = self.kind(flow, &way);
        let adjacency = if self.epochs.rules_hold(stamp, kind) {
            Some(adjacency)
        } else {
            self.path_of_kin(env, flow, &way)
                .filter(|(_, epoch)| self.epochs.rules_hold(*epoch, kind))
                .and_then(|(path, _)| self.adjacencies.number(Adjacency { path, ..way }))
        };
        let Some(adjacency) = adjacency else { return false };
        self.conntrack.half_mut(flow).cache = Cached { stamp: self.epochs.now, adjacency };
        true
    }

    /// Whether the verdict kept for `flow` holds.
    pub(super) fn holds(&self, env: &Env<'_>, flow: FlowRef) -> bool {
        let stamp = self.conntrack.half(flow).cache.stamp;
        let hold = |way| self.epochs.rules_hold(stamp, self.kind(flow, &way));
        stamp == self.epochs.now || self.way_of_now(env, flow).is_some_and(hold)
    }

    /// The way that the packets of `flow` went when the last verdict was kept, if it still leads there.
    fn way_of_now(&self, env: &Env<'_>, flow: FlowRef) -> Option<Adjacency> {
        let Cached { stamp, adjacency } = self.conntrack.half(flow).cache;
        if stamp < self.epochs.listed || stamp > self.epochs.now {
            return None;
        }
        let way = self.adjacencies.get(adjacency)?;
        let leads_there = stamp >= self.epochs.routed || self.is_routed_as_before(env, flow, &way);
        leads_there.then_some(way)
    }

    /// The kind of packets that `flow` has on that way.
    fn kind(&self, flow: FlowRef, way: &Adjacency) -> Kind {
        Kind::of(way, self.conntrack.common(flow).status.has(Status::SEEN_REPLY))
    }

    /// Keeps a verdict just reached. Packets of a zone are not looked for before the raw table has named it, so there is
    /// nothing to keep for them, nor for others to learn from.
    pub(super) fn keep(&mut self, env: &Env<'_>, flow: FlowRef, way: Adjacency) {
        if self.conntrack.half(flow).key.zone != Zone::default() {
            return;
        }
        let before = self.conntrack.half(flow).cache.stamp;
        let Some(adjacency) = self.adjacencies.number(way) else { return };
        self.conntrack.half_mut(flow).cache = Cached { stamp: self.epochs.now, adjacency };
        // Rules have changed under it; others will follow.
        if before >= self.epochs.listed && !self.epochs.rules_hold(before, self.kind(flow, &way)) {
            self.learn_kin(env, flow, &way);
        }
    }

    /// Whether the packets of `flow` still take that way, by the routes of now.
    fn is_routed_as_before(&self, env: &Env<'_>, flow: FlowRef, adjacency: &Adjacency) -> bool {
        let (Some(ingress), Some(next_hop)) = (adjacency.ingress, adjacency.next_hop) else {
            return false;
        };
        // Redirects depend on more.
        if ingress == adjacency.egress {
            return false;
        }
        let source = self.conntrack.half(flow).key.source;
        let destination = self.conntrack.half(flow.peer()).key.source;
        self.fib.lookup(destination) == Some(next_hop)
            && self.check_source(env, ingress, source).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_from_the_last_change_that_concerns_it_until_now() {
        let mut epochs = Epochs::new();
        let (one, other) = (Kind::of(&way(0, 1), true), Kind::of(&way(0, 1), false));
        let stamp = epochs.now();
        epochs.advance();
        epochs.since[other.index()] = epochs.now();
        assert!(epochs.rules_hold(stamp, one) && !epochs.rules_hold(stamp, other));
        assert!(epochs.rules_hold(epochs.now(), other));
        assert!(!epochs.rules_hold(epochs.now() + 1, one), "of an epoch that is yet to come");
    }

    #[test]
    fn epochs_begin_anew_without_zero() {
        let mut epochs = Epochs { now: u32::MAX, since: [9; Kind::COUNT], ..Epochs::new() };
        epochs.advance();
        assert_eq!((epochs.now(), epochs.since[0], epochs.routed), (1, 1, 1));
        assert!(!epochs.rules_hold(u32::MAX, Kind::of(&way(0, 1), true)));
    }

    fn way(ingress: u16, egress: u16) -> Adjacency {
        Adjacency {
            ingress: Some(InterfaceId(ingress)),
            egress: InterfaceId(egress),
            ..Adjacency::default()
        }
    }

    #[test]
    fn the_ends_of_a_way_tell_its_kind() {
        let host = InterfaceId::HOST.0;
        let course = |ingress, egress| Kind::of(&way(ingress, egress), true).course;
        assert_eq!(course(0, 1), Course::Forward);
        assert_eq!(course(0, host), Course::In);
        assert_eq!(course(host, 1), Course::Out);
    }
}
