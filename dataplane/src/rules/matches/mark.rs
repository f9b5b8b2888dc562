//! `-m mark`.

use super::{Condition, Depends};
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

impl<A: Address> Condition<A> for Mark {
    fn holds(&self, view: &View<'_, A>) -> bool {
        (view.mark.get() & self.mask == self.value) != self.invert
    }
    fn depends(&self) -> Depends {
        Depends::Flow
    }
}
