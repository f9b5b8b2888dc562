//! Which lengths occur among a set's elements: prefixes of networks, beginnings of interface names.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Counts of lengths 0 to 128, read without a lock.
#[derive(Debug)]
pub(super) struct Lengths {
    counts: Box<[AtomicU32]>,
    present: [AtomicU64; 3],
}

impl Lengths {
    pub(super) fn new() -> Self {
        Self {
            counts: std::iter::repeat_with(|| AtomicU32::new(0)).take(129).collect(),
            present: [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    fn bit(&self, length: u8) -> Option<(&AtomicU64, u64)> {
        Some((self.present.get(usize::from(length / 64))?, 1 << (length % 64)))
    }

    pub(super) fn add(&self, length: u8) {
        if let (Some(count), Some((word, bit))) =
            (self.counts.get(usize::from(length)), self.bit(length))
            && count.fetch_add(1, SeqCst) == 0
        {
            word.fetch_or(bit, SeqCst);
        }
    }

    pub(super) fn remove(&self, length: u8) {
        if let (Some(count), Some((word, bit))) =
            (self.counts.get(usize::from(length)), self.bit(length))
            && count.fetch_sub(1, SeqCst) == 1
        {
            word.fetch_and(!bit, SeqCst);
            // Another may have come in between.
            if count.load(SeqCst) > 0 {
                word.fetch_or(bit, SeqCst);
            }
        }
    }

    /// Those there are, the longest first.
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn longest_first(&self) -> impl Iterator<Item = u8> + '_ {
        self.present.iter().enumerate().rev().flat_map(|(index, word)| {
            let mut left = word.load(SeqCst);
            std::iter::from_fn(move || {
                let top = 63_u32.checked_sub(left.leading_zeros())?;
                left &= !(1 << top);
                Some((index as u32 * 64 + top) as u8)
            })
        })
    }

    pub(super) fn longest(&self) -> Option<u8> {
        self.longest_first().next()
    }
}
