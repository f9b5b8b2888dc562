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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::V6;
    use crate::rules::matches::testing::{Answer, ask};
    use crate::wire::{extensions::DESTINATION, samples};
    use Answer::{Drops, Fails, Holds};

    #[test]
    fn the_first_options_in_order() {
        let frame = samples::ipv6(DESTINATION, &[17, 0, 0, 30, 1, 9, 0, 5]);
        let one = |kind, length| (kind, Some(length));
        for (options, expected) in [
            (&[][..], Holds),
            (&[one(0, 0)], Holds),
            (&[one(0, 0), one(30, 1)], Holds),
            (&[one(0, 0), (30, None), (0, None)], Holds),
            (&[one(0, 0), one(30, 2)], Fails),
            (&[one(30, 1)], Fails),
            // The last byte is no option: its length would stand behind the header.
            (&[(0, None), (30, None), (0, None), (5, None)], Fails),
        ] {
            let length = Span::ALL;
            let asked = OptionsHeader { header: DESTINATION, length, options: options.into() };
            assert_eq!(ask::<V6>(&asked, &frame, 0), expected, "{options:?}");
            assert_eq!(ask::<V6>(&asked, &frame, 7), Drops, "{options:?}");
            assert_eq!(ask::<V6>(&asked, &frame, 1), Fails, "{options:?}");
        }
    }
}
