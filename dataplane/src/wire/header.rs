//! Fields of the IP header that rules read and change.

use super::parse::Headers;
use super::{checksum, put, u16_at};
use crate::address::IpVersion;

/// The TOS byte or traffic class as it stands in the packet; zero when `data` is not the frame of the headers.
#[must_use]
pub fn tos(data: &[u8], headers: &Headers) -> u8 {
    let word = u16_at(data, headers.l3.into()).unwrap_or(0);
    match headers.version {
        IpVersion::V4 => word.to_be_bytes()[1],
        IpVersion::V6 => (word >> 4).to_be_bytes()[1],
    }
}

/// Writes the TOS byte or traffic class and mends the IPv4 checksum.
pub fn set_tos(data: &mut [u8], headers: &Headers, tos: u8) {
    let l3 = usize::from(headers.l3);
    let Some(word) = u16_at(data, l3) else { return };
    match headers.version {
        IpVersion::V4 => replace(data, l3, l3, word & 0xff00 | u16::from(tos)),
        IpVersion::V6 => put(data, l3, &(word & 0xf00f | u16::from(tos) << 4).to_be_bytes()),
    }
}

/// The TTL or hop limit as it stands in the packet; zero when `data` is not the frame of the headers.
#[must_use]
pub fn ttl(data: &[u8], headers: &Headers) -> u8 {
    data.get(usize::from(headers.l3) + ttl_offset(headers)).copied().unwrap_or(0)
}

/// Writes the TTL or hop limit and mends the IPv4 checksum.
pub fn set_ttl(data: &mut [u8], headers: &Headers, ttl: u8) {
    let (l3, at) = (usize::from(headers.l3), usize::from(headers.l3) + ttl_offset(headers));
    match headers.version {
        IpVersion::V4 => {
            let Some(word) = u16_at(data, at) else { return };
            replace(data, l3, at, word & 0x00ff | u16::from(ttl) << 8);
        }
        IpVersion::V6 => put(data, at, &[ttl]),
    }
}

/// Sets DF and mends the IPv4 checksum; IPv6 packets are never cut.
pub fn set_dont_fragment(data: &mut [u8], headers: &Headers) {
    let at = usize::from(headers.l3) + 6;
    if headers.version == IpVersion::V4
        && let Some(word) = u16_at(data, at)
    {
        replace(data, headers.l3.into(), at, word | 0x4000);
    }
}

/// Writes an IPv6 address, `at` bytes into the IP header; no checksum is mended.
pub fn set_address(data: &mut [u8], headers: &Headers, at: usize, address: &[u8]) {
    put(data, usize::from(headers.l3) + at, address);
}

/// Writes the length of a packet that now ends at `headers.end`.
pub fn set_length(data: &mut [u8], headers: &Headers) {
    let (l3, length) = (usize::from(headers.l3), headers.ip_length());
    match headers.version {
        IpVersion::V4 => replace(data, l3, l3 + 2, length),
        IpVersion::V6 => put(data, l3 + 4, &length.saturating_sub(40).to_be_bytes()),
    }
}

const fn ttl_offset(headers: &Headers) -> usize {
    match headers.version {
        IpVersion::V4 => 8,
        IpVersion::V6 => 7,
    }
}

/// Replaces a 16-bit word of an IPv4 header at `l3`.
fn replace(data: &mut [u8], l3: usize, at: usize, new: u16) {
    let (Some(old), Some(sum)) = (u16_at(data, at), u16_at(data, l3 + 10)) else { return };
    put(data, at, &new.to_be_bytes());
    put(data, l3 + 10, &checksum::update16(sum, old, new).to_be_bytes());
}
