//! What forwarding changes in a header.

use super::parse::Headers;
use super::{checksum, put, u16_at};
use crate::address::IpVersion;

/// Takes one from the TTL or hop limit and mends the IPv4 checksum. The field must not be zero.
pub fn decrement_ttl(data: &mut [u8], headers: &Headers) {
    let l3 = usize::from(headers.l3);
    match headers.version {
        IpVersion::V4 => {
            let (Some(ttl), Some(sum)) = (u16_at(data, l3 + 8), u16_at(data, l3 + 10)) else {
                return;
            };
            let new = ttl.wrapping_sub(0x100);
            put(data, l3 + 8, &new.to_be_bytes());
            put(data, l3 + 10, &checksum::update16(sum, ttl, new).to_be_bytes());
        }
        IpVersion::V6 => {
            if let Some(limit) = data.get_mut(l3 + 7) {
                *limit = limit.wrapping_sub(1);
            }
        }
    }
}
