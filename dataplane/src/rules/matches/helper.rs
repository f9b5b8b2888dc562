//! `-m helper`: which helper expected the packet's connection (kernel `xt_helper`). The connection that has the helper is
//! not meant: nobody expected that.

use super::{Condition, Depends};
use crate::address::Address;
use crate::conntrack::Helpers;
use crate::rules::View;

/// Connections that one of these has expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Helper {
    /// The helpers.
    pub helpers: Helpers,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Helper {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let expected_by = view.connection.as_ref().and_then(|connection| connection.expected_by());
        expected_by.is_some_and(|helper| self.helpers.has(helper)) != self.invert
    }
    fn depends(&self) -> Depends {
        Depends::Flow
    }
    fn needs_conntrack(&self) -> bool {
        true
    }
}
