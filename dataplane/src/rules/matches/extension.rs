//! What the matches of IPv6 extension headers have in common.

use crate::address::Address;
use crate::rules::View;
use crate::wire::extensions;

/// An inclusive range of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First.
    pub from: u32,
    /// Last.
    pub to: u32,
    /// `!`.
    pub invert: bool,
}

impl Span {
    /// Every number.
    pub const ALL: Self = Self { from: 0, to: u32::MAX, invert: false };

    pub(super) fn holds(&self, number: u32) -> bool {
        (self.from..=self.to).contains(&number) != self.invert
    }
}

/// The packet from its first header of a kind on. Where that, or one before it, is cut short (it must have `least`
/// bytes), the packet is dropped.
pub(super) fn header<'v, A: Address>(
    view: &'v View<'_, A>,
    kind: u8,
    least: usize,
) -> Option<&'v [u8]> {
    let packet = extensions::packet(view.data, view.headers);
    let Ok(place) = extensions::find(packet, kind) else {
        view.hotdrop();
        return None;
    };
    let header = packet.get(place?..)?;
    if header.len() < least {
        view.hotdrop();
        return None;
    }
    Some(header)
}
