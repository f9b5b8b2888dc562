//! `--dccp-types`, `--dccp-option` (RFC 4340 section 5), kernel `xt_dccp`.

use super::Condition;
use crate::address::Address;
use crate::rules::View;

/// The generic header, with short sequence numbers.
const GENERIC: usize = 12;

/// Which type a packet must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types {
    /// Bit n stands for type n.
    pub types: u16,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Types {
    fn holds(&self, view: &View<'_, A>) -> bool {
        header(view).is_some_and(|header| (self.types & 1 << kind(header) != 0) != self.invert)
    }
}

/// Which option a packet must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DccpOption {
    /// Its type.
    pub option: u8,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for DccpOption {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let Some(header) = header(view) else { return false };
        let end = header.get(4).map_or(0, |words| usize::from(*words) * 4);
        match view.headers.payload(view.data).get(fixed(header)..end) {
            Some(options) => has(options, self.option) != self.invert,
            None => view.hotdrop(),
        }
    }
}

/// The generic header; none in a later fragment, and a packet that is shorter is dropped.
fn header<'v, A: Address>(view: &'v View<'_, A>) -> Option<&'v [u8; GENERIC]> {
    if view.is_later_fragment() {
        return None;
    }
    let header = view.headers.payload(view.data).first_chunk();
    if header.is_none() {
        view.hotdrop();
    }
    header
}

fn kind(header: &[u8; GENERIC]) -> u8 {
    header[8] >> 1 & 0xf
}

/// Where options begin: behind the generic header, with long sequence numbers or short ones, and what the type has of
/// its own. Types that have no meaning are taken for resets.
fn fixed(header: &[u8; GENERIC]) -> usize {
    let long = if header[8] & 1 != 0 { 4 } else { 0 };
    let own = match kind(header) {
        // Request: a service code.
        0 => 4,
        // Data.
        2 => 0,
        // Ack, DataAck, CloseReq, Close, Sync, SyncAck: an acknowledgement number.
        3..=6 | 8 | 9 => 8,
        // Response, Reset: that, and a service code or the reason.
        _ => 12,
    };
    GENERIC + long + own
}

/// Options below 32 are one byte long, but the kernel reads a length in all from 2 on.
fn has(mut options: &[u8], wanted: u8) -> bool {
    while let Some(kind) = options.first() {
        if *kind == wanted {
            return true;
        }
        let size = match options.get(1) {
            Some(length) if *kind >= 2 => usize::from(*length).max(1),
            _ => 1,
        };
        options = options.get(size..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::V4;
    use crate::rules::matches::testing::{Answer, ask};
    use crate::wire::samples;
    use Answer::{Drops, Fails, Holds};

    /// A header of this type that says it has so many words, and these options.
    fn packet(kind: u8, long: bool, words: u8, options: &[u8]) -> Vec<u8> {
        let mut header = [0; GENERIC];
        (header[4], header[8]) = (words, kind << 1 | u8::from(long));
        let rest = fixed(&header) - GENERIC;
        samples::ipv4(33, 0, &[], &[&header, &vec![0; rest][..], options].concat())
    }

    #[test]
    fn types() {
        for kind in 0..16 {
            let frame = packet(kind, false, 3, &[]);
            let one = Types { types: 1 << kind, invert: false };
            let not = Types { types: 1 << kind, invert: true };
            let others = Types { types: !(1 << kind), invert: false };
            let answers = [one, not, others].map(|types| ask::<V4>(&types, &frame, 0));
            assert_eq!(answers, [Holds, Fails, Fails], "{kind}");
        }
    }

    #[test]
    fn options_stand_behind_the_header_of_the_type() {
        let ask =
            |frame: &[u8], option, invert| ask::<V4>(&DccpOption { option, invert }, frame, 0);
        for (kind, long, before) in
            [(0, true, 5), (1, false, 6), (2, true, 4), (3, false, 5), (7, true, 7)]
        {
            let frame = packet(kind, long, before + 2, &[0, 38, 3, 40, 1, 9, 2, 7]);
            assert_eq!(ask(&frame, 38, false), Holds, "{kind}");
            assert_eq!(ask(&frame, 9, false), Holds, "{kind}");
            // Data of an option is none.
            assert_eq!(ask(&frame, 40, false), Fails, "{kind}");
            assert_eq!(ask(&frame, 40, true), Holds, "{kind}");
            // Beyond what the header says it has.
            let shorter = packet(kind, long, before + 1, &[0, 38, 3, 40, 1, 9, 2, 7]);
            assert_eq!(ask(&shorter, 9, false), Fails, "{kind}");
            for words in [before - 1, before + 3] {
                let wrong = packet(kind, long, words, &[0, 38, 3, 40, 1, 9, 2, 7]);
                assert_eq!(ask(&wrong, 40, true), Drops, "{kind} {words}");
            }
        }
    }
}
