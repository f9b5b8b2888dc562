//! SET: what the packet stands for goes into a named set, or out of it, or gives the packet its mark (kernel `xt_set`).

use crate::address::Address;
use crate::rules::{View, set_query};
use crate::sets::{Addition, Directions, MarkMap, MatchOptions, SetRef};

/// The sets that change, and the one that is asked.
#[derive(Debug, Clone)]
pub struct SetChange {
    /// `--add-set`.
    pub add: Option<(SetRef, Directions, Addition)>,
    /// `--del-set`.
    pub del: Option<(SetRef, Directions)>,
    /// `--map-set`.
    pub map: Option<SetMap>,
}

/// A set whose elements give to packets.
#[derive(Debug, Clone)]
pub struct SetMap {
    /// The set.
    pub set: SetRef,
    /// Which ends of the packet.
    pub at: Directions,
    /// `--map-mark`. Priority and queue, which may be asked for instead, mean nothing here; the element counts all the same.
    pub mark: bool,
}

impl PartialEq for SetChange {
    fn eq(&self, other: &Self) -> bool {
        let named = |change: &Self| {
            let add = change.add.as_ref().map(|(set, at, addition)| (set.name(), *at, *addition));
            let del = change.del.as_ref().map(|(set, at)| (set.name(), *at));
            (add, del, change.map.as_ref().map(|map| (map.set.name(), map.at, map.mark)))
        };
        named(self) == named(other)
    }
}

impl SetChange {
    pub(in crate::rules) fn apply<A: Address>(&self, view: &mut View<'_, A>) {
        let query = set_query::of(view);
        if let Some((set, at, addition)) = self.add.as_ref().filter(|_| !view.is_dry()) {
            // A full set stays as it is, and the packet goes on.
            let _ = set.add(&query, *at, addition);
        }
        if let Some((set, at)) = self.del.as_ref().filter(|_| !view.is_dry()) {
            let _ = set.del(&query, *at);
        }
        let Some(map) = &self.map else { return };
        let options = MatchOptions {
            keep_counters: view.is_dry(),
            keep_subcounters: view.is_dry(),
            ..MatchOptions::default()
        };
        let mut mark = MarkMap::default();
        if map.set.map(&query, map.at, &options, &mut mark) && map.mark {
            view.mark.set(mark.apply(view.mark.get()));
        }
    }
}
