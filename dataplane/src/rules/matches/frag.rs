//! `-m frag`: the fragment header of IPv6, kernel `ip6t_frag`. With connection tracking nobody sees any.

use super::Condition;
use super::extension::{Span, header};
use crate::address::Address;
use crate::rules::View;
use crate::wire::{extensions, u16_at, u32_at};

/// What the first fragment header must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frag {
    /// Its identification.
    pub id: Span,
    /// Its reserved bits are all zero.
    pub reserved_zero: bool,
    /// Its offset is zero.
    pub first: bool,
    /// More follow, or none does; any where absent.
    pub more: Option<bool>,
}

impl<A: Address> Condition<A> for Frag {
    fn holds(&self, view: &View<'_, A>) -> bool {
        if view.around.reassembled {
            return false;
        }
        let Some(header) = header(view, extensions::FRAGMENT, 8) else { return false };
        let (Some(bits), Some(id)) = (u16_at(header, 2), u32_at(header, 4)) else { return false };
        let reserved = header.get(1) != Some(&0) || bits & 6 != 0;
        self.id.holds(id)
            && !(self.reserved_zero && reserved)
            && !(self.first && bits & !7 != 0)
            && self.more.is_none_or(|more| (bits & 1 != 0) == more)
    }
}
