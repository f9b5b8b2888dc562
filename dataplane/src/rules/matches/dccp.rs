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
