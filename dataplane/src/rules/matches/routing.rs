//! `-m rt`: the routing header of IPv6, kernel `ip6t_rt`.

use super::Condition;
use super::extension::{Span, header};
use crate::address::Address;
use crate::rules::View;
use crate::wire::{extensions, u32_at};

/// What the first routing header must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// Its type, in a number wider than the field.
    pub kind: Span,
    /// Its number of segments left.
    pub segments_left: Span,
    /// Its length in bytes.
    pub length: Span,
    /// The reserved field of type 0 is zero.
    pub reserved_zero: bool,
    /// The addresses of type 0.
    pub addresses: Option<Hops>,
}

/// The addresses a header must list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hops {
    /// They, as on the wire.
    pub addresses: Box<[[u8; 16]]>,
    /// These and no other; otherwise these among others, in this order.
    pub strict: bool,
}

/// Type, segments left and the reserved field of type 0 end here; addresses begin.
const FIXED: usize = 8;

impl<A: Address> Condition<A> for Routing {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let Some(header) = header(view, extensions::ROUTING, 4) else { return false };
        let &[_, units, kind, segments_left, ..] = header else { return false };
        let length = (usize::from(units) + 1) * 8;
        let Some(whole) = header.get(..length) else { return false };
        self.segments_left.holds(segments_left.into())
            && self.length.holds(length as u32)
            && self.kind.holds(kind.into())
            && !(self.reserved_zero && u32_at(whole, 4) != Some(0))
            && self.addresses.as_ref().is_none_or(|hops| {
                hops.stand_in(whole.get(FIXED..).unwrap_or_default().as_chunks().0)
            })
    }
}

impl Hops {
    fn stand_in(&self, listed: &[[u8; 16]]) -> bool {
        if self.strict {
            return *listed == *self.addresses;
        }
        let mut listed = listed.iter();
        self.addresses.iter().all(|wanted| listed.any(|one| one == wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let [a, b, c] = [[1; 16], [2; 16], [3; 16]];
        let stand = |addresses: &[_], strict, listed: &[_]| {
            Hops { addresses: addresses.into(), strict }.stand_in(listed)
        };
        assert!(stand(&[a, b], true, &[a, b]));
        assert!(!stand(&[a, b], true, &[a, b, c]));
        assert!(!stand(&[a, b], true, &[a]));
        assert!(stand(&[a, c], false, &[a, b, c]));
        assert!(!stand(&[c, a], false, &[a, b, c]));
        assert!(!stand(&[a, a], false, &[a]));
        assert!(stand(&[], false, &[]));
    }
}
