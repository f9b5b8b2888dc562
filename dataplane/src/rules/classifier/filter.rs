//! Which prefix lengths are worth a look: one small Bloom filter per length of one field.

use super::demand::Prefix;

/// Bits of filter for each prefix: one probe in eight for nothing at most.
const BITS_PER_PREFIX: usize = 8;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The lengths at which rules have prefixes of one field, in ascending order; length 0 is always one of them.
#[derive(Debug)]
pub(super) struct Filter {
    lengths: Box<[Length]>,
    words: Box<[u64]>,
}

#[derive(Debug, Clone, Copy)]
struct Length {
    len: u8,
    /// The bits that count.
    mask: u128,
    /// Where its words begin.
    first: u32,
    /// From a hash to the number of a bit.
    shift: u32,
}

/// A mask of the leading `len` bits of a field of `width` bits.
pub(super) const fn leading(width: u32, len: u8) -> u128 {
    let behind = width.saturating_sub(len as u32);
    match u128::MAX.checked_shl(behind) {
        Some(mask) => mask & (u128::MAX >> (u128::BITS - width)),
        None => 0,
    }
}

impl Filter {
    /// Lengths it can tell apart, 0 among them.
    pub(super) const MAX_LENGTHS: usize = 64;

    /// Of the prefixes of a field of `width` bits; there must not be more than [`Self::MAX_LENGTHS`] lengths.
    pub(super) fn new(width: u32, prefixes: impl Iterator<Item = Prefix> + Clone) -> Self {
        let mut counts = [0_usize; 129];
        for prefix in prefixes.clone() {
            if let Some(count) = counts.get_mut(usize::from(prefix.len)) {
                *count += 1;
            }
        }
        let mut lengths = Vec::new();
        let mut words = 0_usize;
        for (len, &count) in (1..=128_u8).zip(&counts[1..]).filter(|(_, count)| **count > 0) {
            let bits = (count * BITS_PER_PREFIX).next_power_of_two().max(64);
            let first = u32::try_from(words).unwrap_or(u32::MAX);
            let shift = 64 - bits.trailing_zeros();
            lengths.push(Length { len, mask: leading(width, len), first, shift });
            words += bits / 64;
        }
        let mut filter =
            Self { lengths: lengths.into_boxed_slice(), words: vec![0; words].into_boxed_slice() };
        for prefix in prefixes {
            filter.set(prefix);
        }
        filter
    }

    fn set(&mut self, prefix: Prefix) {
        let Some(length) = self.lengths.iter().find(|length| length.len == prefix.len) else {
            return;
        };
        let (word, bit) = length.place(prefix.bits);
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    /// The number under which [`Self::look`] reports a length.
    pub(super) fn number(&self, len: u8) -> u8 {
        let at = self.lengths.iter().position(|length| length.len == len);
        at.map_or(0, |at| u8::try_from(at + 1).unwrap_or(0))
    }

    /// How many numbers there are.
    pub(super) fn numbers(&self) -> usize {
        self.lengths.len() + 1
    }

    /// Bit n: there may be a prefix of length number n that `field` begins with.
    #[inline]
    pub(super) fn look(&self, field: u128) -> u64 {
        let mut found = 1;
        let mut own = 2_u64;
        for length in &self.lengths {
            let (word, bit) = length.place(field);
            let word = self.words.get(word).copied().unwrap_or(u64::MAX);
            found |= if word >> bit & 1 == 0 { 0 } else { own };
            own <<= 1;
        }
        found
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.lengths) + size_of_val(&*self.words)
    }
}

impl Length {
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    fn place(self, field: u128) -> (usize, u32) {
        let field = field & self.mask;
        let (high, low) = ((field >> 64) as u64, field as u64);
        // Twice: prefixes often follow one another at equal distances, which one product would keep.
        let hash = (low ^ high.wrapping_mul(ODD).rotate_left(29)).wrapping_mul(ODD);
        let hash = (hash ^ hash >> 32).wrapping_mul(ODD);
        let bit = hash >> self.shift;
        (self.first as usize + (bit >> 6) as usize, bit as u32 & 63)
    }
}
