//! The address MASQUERADE takes: the one the gateway itself would send from.
//!
//! IPv4 follows the kernel's `inet_select_addr`: the address of the next hop's subnet, else the
//! interface's first. IPv6 follows source address selection (RFC 6724) towards the destination.

use crate::address::{Address, IpVersion};

/// The address of an interface with these `addresses` (each with its prefix length, in the order
/// they were set) for packets to `destination` by way of `next_hop` (the destination itself where
/// it is on link); none where no address serves.
#[must_use]
pub fn masquerade_address<A: Address>(
    addresses: impl Iterator<Item = (A, u8)>,
    next_hop: A,
    destination: A,
) -> Option<A> {
    match A::VERSION {
        IpVersion::V4 => primary_of_subnet(addresses, next_hop),
        IpVersion::V6 => best_source(addresses, destination),
    }
}

/// A secondary address (a later one of the same subnet) never wins: its primary fits as well.
fn primary_of_subnet<A: Address>(
    addresses: impl Iterator<Item = (A, u8)>,
    next_hop: A,
) -> Option<A> {
    let mut first = None;
    for (address, length) in addresses.filter(|(address, _)| !is_loopback(*address)) {
        if common_prefix(address, next_hop) >= u32::from(length) {
            return Some(address);
        }
        first = first.or(Some(address));
    }
    first
}

fn is_loopback<A: Address>(address: A) -> bool {
    A::VERSION == IpVersion::V4 && address.to_bits() >> 24 == 127
}

/// RFC 6724 section 5, rules 2 (scope), 6 (label) and 8 (longest prefix); the rest cannot tell one
/// interface's permanent addresses apart. Among equals the kernel takes the newest.
fn best_source<A: Address>(addresses: impl Iterator<Item = (A, u8)>, destination: A) -> Option<A> {
    let wanted = (scope(destination), label(destination));
    let rank = |&(address, length): &(A, u8)| {
        let own = scope(address);
        let by_scope = if own >= wanted.0 { 256 - own } else { own };
        let prefix = common_prefix(address, destination).min(u32::from(length));
        (by_scope, label(address) == wanted.1, prefix)
    };
    addresses.max_by_key(rank).map(|(address, _)| address)
}

/// Bits that two addresses have in common from the start.
fn common_prefix<A: Address>(one: A, other: A) -> u32 {
    let unused = 128 - 8 * A::SIZE as u32;
    (one.to_bits() ^ other.to_bits()).leading_zeros().saturating_sub(unused)
}

/// Scope of an IPv6 address as a multicast scope value (RFC 4007); greater is wider.
fn scope<A: Address>(address: A) -> u32 {
    match address.bytes() {
        [0xff, flags_and_scope, ..] => u32::from(flags_and_scope & 0x0f),
        [0xfe, second, ..] if second & 0xc0 == 0x80 => 2,
        [0xfe, second, ..] if second & 0xc0 == 0xc0 => 5,
        bytes if bytes.len() == 16 && address.to_bits() == 1 => 2,
        _ => 14,
    }
}

/// Label of the default policy table (RFC 6724 section 2.1).
fn label<A: Address>(address: A) -> u8 {
    let bits = address.to_bits();
    match address.bytes() {
        _ if bits == 1 => 0,
        [0xfc | 0xfd, ..] => 13,
        [0xfe, second, ..] if second & 0xc0 == 0xc0 => 11,
        [0x20, 0x02, ..] => 2,
        [0x3f, 0xfe, ..] => 12,
        [0x20, 0x01, 0, 0, ..] => 5,
        _ if bits >> 32 == 0xffff => 4,
        _ if bits >> 32 == 0 => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{V4, V6};
    use std::net::Ipv6Addr;

    const LAN: (V4, u8) = (V4([192, 168, 1, 1]), 24);
    const SECONDARY: (V4, u8) = (V4([192, 168, 1, 2]), 24);
    const WAN: (V4, u8) = (V4([203, 0, 113, 9]), 29);

    fn choose(addresses: &[(V4, u8)], next_hop: [u8; 4]) -> Option<V4> {
        masquerade_address(addresses.iter().copied(), V4(next_hop), V4([8, 8, 8, 8]))
    }

    #[test]
    fn the_next_hop_decides() {
        let addresses = [LAN, SECONDARY, WAN];
        assert_eq!(choose(&addresses, [203, 0, 113, 14]), Some(WAN.0));
        assert_eq!(choose(&addresses, [192, 168, 1, 254]), Some(LAN.0));
        assert_eq!(choose(&addresses, [203, 0, 113, 16]), Some(LAN.0), "outside the /29");
        assert_eq!(choose(&[SECONDARY, LAN], [10, 0, 0, 1]), Some(SECONDARY.0));
    }

    #[test]
    fn loopback_does_not_leave() {
        let loopback = (V4([127, 0, 0, 1]), 8);
        assert_eq!(choose(&[loopback], [127, 0, 0, 2]), None);
        assert_eq!(choose(&[loopback, WAN], [10, 0, 0, 1]), Some(WAN.0));
        assert_eq!(choose(&[], [10, 0, 0, 1]), None);
    }

    #[test]
    fn prefix_lengths_zero_and_full() {
        assert_eq!(choose(&[LAN, (V4([10, 9, 9, 9]), 32)], [10, 9, 9, 9]), Some(V4([10, 9, 9, 9])));
        assert_eq!(choose(&[(LAN.0, 0), WAN], [203, 0, 113, 10]), Some(LAN.0));
    }

    fn v6(text: &str) -> V6 {
        V6(text.parse::<Ipv6Addr>().unwrap().octets())
    }

    #[test]
    fn ipv6_matches_scope_then_label_then_prefix() {
        let addresses = [
            (v6("fe80::1"), 64),
            (v6("fd00::1"), 64),
            (v6("2001:db8:1::1"), 64),
            (v6("2001:db8:2::1"), 64),
        ];
        for (destination, source) in [
            ("2001:db8:1::99", "2001:db8:1::1"),
            ("2001:db8:2::99", "2001:db8:2::1"),
            ("fd12::5", "fd00::1"),
            ("fe80::9", "fe80::1"),
            ("ff02::1", "fe80::1"),
            ("2a00::1", "2001:db8:2::1"),
        ] {
            let destination = v6(destination);
            assert_eq!(
                masquerade_address(addresses.into_iter(), v6("fe80::ff"), destination),
                Some(v6(source)),
                "{destination:?}"
            );
        }
    }
}
