//! `-m esp`, and `-m ah` of iptables: the security parameter index of IPsec (RFC 4303, RFC 4302), kernel `xt_esp`,
//! `ipt_ah`. A header cut short is dropped.

use super::Condition;
use crate::address::Address;
use crate::rules::View;
use crate::wire::u32_at;

/// Where a header keeps its index: bytes from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// ESP: at the beginning.
    Esp,
    /// AH: after next header, length and two reserved bytes.
    Ah,
}

/// An inclusive range of indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spi {
    /// Where it stands.
    pub place: Place,
    /// First.
    pub from: u32,
    /// Last.
    pub to: u32,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Spi {
    fn holds(&self, view: &View<'_, A>) -> bool {
        if view.is_later_fragment() {
            return false;
        }
        let (at, length) = match self.place {
            Place::Esp => (0, 8),
            Place::Ah => (4, 12),
        };
        let header = view.headers.payload(view.data).get(..length);
        match header.and_then(|header| u32_at(header, at)) {
            Some(spi) => (self.from..=self.to).contains(&spi) != self.invert,
            None => view.hotdrop(),
        }
    }
}
