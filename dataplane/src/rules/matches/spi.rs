//! `-m esp`, `-m ah`: the security parameter index of IPsec (RFC 4303, RFC 4302).

use super::Condition;
use crate::address::Address;
use crate::rules::View;

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
        let at = match self.place {
            Place::Esp => 0,
            Place::Ah => 4,
        };
        let bytes = view.headers.payload(view.data).get(at..).and_then(<[u8]>::first_chunk);
        bytes.is_some_and(|bytes| {
            (self.from..=self.to).contains(&u32::from_be_bytes(*bytes)) != self.invert
        })
    }
}
