//! Matches whose answer is the same for every packet of this gateway: no IPsec (`-m policy`), and no bridge
//! (`-m physdev`) unless there is one.

use super::{Condition, Depends};
use crate::address::Address;
use crate::rules::View;

/// What they all get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Always {
    /// The answer.
    pub answer: bool,
    /// Whether the kernel switches connection tracking on for it.
    pub needs_conntrack: bool,
}

impl<A: Address> Condition<A> for Always {
    fn holds(&self, _view: &View<'_, A>) -> bool {
        self.answer
    }
    fn depends(&self) -> Depends {
        Depends::Flow
    }
    fn needs_conntrack(&self) -> bool {
        self.needs_conntrack
    }
}
