//! `-i` and `-o`. Names and `+` wildcards were resolved to interface ids when the rules were compiled.

use super::{Condition, Depends};
use crate::address::Address;
use crate::ids::InterfaceId;
use crate::rules::View;

/// A set of interfaces, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Set {
    ids: Vec<InterfaceId>,
    invert: bool,
}

impl Set {
    fn holds(&self, id: Option<InterfaceId>) -> bool {
        id.is_some_and(|id| self.ids.binary_search(&id).is_ok()) != self.invert
    }
}

macro_rules! side {
    ($(#[$doc:meta])* $name:ident, |$view:ident| $id:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(Set);

        impl $name {
            /// True on any of `ids`, or with `invert` on none.
            #[must_use]
            pub fn new(mut ids: Vec<InterfaceId>, invert: bool) -> Self {
                ids.sort_unstable();
                Self(Set { ids, invert })
            }
            /// The interfaces of which it demands one; none when inverted.
            pub(in crate::rules) fn wanted(&self) -> Option<&[InterfaceId]> {
                (!self.0.invert).then_some(self.0.ids.as_slice())
            }
        }

        impl<A: Address> Condition<A> for $name {
            fn holds(&self, $view: &View<'_, A>) -> bool {
                self.0.holds($id)
            }
            fn depends(&self) -> Depends {
                Depends::Flow
            }
        }
    };
}

side!(
    /// The interface the packet came in by; none for what the host sends.
    Ingress, |view| (view.ingress != InterfaceId::HOST).then_some(view.ingress)
);
side!(
    /// The interface it leaves by, where routing is done.
    Egress, |view| view.egress
);
