//! `-m mh`: the type of a mobility header (RFC 6275 section 6.1), kernel `ip6t_mh`.

use super::Condition;
use crate::address::Address;
use crate::rules::View;
use crate::wire::extensions;

/// An inclusive range of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mobility {
    /// First.
    pub from: u8,
    /// Last.
    pub to: u8,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Mobility {
    fn holds(&self, view: &View<'_, A>) -> bool {
        if view.is_later_fragment() {
            return false;
        }
        // What follows a mobility header must be nothing.
        let &[extensions::NONE, _, kind, _, _, _, ..] = view.headers.payload(view.data) else {
            return view.hotdrop();
        };
        (self.from..=self.to).contains(&kind) != self.invert
    }
}
