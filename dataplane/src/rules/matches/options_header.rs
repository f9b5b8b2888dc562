//! `-m hbh`, `-m dst`: the options of an IPv6 extension header, kernel `ip6t_hbh`.

use super::Condition;
use super::extension::{Span, header};
use crate::address::Address;
use crate::rules::View;

/// What the first header of a kind must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionsHeader {
    /// Hop-by-hop or destination options, by protocol number.
    pub header: u8,
    /// Its length in bytes.
    pub length: Span,
    /// Type and length of data, any where absent, of the options it begins with.
    pub options: Box<[(u8, Option<u8>)]>,
}

impl<A: Address> Condition<A> for OptionsHeader {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let Some(header) = header(view, self.header, 2) else { return false };
        let length = header.get(1).map_or(0, |units| (usize::from(*units) + 1) * 8);
        let Some(whole) = header.get(..length) else { return false };
        self.length.holds(length as u32) && self.begins(whole.get(2..).unwrap_or_default())
    }
}

impl OptionsHeader {
    /// Whether the options begin as asked. The last one's data need not be there, as in the kernel.
    fn begins(&self, mut rest: &[u8]) -> bool {
        const PAD1: u8 = 0;
        self.options.iter().all(|(kind, wanted)| {
            let size = match *rest {
                [PAD1, ..] => 1,
                [_, length, ..] if wanted.is_none_or(|wanted| wanted == length) => {
                    usize::from(length) + 2
                }
                _ => return false,
            };
            let fits = rest.first() == Some(kind);
            // Nothing is left behind an option that is longer than the header, and so no other begins there.
            rest = rest.get(size..).unwrap_or_default();
            fits
        })
    }
}
