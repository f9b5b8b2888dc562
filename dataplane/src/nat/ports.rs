//! The order in which ports are tried: the kernel's `nf_nat_l4proto_unique_tuple`.
//!
//! A search tries at most 128 ports in a row from a random place, then half as many from another
//! place, and so on; it never walks a whole class, so that a full one costs little.

use super::select::{Manip, Ports};
use crate::address::L4Port;

/// Ports tried in the first row.
const MOST_ATTEMPTS: u32 = 128;
/// A row shorter than this is the last.
const FEWEST_ATTEMPTS: u32 = 16;

/// The ports that may be tried: `count` from `first`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PortSearch {
    first: u16,
    count: u32,
}

impl PortSearch {
    /// Where to look for another port than `old`; none where a port cannot change.
    pub(super) fn new(
        ports: Ports,
        old: L4Port,
        range: Option<(u16, u16)>,
        manip: Manip,
    ) -> Option<Self> {
        let (low, high) = match (ports, range, manip) {
            (Ports::None, _, _) => return None,
            (Ports::Identifier | Ports::Key | Ports::Pair, Some((a, b)), _) => (a.min(b), a.max(b)),
            (Ports::Identifier, None, _) => (0, u16::MAX),
            (Ports::Key, None, _) | (Ports::Pair, None, Manip::Destination) => return None,
            (Ports::Pair, None, Manip::Source) => class(old.get()),
        };
        Some(Self { first: low, count: u32::from(high - low) + 1 })
    }

    /// The ports in the order they are tried: a bounded number, each in the range. The first row
    /// starts at the lowest port if `from_start`, else at a random one.
    pub(super) fn candidates(self, from_start: bool, random: u64) -> impl Iterator<Item = u16> {
        let mut state = random;
        let mut row = self.count.min(MOST_ATTEMPTS);
        let mut offset = if from_start { 0 } else { draw(&mut state) };
        let mut tried = 0;
        std::iter::from_fn(move || {
            if tried == row {
                if row >= self.count || row < FEWEST_ATTEMPTS {
                    return None;
                }
                (row, tried, offset) = (row / 2, 0, draw(&mut state));
            }
            tried += 1;
            let port = u32::from(self.first) + u32::from(offset) % self.count;
            offset = offset.wrapping_add(1);
            u16::try_from(port).ok()
        })
    }
}

/// The ports among which one may stand for another: those that servers trust alike.
const fn class(port: u16) -> (u16, u16) {
    match port {
        0..512 => (1, 511),
        512..1024 => (600, 1023),
        1024.. => (1024, u16::MAX),
    }
}

/// The next number of a splitmix64 sequence, cut to a port's size.
fn draw(state: &mut u64) -> u16 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let [a, b, ..] = mixed.to_be_bytes();
    u16::from_be_bytes([a, b])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn tried(search: PortSearch, from_start: bool, random: u64) -> Vec<u16> {
        search.candidates(from_start, random).collect()
    }

    proptest! {
        #[test]
        fn a_small_range_is_tried_whole_and_once(low: u16, size in 0..127_u16, random: u64) {
            let high = low.saturating_add(size);
            let range = Some((low, high));
            let old = L4Port::new(1);
            let search = PortSearch::new(Ports::Pair, old, range, Manip::Source).unwrap();
            // 65536 is no multiple of most sizes: where the walk wraps around, ports may recur.
            let start = u32::from(draw(&mut { random }));
            prop_assume!(start + u32::from(size) < 65_536);
            let tried = tried(search, false, random);
            let distinct: HashSet<u16> = tried.iter().copied().collect();
            prop_assert_eq!(distinct, (low..=high).collect());
            prop_assert_eq!(tried.len(), usize::from(high - low) + 1);
        }

        #[test]
        fn a_search_stays_in_class_and_is_bounded(old: u16, random: u64) {
            let (low, high) = class(old);
            let search = PortSearch::new(Ports::Pair, L4Port::new(old), None, Manip::Source).unwrap();
            let tried = tried(search, false, random);
            prop_assert!(tried.iter().all(|port| (low..=high).contains(port)));
            prop_assert_eq!(tried.len(), 128 + 64 + 32 + 16 + 8);
        }
    }

    #[test]
    fn a_destination_search_starts_at_the_lowest_port() {
        let search =
            PortSearch::new(Ports::Pair, L4Port::new(80), Some((5000, 5009)), Manip::Destination);
        assert_eq!(tried(search.unwrap(), true, 7), (5000..=5009).collect::<Vec<_>>());
    }

    #[test]
    fn without_a_range_a_destination_port_stays() {
        let old = L4Port::new(80);
        assert_eq!(PortSearch::new(Ports::Pair, old, None, Manip::Destination), None);
        assert_eq!(PortSearch::new(Ports::None, old, Some((1, 2)), Manip::Source), None);
    }
}
