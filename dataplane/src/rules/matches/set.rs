//! `-m set`: whether a named set has what the packet stands for (kernel `xt_set`).

use super::Condition;
use crate::address::Address;
use crate::rules::{View, set_query};
use crate::sets::{Directions, MatchOptions, SetRef};

/// A look into a set.
#[derive(Debug, Clone)]
pub struct SetMatch {
    /// The set.
    pub set: SetRef,
    /// Which ends of the packet.
    pub at: Directions,
    /// Counters and exceptions.
    pub options: MatchOptions,
    /// `!`.
    pub invert: bool,
}

impl PartialEq for SetMatch {
    fn eq(&self, other: &Self) -> bool {
        let own = (self.set.name(), self.at, self.options, self.invert);
        own == (other.set.name(), other.at, other.options, other.invert)
    }
}

impl<A: Address> Condition<A> for SetMatch {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let options = match view.is_dry() {
            true => MatchOptions { keep_counters: true, keep_subcounters: true, ..self.options },
            false => self.options,
        };
        self.set.test(&set_query::of(view), self.at, &options) != self.invert
    }
}
