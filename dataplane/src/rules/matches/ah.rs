//! `-m ah` of ip6tables: the authentication header among the extension headers (RFC 4302), kernel `ip6t_ah`.

use super::Condition;
use super::extension::{Span, header};
use crate::address::Address;
use crate::rules::View;
use crate::wire::{extensions, u16_at, u32_at};

/// What the first authentication header must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ah {
    /// Its security parameter index.
    pub spi: Span,
    /// Its length in bytes.
    pub length: Span,
    /// Its reserved field is zero.
    pub reserved_zero: bool,
}

impl<A: Address> Condition<A> for Ah {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let Some(header) = header(view, extensions::AUTHENTICATION, 12) else { return false };
        let length = header.get(1).map_or(0, |units| (u32::from(*units) + 2) * 4);
        u32_at(header, 4).is_some_and(|spi| self.spi.holds(spi))
            && self.length.holds(length)
            && !(self.reserved_zero && u16_at(header, 2) != Some(0))
    }
}
