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
        if range.persistent { 0 } else { server[last].swap_bytes() ^ u32::from(packet.zone.get()) };
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

    fn choose<A: Address>(
        manip: Manip,
        persistent: bool,
        ends: [&str; 2],
        answers: &[(&str, &str, &str)],
    ) {
        let parse = |text: &str| A::from_ip(text.parse().unwrap()).unwrap();
        let [low, high] = ends.map(parse);
        let range = NatRange { addresses: Some((low, high)), persistent, ..NatRange::default() };
        for (source, destination, wanted) in answers {
            let packet = packet(parse(source).to_bits(), parse(destination).to_bits());
            let chosen = best_address(&packet, manip, &range);
            assert_eq!(chosen, Some(parse(wanted)), "{source} to {destination}");
        }
    }

    /// What Linux 6.18 chose for the same connections.
    #[test]
    fn the_kernel_chooses_the_same() {
        choose::<V4>(
            Manip::Source,
            false,
            ["192.0.2.10", "192.0.2.59"],
            &[
                ("10.1.0.1", "203.0.113.8", "192.0.2.59"),
                ("10.1.0.10", "203.0.113.6", "192.0.2.22"),
                ("10.1.0.11", "203.0.113.13", "192.0.2.38"),
                ("10.1.0.12", "203.0.113.7", "192.0.2.56"),
                ("10.1.0.2", "203.0.113.2", "192.0.2.35"),
                ("10.1.0.3", "203.0.113.9", "192.0.2.30"),
                ("10.1.0.4", "203.0.113.3", "192.0.2.17"),
                ("10.1.0.5", "203.0.113.10", "192.0.2.15"),
                ("10.1.0.6", "203.0.113.4", "192.0.2.19"),
                ("10.1.0.7", "203.0.113.11", "192.0.2.16"),
                ("10.1.0.8", "203.0.113.5", "192.0.2.29"),
                ("10.1.0.9", "203.0.113.12", "192.0.2.53"),
            ],
        );
        choose::<V4>(
            Manip::Source,
            true,
            ["192.0.2.10", "192.0.2.59"],
            &[
                ("10.1.0.1", "203.0.113.8", "192.0.2.19"),
                ("10.1.0.10", "203.0.113.6", "192.0.2.54"),
                ("10.1.0.11", "203.0.113.13", "192.0.2.13"),
                ("10.1.0.12", "203.0.113.7", "192.0.2.30"),
                ("10.1.0.2", "203.0.113.2", "192.0.2.16"),
                ("10.1.0.3", "203.0.113.9", "192.0.2.50"),
                ("10.1.0.4", "203.0.113.3", "192.0.2.53"),
                ("10.1.0.5", "203.0.113.10", "192.0.2.37"),
                ("10.1.0.6", "203.0.113.4", "192.0.2.21"),
                ("10.1.0.7", "203.0.113.11", "192.0.2.31"),
                ("10.1.0.8", "203.0.113.5", "192.0.2.22"),
                ("10.1.0.9", "203.0.113.12", "192.0.2.26"),
            ],
        );
        choose::<V4>(
            Manip::Destination,
            false,
            ["198.51.100.1", "198.51.100.30"],
            &[
                ("10.1.0.1", "203.0.113.8", "198.51.100.30"),
                ("10.1.0.10", "203.0.113.6", "198.51.100.8"),
                ("10.1.0.11", "203.0.113.13", "198.51.100.18"),
                ("10.1.0.12", "203.0.113.7", "198.51.100.28"),
                ("10.1.0.2", "203.0.113.2", "198.51.100.16"),
                ("10.1.0.3", "203.0.113.9", "198.51.100.13"),
                ("10.1.0.4", "203.0.113.3", "198.51.100.5"),
                ("10.1.0.5", "203.0.113.10", "198.51.100.4"),
                ("10.1.0.6", "203.0.113.4", "198.51.100.6"),
                ("10.1.0.7", "203.0.113.11", "198.51.100.4"),
                ("10.1.0.8", "203.0.113.5", "198.51.100.12"),
                ("10.1.0.9", "203.0.113.12", "198.51.100.27"),
            ],
        );
        choose::<V6>(
            Manip::Source,
            false,
            ["2001:db8::10", "2001:db8::4f"],
            &[
                ("fd00::1", "2001:db8:5:6:7:8:9:8", "2001:db8::1a"),
                ("fd00::2", "2001:db8:5:6:7:8:9:2", "2001:db8::1d"),
                ("fd00::3", "2001:db8:5:6:7:8:9:9", "2001:db8::21"),
                ("fd00::4", "2001:db8:5:6:7:8:9:3", "2001:db8::3d"),
                ("fd00::5", "2001:db8:5:6:7:8:9:10", "2001:db8::2f"),
                ("fd00::6", "2001:db8:5:6:7:8:9:4", "2001:db8::3a"),
            ],
        );
        choose::<V6>(
            Manip::Source,
            false,
            ["2001:db8::10", "2001:db8:0:1::4f"],
            &[
                ("fd00::1", "2001:db8:5:6:7:8:9:8", "2001:db8::201f:cac6:281f:cdc6"),
                ("fd00::2", "2001:db8:5:6:7:8:9:2", "2001:db8::3e8d:454f:368d:424f"),
                ("fd00::3", "2001:db8:5:6:7:8:9:9", "2001:db8::4cd5:baa2:44d5:bda2"),
                ("fd00::4", "2001:db8:5:6:7:8:9:3", "2001:db8:0:1::3d"),
                ("fd00::5", "2001:db8:5:6:7:8:9:10", "2001:db8::7566:a2c9:7d66:a5c9"),
                ("fd00::6", "2001:db8:5:6:7:8:9:4", "2001:db8:0:1::3a"),
            ],
        );
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
