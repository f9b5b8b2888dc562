//! The formats on the wire: reading, checking and writing headers. No state, no allocation.

pub mod checksum;
pub mod echo;
pub mod ethernet;
pub mod extensions;
pub mod forward;
pub mod fragment;
pub(crate) mod gre;
pub mod header;
pub(crate) mod hop_by_hop;
pub mod icmp_error;
pub mod layer4;
pub mod options;
pub mod parse;
pub mod sctp;
pub mod tcp_flags;
pub mod tcp_options;
pub mod tcp_reset;
pub mod tcp_segment;
pub mod text;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

/// IP protocol numbers (IANA).
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IGMP.
    pub const IGMP: u8 = 2;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// DCCP.
    pub const DCCP: u8 = 33;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// Nothing follows (RFC 8200 section 4.7).
    pub const NO_NEXT_HEADER: u8 = 59;
    /// SCTP.
    pub const SCTP: u8 = 132;
    /// Generic Routing Encapsulation, RFC 2784.
    pub const GRE: u8 = 47;
    /// UDP-Lite.
    pub const UDP_LITE: u8 = 136;
}

/// Two bytes at `at`, as a number.
pub(crate) fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

/// Four bytes at `at`, as a number.
pub(crate) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

/// Writes `bytes` at `at`; nothing where they do not fit.
pub(crate) fn put(data: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = data.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}
