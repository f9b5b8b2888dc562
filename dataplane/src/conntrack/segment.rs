//! A TCP segment as connection tracking looks at it.

use super::tcp_state::Kind;
use crate::wire::layer4::{TcpFields, TcpOptions, tcp_options};
use crate::wire::parse::Headers;
use crate::wire::tcp_flags as flag;

/// A TCP segment: its header, and where its options can be read when they matter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'a> {
    pub(super) fields: TcpFields,
    pub(super) data: &'a [u8],
    pub(super) headers: &'a Headers,
    /// By how much its acknowledgements lie above the numbers of the one they are for.
    pub(super) ack_shift: u32,
    /// SYNPROXY has begun its connection.
    pub(super) proxied: bool,
}

impl Segment<'_> {
    pub(super) const fn kind(&self) -> Kind {
        Kind::of(self.fields.flags)
    }
    pub(super) const fn has(&self, flags: u8) -> bool {
        self.fields.flags & flags != 0
    }
    /// The sequence number after the last one this segment occupies (RFC 9293 section 3.4).
    pub(super) const fn end(&self) -> u32 {
        let control = self.has(flag::SYN) as u32 + self.has(flag::FIN) as u32;
        self.fields.seq.wrapping_add(self.fields.payload_len as u32).wrapping_add(control)
    }
    pub(super) const fn has_options(&self) -> bool {
        self.fields.data_offset > 20
    }
    pub(super) fn options(&self) -> TcpOptions {
        tcp_options(self.data, self.headers)
    }

    /// The highest sequence number that the segment acknowledges selectively, or `ack`.
    pub(super) fn selective_ack(&self, ack: u32) -> u32 {
        // Most segments have no options, or timestamps and nothing else.
        if !self.has_options() || self.fields.data_offset == 32 && self.starts_with_timestamps() {
            return ack;
        }
        self.options().sack.filter(|&sack| after(sack, ack)).unwrap_or(ack)
    }

    fn starts_with_timestamps(&self) -> bool {
        let options = self.data.get(usize::from(self.headers.l4) + 20..).unwrap_or_default();
        options.starts_with(&[1, 1, 8, 10])
    }
}

/// Whether `a` comes before `b` in sequence space.
pub(crate) const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// Whether `a` comes after `b` in sequence space.
pub(crate) const fn after(a: u32, b: u32) -> bool {
    before(b, a)
}
