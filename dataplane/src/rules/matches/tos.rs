//! `-m tos`, `-m dscp`: the TOS byte or traffic class, of which the upper six bits are the DSCP (RFC 2474).

use super::Condition;
use crate::address::Address;
use crate::rules::View;
use crate::wire::header;

/// `tos & mask == value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tos {
    /// Value.
    pub value: u8,
    /// Bits that count.
    pub mask: u8,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Tos {
    fn holds(&self, view: &View<'_, A>) -> bool {
        (header::tos(view.data, view.headers) & self.mask == self.value) != self.invert
    }
}
