//! `-m length`: the total length of the IP packet.

use super::Condition;
use crate::address::Address;
use crate::rules::View;

/// An inclusive range of lengths in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// Shortest.
    pub from: u16,
    /// Longest.
    pub to: u16,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Length {
    fn holds(&self, view: &View<'_, A>) -> bool {
        (u32::from(self.from)..=u32::from(self.to)).contains(&view.length) != self.invert
    }
}
