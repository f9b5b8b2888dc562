//! The keyed hash of a tuple: whoever does not know the key cannot aim at one bucket.

use crate::address::Address;
use crate::tuple::Tuple;
use zerocopy::IntoBytes;

/// Random numbers drawn at start.
#[derive(Debug, Clone, Copy)]
pub(super) struct HashKey(pub(super) [u64; 2]);

impl HashKey {
    /// 64 bits, all equally good.
    #[inline]
    pub(super) fn hash<A: Address>(self, tuple: &Tuple<A>) -> u64 {
        let [one, two] = self.0;
        // Two words for IPv4, five for IPv6.
        let (words, _) = tuple.as_bytes().as_chunks::<8>();
        let mixed = words.chunks(2).fold(0, |mixed, pair| {
            let first = pair.first().copied().map_or(0, u64::from_ne_bytes);
            let second = pair.get(1).copied().map_or(0, u64::from_ne_bytes);
            fold(mixed ^ first ^ one, second ^ two)
        });
        // A prime's square root, so that a zero factor does not survive.
        fold(mixed ^ 0x6a09_e667_f3bc_c908, two | 1)
    }
}

#[allow(clippy::cast_possible_truncation)]
const fn low(bits: u128) -> u64 {
    bits as u64
}

const fn high(bits: u128) -> u64 {
    low(bits >> 64)
}

/// Both halves of the product, one over the other.
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    high(product) ^ low(product)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{L4Port, V4, V6};
    use crate::tuple::Zone;
    use std::collections::HashSet;

    const KEY: HashKey = HashKey([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3211]);

    #[test]
    fn similar_tuples_spread() {
        let mut seen = [0u32; 256];
        let mut hashes = HashSet::new();
        for host in 0..64u8 {
            for port in 0..1024u16 {
                let tuple = Tuple {
                    source: V4([10, 0, 0, host]),
                    destination: V4([192, 0, 2, 1]),
                    source_port: L4Port::new(port),
                    destination_port: L4Port::new(80),
                    protocol: 6,
                    ..Tuple::default()
                };
                let hash = KEY.hash(&tuple);
                seen[(hash & 0xff) as usize] += 1;
                assert!(hashes.insert(hash));
                assert!(hashes.insert(KEY.hash(&tuple.reversed())));
            }
        }
        // 65,536 balls in 256 bins: mean 256, standard deviation 16.
        assert!(seen.iter().all(|&count| (176..336).contains(&count)), "{seen:?}");
    }

    #[test]
    fn every_field_and_the_key_count() {
        let base = Tuple { source: V6([1; 16]), destination: V6([2; 16]), ..Tuple::default() };
        let mut far = base;
        far.source.0[0] = 9;
        let changed = [
            Tuple { source_port: L4Port::new(1), ..base },
            Tuple { destination_port: L4Port::new(1), ..base },
            Tuple { protocol: 1, ..base },
            Tuple { icmp: 1, ..base },
            Tuple { zone: Zone::new(1), ..base },
            base.reversed(),
            far,
        ];
        let mut hashes: HashSet<u64> = changed.iter().map(|tuple| KEY.hash(tuple)).collect();
        hashes.insert(KEY.hash(&base));
        hashes.insert(HashKey([1, 2]).hash(&base));
        assert_eq!(hashes.len(), changed.len() + 2);
    }
}
