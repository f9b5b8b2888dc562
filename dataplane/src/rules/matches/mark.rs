//! `-m mark`.

use crate::address::Address;
use crate::rules::View;

/// `packet mark & mask == value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Value.
    pub value: u32,
    /// Bits that count.
    pub mask: u32,
    /// `!`.
    pub invert: bool,
}

impl Mark {
    pub(super) fn holds<A: Address>(&self, view: &View<'_, A>) -> bool {
        (view.mark & self.mask == self.value) != self.invert
    }
}
