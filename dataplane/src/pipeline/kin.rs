//! Connections like others: where rules have changed under a million of them, few walk the new ones.
//!
//! ```text
//!   what rules can tell of its tuple, before and after translation  ┐
//!   interfaces, direction, state, mark                              ├─> the rules its packets pass: their path
//! ```
//!
//! When a connection is judged anew because what its packets can reach has changed, the path they pass now is learned; the
//! next connection of which rules can tell no more takes it over. Where it goes is known of itself, as long as its routes lead
//! there. As for [first packets](super::first), nobody searches where likes are hardly met.

use super::{Env, Family, Lane};
use crate::address::Address;
use crate::adjacency::Adjacency;
use crate::conntrack::{FlowRef, Helper, Status};
use crate::ids::{InterfaceId, PathId};
use crate::rules::Told;
use crate::wire::protocol;

/// All that rules can tell of a packet that is none of those every one of which they ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key<A> {
    arriving: Told<A>,
    leaving: Told<A>,
    ingress: Option<InterfaceId>,
    egress: InterfaceId,
    /// Direction, what has become of the connection, and the helper that has expected it.
    state: u8,
    mark: u32,
}

#[derive(Debug, Clone, Copy)]
struct Like<A> {
    key: Key<A>,
    /// Of the list it is in.
    list: u32,
    /// When it was learned.
    epoch: u32,
    path: PathId,
}

/// What is known of connections that were judged anew.
#[derive(Debug)]
pub(super) struct Kin<A> {
    /// By hash; a newer one takes the place of an older.
    slots: Vec<Option<Like<A>>>,
    /// What is learned holds for the list of now.
    list: u32,
    /// How many were learned since all were forgotten last, and how often one was met.
    learned: u32,
    met: u32,
}

impl<A: Address> Kin<A> {
    const SLOTS: usize = 1024;

    pub(super) fn new() -> Self {
        Self { slots: vec![None; Self::SLOTS], list: 0, learned: 0, met: 0 }
    }

    /// Forgets all: other rules tell other things of a tuple.
    pub(super) const fn clear(&mut self) {
        self.list = self.list.wrapping_add(1);
        (self.learned, self.met) = (0, 0);
    }

    const fn are_met(&self) -> bool {
        self.learned < Self::SLOTS as u32 || self.met >= self.learned
    }
}

impl<A: Family> Lane<A> {
    /// What rules can tell of the packets of `flow` on that way, and its place in the list; none for those that are not
    /// worth it.
    fn kin_key(&self, env: &Env<'_>, flow: FlowRef, way: &Adjacency) -> Option<(Key<A>, usize)> {
        let key = self.conntrack.half(flow).key;
        let told_apart = matches!(key.protocol, protocol::TCP | protocol::UDP)
            && way.ingress != Some(InterfaceId::HOST)
            && way.ingress != Some(way.egress);
        if !told_apart || !self.kin.are_met() {
            return None;
        }
        let rules = A::rules(env.snapshot);
        let (arriving, leaving) =
            (rules.told(&key), rules.told(&self.conntrack.half(flow.peer()).key.reversed()));
        let common = self.conntrack.common(flow);
        let has = |bits| u8::from(common.status.has(bits));
        let state = flow.direction() as u8
            | has(Status::SEEN_REPLY) << 1
            | has(Status::SRC_NAT) << 2
            | has(Status::DST_NAT) << 3
            | self.conntrack.expected_by(flow).map_or(0, Helper::number) << 4;
        let (ingress, egress, mark) = (way.ingress, way.egress, common.mark);
        let spread = self.conntrack.hash(&arriving.tuple)
            ^ self.conntrack.hash(&leaving.tuple).rotate_left(17)
            ^ u64::from(state) << 40
            ^ u64::from(egress.0) << 48;
        let slot = (spread >> 32) as usize % Kin::<A>::SLOTS;
        Some((Key { arriving, leaving, ingress, egress, state, mark }, slot))
    }

    /// Notes which rules the packets of `flow` pass, which was judged anew.
    pub(super) fn learn_kin(&mut self, env: &Env<'_>, flow: FlowRef, way: &Adjacency) {
        let Some((key, slot)) = self.kin_key(env, flow, way) else { return };
        let (list, epoch) = (self.kin.list, self.epochs.now());
        let like = Like { key, list, epoch, path: way.path };
        if let Some(slot) = self.kin.slots.get_mut(slot) {
            *slot = Some(like);
            self.kin.learned = self.kin.learned.saturating_add(1);
        }
    }

    /// Which rules packets of `flow` pass now, and since which epoch; none where no connection like it was judged.
    pub(super) fn path_of_kin(
        &mut self,
        env: &Env<'_>,
        flow: FlowRef,
        way: &Adjacency,
    ) -> Option<(PathId, u32)> {
        let (key, slot) = self.kin_key(env, flow, way)?;
        let like = self
            .kin
            .slots
            .get(slot)?
            .filter(|like| like.list == self.kin.list && like.key == key)?;
        self.kin.met = self.kin.met.saturating_add(1);
        Some((like.path, like.epoch))
    }
}
