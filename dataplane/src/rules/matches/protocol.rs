//! `-p` and `-f`.

use super::{Condition, Depends};
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

impl<A: Address> Condition<A> for Protocol {
    fn holds(&self, view: &View<'_, A>) -> bool {
        (view.protocol() == self.number) != self.invert
    }
    fn depends(&self) -> Depends {
        Depends::Flow
    }
}

/// Second and later fragments. With connection tracking nobody sees any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// `! -f`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Fragment {
    fn holds(&self, view: &View<'_, A>) -> bool {
        view.is_later_fragment() != self.invert
    }
    fn depends(&self) -> Depends {
        Depends::Flow
    }
}
