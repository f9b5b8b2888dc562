//! Echo requests to the gateway, answered in place: RFC 792, RFC 4443 section 4.2.

use super::layer4::{Layer4, Layer4Kind};
use super::parse::Headers;
use super::{checksum, put, u16_at};
use crate::address::IpVersion;

/// Whether a packet asks for an echo.
#[must_use]
pub const fn is_echo_request(layer4: &Layer4) -> bool {
    matches!(
        layer4.kind,
        Layer4Kind::Icmp { kind: 8, code: 0, .. } | Layer4Kind::Icmp6 { kind: 128, code: 0, .. }
    )
}

/// Turns an echo request into its reply: addresses swapped, type changed, TTL fresh, the rest as it
/// was. Both checksums are made anew. False when the headers do not fit the frame.
pub fn answer_echo(data: &mut [u8], headers: &Headers, ttl: u8) -> bool {
    let (l3, l4) = (usize::from(headers.l3), usize::from(headers.l4));
    let (ends, size, ttl_at, reply) = match headers.version {
        IpVersion::V4 => (l3 + 12, 4, 8, 0),
        IpVersion::V6 => (l3 + 8, 16, 7, 129),
    };
    let Some(addresses) = data.get_mut(ends..ends + 2 * size) else { return false };
    addresses.rotate_left(size);
    put(data, l3 + ttl_at, &[ttl]);
    put(data, l4, &[reply]);
    checksum::complete_l4(data, headers);
    if headers.version == IpVersion::V4 {
        // A reply is a datagram of its own: no DF, an id of its own, which for an unfragmented one may be zero.
        put(data, l3 + 10, &[0, 0]);
        let sum = data.get(l3..l4).map_or(0, checksum::ipv4_header);
        put(data, l3 + 10, &sum.to_be_bytes());
    }
    u16_at(data, l4).is_some()
}
