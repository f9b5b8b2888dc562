//! Which address of a range a connection gets: the kernel's `find_best_ips_proto`.
//!
//! The choice is a hash of the client (and, unless `--persistent`, the server) without a secret, so
//! that a client keeps its address over restarts. The same hash as the kernel's gives the same
//! address as the kernel.

use super::range::NatRange;
use super::select::Manip;
use crate::address::{Address, IpVersion};
use crate::tuple::Tuple;

/// The address of `range` for a packet that looks like `packet`; none where the range leaves
/// addresses alone.
pub(super) fn best_address<A: Address>(
    packet: &Tuple<A>,
    manip: Manip,
    range: &NatRange<A>,
) -> Option<A> {
    let (low, high) = range.addresses?;
    if low == high {
        return Some(low);
    }
    let last = match A::VERSION {
        IpVersion::V4 => 0,
        IpVersion::V6 => 3,
    };
    let server = words(packet.destination);
    let salt =
        if range.persistent { 0 } else { server[last].swap_bytes() ^ u32::from(packet.zone) };
    let mut hash = jhash(words(packet.source).map(u32::swap_bytes), salt);

    let (lows, highs) = (words(low), words(high));
    let mut chosen = [0; 4];
    let mut below_high = false;
    for i in 0..=last {
        let (base, count) = match below_high {
            false => (lows[i], highs[i].wrapping_sub(lows[i]).wrapping_add(1)),
            true => (0, u32::MAX),
        };
        chosen[i] = base.wrapping_add(scale(hash, count));
        below_high |= chosen[i] != highs[i];
        if !range.persistent {
            // Where the server's address gives way, the kernel mixes in what replaced it.
            hash ^= match manip {
                Manip::Source => server[i].swap_bytes(),
                Manip::Destination => chosen[i].swap_bytes(),
            };
        }
    }
    // The kernel may fall below a range whose ends differ in an upper word; here it is a bound.
    Some(A::from_bits(bits::<A>(chosen).clamp(low.to_bits(), high.to_bits())))
}

/// An address as 32-bit words in host order, as `nf_inet_addr` has them: unused ones zero.
#[allow(clippy::cast_possible_truncation)]
fn words<A: Address>(address: A) -> [u32; 4] {
    let bits = address.to_bits();
    match A::VERSION {
        IpVersion::V4 => [bits as u32, 0, 0, 0],
        IpVersion::V6 => [96, 64, 32, 0].map(|shift| (bits >> shift) as u32),
    }
}

fn bits<A: Address>(words: [u32; 4]) -> u128 {
    match A::VERSION {
        IpVersion::V4 => u128::from(words[0]),
        IpVersion::V6 => words.iter().fold(0, |bits, word| bits << 32 | u128::from(*word)),
    }
}

/// `hash` scaled to `0..count`.
#[allow(clippy::cast_possible_truncation)]
fn scale(hash: u32, count: u32) -> u32 {
    ((u64::from(hash) * u64::from(count)) >> 32) as u32
}

/// Bob Jenkins' lookup3 over four words, as the kernel's `jhash2`.
fn jhash(key: [u32; 4], salt: u32) -> u32 {
    const START: u32 = 0xdead_beef + (4 << 2);
    let [k0, k1, k2, k3] = key;
    let start = START.wrapping_add(salt);
    let (mut a, mut b, mut c) =
        (start.wrapping_add(k0), start.wrapping_add(k1), start.wrapping_add(k2));
    for (x, y) in [(4, 6), (8, 16), (19, 4)] {
        // Two steps of the mix; each leaves the three words' roles rotated by one.
        for turn in [x, y] {
            let mixed = a.wrapping_sub(c) ^ c.rotate_left(turn);
            (a, b, c) = (b, c.wrapping_add(b), mixed);
        }
    }
    a = a.wrapping_add(k3);
    for turn in [14, 11, 25, 16, 4, 14, 24] {
        let mixed = (c ^ b).wrapping_sub(b.rotate_left(turn));
        (a, b, c) = (b, mixed, a);
    }
    // Seven steps of a three-fold rotation: the last word mixed stands in the middle.
    b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{V4, V6};
    use proptest::prelude::*;

    /// Values from the published lookup3 code over the same words.
    #[test]
    fn the_hash_is_lookup3() {
        assert_eq!(jhash([1, 2, 3, 4], 0), 0x6649_1246);
        assert_eq!(jhash([0x0a01_0203, 0, 0, 0], 0x0102_0304), 0x64cd_6970);
        assert_eq!(jhash([0xdead_beef, 7, 0x8000_0000, 0xffff_ffff], 99), 0x6406_1236);
    }

    fn packet<A: Address>(source: u128, destination: u128) -> Tuple<A> {
        Tuple {
            source: A::from_bits(source),
            destination: A::from_bits(destination),
            ..Tuple::default()
        }
    }

    fn check<A: Address>(ends: (u128, u128), source: u128, server: u128, persistent: bool) {
        let (low, high) = (A::from_bits(ends.0), A::from_bits(ends.1));
        let (low, high) = if low.to_bits() <= high.to_bits() { (low, high) } else { (high, low) };
        let range = NatRange { addresses: Some((low, high)), persistent, ..NatRange::default() };
        for manip in [Manip::Source, Manip::Destination] {
            let packet = packet(source, server);
            let chosen = best_address(&packet, manip, &range).unwrap();
            assert!(range.has_address(chosen));
            assert_eq!(best_address(&packet, manip, &range), Some(chosen));
        }
    }

    proptest! {
        #[test]
        fn the_choice_lies_in_the_range(
            ends: (u128, u128), source: u128, server: u128, persistent: bool,
        ) {
            check::<V4>(ends, source, server, persistent);
            check::<V6>(ends, source, server, persistent);
        }

        #[test]
        fn a_persistent_choice_does_not_depend_on_the_server(source: u128, servers: (u128, u128)) {
            let range = NatRange {
                addresses: Some((V6::from_bits(1 << 64), V6::from_bits((1 << 64) + 999))),
                persistent: true,
                ..NatRange::default()
            };
            let [first, second] = [servers.0, servers.1]
                .map(|server| best_address(&packet::<V6>(source, server), Manip::Source, &range));
            prop_assert_eq!(first, second);
        }
    }

    #[test]
    fn clients_spread_over_the_range() {
        let range = NatRange {
            addresses: Some((V4([192, 0, 2, 0]), V4([192, 0, 2, 3]))),
            ..NatRange::default()
        };
        let mut seen = [0; 4];
        for client in 0..400 {
            let packet = packet::<V4>(0x0a00_0000 + client, 0xc633_6401);
            let chosen = best_address(&packet, Manip::Source, &range).unwrap();
            seen[usize::from(chosen.0[3])] += 1;
        }
        assert!(seen.iter().all(|count| (60..140).contains(count)), "{seen:?}");
    }
}
