//! `-m iprange`: addresses from one to another.

use super::{Condition, Depends};
use crate::address::Address;
use crate::rules::View;
use crate::tuple::Tuple;

/// An inclusive range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range<A> {
    /// First.
    pub from: A,
    /// Last.
    pub to: A,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Range<A> {
    fn contains(&self, address: A) -> bool {
        (self.from.to_bits()..=self.to.to_bits()).contains(&address.to_bits()) != self.invert
    }
}

/// `--src-range`, `--dst-range`; one left out takes any address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange<A> {
    /// Of the source.
    pub source: Option<Range<A>>,
    /// Of the destination.
    pub destination: Option<Range<A>>,
}

impl<A: Address> Condition<A> for IpRange<A> {
    fn holds(&self, view: &View<'_, A>) -> bool {
        self.source.is_none_or(|range| range.contains(view.source))
            && self.destination.is_none_or(|range| range.contains(view.destination))
    }
    fn depends(&self) -> Depends {
        Depends::Flow
    }
    fn consult(&self, bits: &mut Tuple<A>) {
        let all = A::from_bits(u128::MAX);
        if self.source.is_some() {
            bits.source = all;
        }
        if self.destination.is_some() {
            bits.destination = all;
        }
    }
}
