//! `-m connmark`: the connection's mark.

use super::{Condition, Depends};
use crate::address::Address;
use crate::rules::View;

/// `connection mark & mask == value`; a packet without connection has none that could match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connmark {
    /// Value.
    pub value: u32,
    /// Bits that count.
    pub mask: u32,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Connmark {
    fn holds(&self, view: &View<'_, A>) -> bool {
        view.connection
            .as_ref()
            .is_some_and(|connection| (connection.mark() & self.mask == self.value) != self.invert)
    }
    fn depends(&self) -> Depends {
        // A change of the mark ends the connection's cached verdicts.
        Depends::Flow
    }
    fn needs_conntrack(&self) -> bool {
        true
    }
}
