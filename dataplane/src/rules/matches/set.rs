//! `-m set`: whether a named set has what the packet stands for (kernel `xt_set`).

use super::{Condition, Depends};
use crate::address::{Address, L4Port};
use crate::rules::{View, set_query};
use crate::sets::{Direction, Directions, Kind, MatchOptions, SetChanges, SetRef};
use crate::tuple::Tuple;

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
    fn depends(&self) -> Depends {
        match self.set.watch() {
            true if self.set.counts() => Depends::Counted,
            true => Depends::Flow,
            false => Depends::Packet,
        }
    }
    fn asks_sets(&self) -> Option<SetChanges> {
        Some(self.set.set().changes().clone())
    }
    fn consult(&self, bits: &mut Tuple<A>) {
        let (address, port) = (A::from_bits(u128::MAX), L4Port::new(u16::MAX));
        // A set that is swapped in has the same kind; what comes into a list has any.
        let kind = self.set.set().header().kind;
        let ports = kind.has_port() || matches!(kind, Kind::BitmapPort | Kind::ListSet);
        if self.at.has(Direction::Source) {
            bits.source = address;
            bits.source_port = if ports { port } else { bits.source_port };
        }
        if self.at.has(Direction::Destination) {
            bits.destination = address;
            bits.destination_port = if ports { port } else { bits.destination_port };
        }
        bits.icmp = 0xff;
    }
}
