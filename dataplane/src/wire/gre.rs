//! GRE as connection tracking knows it (RFC 2637 section 4.1; kernel `nf_conntrack_proto_gre.c`, `gre_manip_pkt`).
//!
//! ```text
//!   0              2         4                6          8
//!   | flags, version | carries | payload length | call     | …    version 1, PPTP
//!   | flags, version | carries | …                               version 0
//! ```

use super::layer4::Layer4Kind;
use super::{put, u16_at};
use crate::address::L4Port;

/// What version 1 carries in PPTP.
const PPP: u16 = 0x880b;
/// Where it names the call, as its receiver does.
const CALL: usize = 6;

/// Of flags and version.
fn version(header: &[u8]) -> Option<u8> {
    header.get(1).map(|flags| flags & 7)
}

/// What the header says of calls. One of version 1 that ends before the call is like one of another version.
pub(super) fn kind(header: &[u8]) -> Layer4Kind {
    let (Some(1), Some(call)) = (version(header), u16_at(header, CALL)) else {
        return Layer4Kind::Other;
    };
    let is_call = u16_at(header, 2) == Some(PPP);
    Layer4Kind::Gre { call: is_call.then_some(L4Port::new(call)) }
}

/// Whether an end of it can be translated: the kernel drops what is shorter than a header with a call, whatever its
/// version, and gives up on versions that there are not where it would look for the call.
#[must_use]
pub(crate) fn can_be_translated(header: &[u8], is_destination: bool) -> bool {
    header.len() >= CALL + 2
        && (!is_destination || version(header).is_some_and(|version| version < 2))
}

/// Names another call, where it names one.
pub(crate) fn put_call(header: &mut [u8], call: L4Port) {
    if version(header) == Some(1) {
        put(header, CALL, &call.wire());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_has_a_call() {
        let header = [0x20, 0x01, 0x88, 0x0b, 0, 4, 0x12, 0x34];
        let of = |at: usize, byte: u8| {
            let mut header = header;
            header[at] = byte;
            kind(&header)
        };
        assert_eq!(kind(&header), Layer4Kind::Gre { call: Some(L4Port::new(0x1234)) });
        assert_eq!(of(0, 0x30), kind(&header), "with a sequence number");
        assert_eq!(of(2, 0x08), Layer4Kind::Gre { call: None }, "not PPP");
        for version in [0, 2, 3, 7] {
            assert_eq!(of(1, version), Layer4Kind::Other);
        }
        for length in 0..8 {
            assert_eq!(kind(&header[..length]), Layer4Kind::Other);
        }
    }

    #[test]
    fn only_calls_are_rewritten() {
        let header = [0x20, 0x01, 0x88, 0x0b, 0, 4, 0x12, 0x34, 9];
        let put = |version: u8, length: usize| {
            let mut header = header;
            header[1] = version;
            put_call(&mut header[..length], L4Port::new(0x5678));
            u16::from_be_bytes([header[6], header[7]])
        };
        assert_eq!((put(1, 9), put(1, 8), put(0, 8)), (0x5678, 0x5678, 0x1234));
        (0..8).for_each(|length| assert_eq!(put(1, length), 0x1234));
    }

    #[test]
    fn what_cannot_be_translated() {
        let header = |version: u8| [0, version, 8, 0, 0, 0, 0, 0];
        assert!((0..8).all(|version| can_be_translated(&header(version), false)));
        assert!((0..8).all(|version| can_be_translated(&header(version), true) == (version < 2)));
        assert!(!can_be_translated(&header(0)[..7], false));
    }
}
