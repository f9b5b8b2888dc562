//! `-p` and `-f`.

use crate::address::Address;
use crate::rules::View;

/// The IP protocol number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocol {
    /// The number; 0, "all", is left out by the compiler.
    pub number: u8,
    /// `! -p`.
    pub invert: bool,
}

impl Protocol {
    pub(super) fn holds<A: Address>(&self, view: &View<'_, A>) -> bool {
        (view.headers.protocol == self.number) != self.invert
    }
}

/// Second and later fragments. With connection tracking nobody sees any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// `! -f`.
    pub invert: bool,
}

impl Fragment {
    pub(super) fn holds<A: Address>(&self, view: &View<'_, A>) -> bool {
        view.is_later_fragment() != self.invert
    }
}
