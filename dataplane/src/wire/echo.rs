//! Echo requests to the gateway, answered in place: RFC 792, RFC 4443 section 4.2, kernel `icmp_echo`
//! and `icmpv6_echo_reply`.

use super::checksum::{self, L4ChecksumState};
use super::layer4::{Layer4, Layer4Kind};
use super::options::{echo_options, forward_options, refresh_checksum};
use super::parse::Headers;
use super::{protocol, put};
use crate::address::{IpVersion, V4};

/// Whether a packet asks for an echo.
#[must_use]
pub const fn is_echo_request(layer4: &Layer4) -> bool {
    matches!(
        layer4.kind,
        Layer4Kind::Icmp { kind: 8, code: 0, .. } | Layer4Kind::Icmp6 { kind: 128, code: 0, .. }
    )
}

/// Turns an echo request into its reply: addresses swapped, type changed, TTL fresh, TOS and payload as
/// they were; no IPv6 flow label. False, and nothing changed, for a fragment, a wrong checksum or a refused option.
///
/// A record route or timestamp gets the gateway's address twice, on the way in and on the way out, as
/// the kernel's does. Other options, and IPv6 extension headers, do not come back: the reply is shorter by
/// them, and the caller has to read its headers again.
pub fn answer_echo(data: &mut [u8], headers: &Headers, ttl: u8) -> bool {
    if headers.fragment.is_some() || checksum::l4_state(data, headers) != L4ChecksumState::Good {
        return false;
    }
    match headers.version {
        IpVersion::V4 => {
            let own: V4 = headers.destination(data);
            if headers.options {
                if forward_options(data, headers, own).is_err() {
                    return false;
                }
                // An overflow counter that just reached its end stays there.
                let _ = forward_options(data, headers, own);
            }
            let reply = echo_options(data, headers);
            turn_v4(data, &reply, ttl);
        }
        IpVersion::V6 => turn_v6(data, headers, ttl),
    }
    true
}

fn turn_v4(data: &mut [u8], headers: &Headers, ttl: u8) {
    let l3 = usize::from(headers.l3);
    if let Some(addresses) = data.get_mut(l3 + 12..l3 + 20) {
        addresses.rotate_left(4);
    }
    // The kernel's ICMP socket never sets DF, and leaves the identification zero.
    put(data, l3 + 4, &[0, 0, 0, 0, ttl]);
    put(data, usize::from(headers.l4), &[0]);
    checksum::complete_l4(data, headers);
    refresh_checksum(data, headers);
}

fn turn_v6(data: &mut [u8], headers: &Headers, ttl: u8) {
    let (l3, l4, end) =
        (usize::from(headers.l3), usize::from(headers.l4), usize::from(headers.end));
    let start = l3 + 40;
    let length = end.saturating_sub(l4);
    if l4 > start && end <= data.len() {
        data.copy_within(l4..end, start);
    }
    if let Some(addresses) = data.get_mut(l3 + 8..l3 + 40) {
        addresses.rotate_left(16);
    }
    // The kernel's socket gives its answers no flow label.
    let class = data.get(l3 + 1).copied().unwrap_or_default() & 0xf0;
    put(data, l3 + 1, &[class, 0, 0]);
    put(data, l3 + 4, &(length as u16).to_be_bytes());
    put(data, l3 + 6, &[protocol::ICMPV6, ttl]);
    put(data, start, &[129]);
    let reply = Headers { l4: start as u16, end: (start + length) as u16, ..*headers };
    checksum::complete_l4(data, &reply);
}
