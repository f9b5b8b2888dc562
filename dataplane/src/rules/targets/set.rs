//! SET: what the packet stands for goes into a named set, or out of it (kernel `xt_set`).

use crate::address::Address;
use crate::rules::{View, set_query};
use crate::sets::{Addition, Directions, SetRef};

/// The sets that change.
#[derive(Debug, Clone)]
pub struct SetChange {
    /// `--add-set`.
    pub add: Option<(SetRef, Directions, Addition)>,
    /// `--del-set`.
    pub del: Option<(SetRef, Directions)>,
}

impl PartialEq for SetChange {
    fn eq(&self, other: &Self) -> bool {
        let named = |change: &Self| {
            let add = change.add.as_ref().map(|(set, at, addition)| (set.name(), *at, *addition));
            (add, change.del.as_ref().map(|(set, at)| (set.name(), *at)))
        };
        named(self) == named(other)
    }
}

impl SetChange {
    pub(in crate::rules) fn apply<A: Address>(&self, view: &View<'_, A>) {
        if view.is_dry() {
            return;
        }
        let query = set_query::of(view);
        if let Some((set, at, addition)) = &self.add {
            // A full set stays as it is, and the packet goes on.
            let _ = set.add(&query, *at, addition);
        }
        if let Some((set, at)) = &self.del {
            let _ = set.del(&query, *at);
        }
    }
}
