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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::V6;
    use crate::rules::matches::testing::{Answer, ask};
    use crate::wire::samples;
    use Answer::{Drops, Fails, Holds};

    #[test]
    fn types_of_whole_headers() {
        let frame = samples::ipv6(135, &[59, 0, 5, 0, 0, 0]);
        for (from, to, invert, expected) in [
            (5, 5, false, Holds),
            (0, 4, false, Fails),
            (6, 255, true, Holds),
            (0, 255, true, Fails),
        ] {
            let asked = Mobility { from, to, invert };
            assert_eq!(ask::<V6>(&asked, &frame, 0), expected, "{asked:?}");
            assert_eq!(ask::<V6>(&asked, &frame, 1), Drops, "{asked:?}");
            let followed = samples::ipv6(135, &[17, 0, 5, 0, 0, 0]);
            assert_eq!(ask::<V6>(&asked, &followed, 0), Drops, "{asked:?}");
        }
    }
}
