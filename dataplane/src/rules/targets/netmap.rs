//! NETMAP: a network's addresses one to one into another network (kernel `xt_NETMAP`).

use crate::address::Address;
use crate::nat::NatRange;
use crate::rules::{Hook, View};

/// The network that addresses are mapped into: its prefix takes the place of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Netmap<A> {
    /// The network.
    pub network: A,
    /// Its mask.
    pub mask: A,
}

/// What a packet's address becomes, and at which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Mapped<A> {
    Source(NatRange<A>),
    Destination(NatRange<A>),
}

impl<A: Address> Netmap<A> {
    pub(in crate::rules) fn apply(&self, view: &View<'_, A>) -> Mapped<A> {
        let into = |address: A| {
            let host = address.to_bits() & !self.mask.to_bits();
            NatRange::single(A::from_bits(host | self.network.to_bits() & self.mask.to_bits()))
        };
        match view.around.hook {
            Hook::Prerouting | Hook::Output => Mapped::Destination(into(view.destination)),
            Hook::Postrouting | Hook::Input | Hook::Forward => Mapped::Source(into(view.source)),
        }
    }
}
