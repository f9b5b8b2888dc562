//! ICMP and ICMPv6 queries (the kernel's `nf_conntrack_proto_icmp.c` and `…_icmpv6.c`). Errors belong
//! to the connection of the packet they quote; see [`super::icmp_error`].

use crate::wire::protocol;

/// The type that answers `kind`, request to reply and reply to request; none when it is no query.
pub(super) const fn answer(protocol: u8, kind: u8) -> Option<u8> {
    match (protocol, kind) {
        // Echo.
        (protocol::ICMP, 8) => Some(0),
        (protocol::ICMP, 0) => Some(8),
        // Timestamp.
        (protocol::ICMP, 13) => Some(14),
        (protocol::ICMP, 14) => Some(13),
        // Information.
        (protocol::ICMP, 15) => Some(16),
        (protocol::ICMP, 16) => Some(15),
        // Address mask.
        (protocol::ICMP, 17) => Some(18),
        (protocol::ICMP, 18) => Some(17),
        // Echo.
        (protocol::ICMPV6, 128) => Some(129),
        (protocol::ICMPV6, 129) => Some(128),
        // Node information (RFC 4620).
        (protocol::ICMPV6, 139) => Some(140),
        (protocol::ICMPV6, 140) => Some(139),
        _ => None,
    }
}

/// Whether a message of this type begins a connection; an answer that nobody asked for does not.
pub(super) const fn begins(protocol: u8, kind: u8) -> bool {
    matches!((protocol, kind), (protocol::ICMP, 8 | 13 | 15 | 17) | (protocol::ICMPV6, 128 | 139))
}

/// Whether messages of this type are UNTRACKED rather than INVALID: multicast listener discovery,
/// router and neighbour discovery.
pub(super) const fn is_untracked(protocol: u8, kind: u8) -> bool {
    protocol == protocol::ICMPV6 && matches!(kind, 130..=136 | 143)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_pair_up_and_only_requests_begin() {
        for protocol in [protocol::ICMP, protocol::ICMPV6] {
            for kind in 0..=255 {
                match answer(protocol, kind) {
                    Some(reply) => {
                        assert_eq!(answer(protocol, reply), Some(kind));
                        assert_ne!(begins(protocol, kind), begins(protocol, reply));
                    }
                    None => assert!(!begins(protocol, kind)),
                }
                assert!(!(is_untracked(protocol, kind) && answer(protocol, kind).is_some()));
            }
        }
        assert_eq!(answer(protocol::TCP, 8), None);
    }
}
