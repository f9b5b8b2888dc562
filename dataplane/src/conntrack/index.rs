//! From a tuple's hash to the number of its entry.
//!
//! ```text
//!   bucket, one cache line:  10 tags of 16 bits | overflow count | 10 entries of 32 bits
//! ```
//!
//! An entry stands in the bucket its hash names, its home, or in the other one that home and tag name;
//! `overflow` counts those that had to move out of their home, so that most misses read one line. When
//! both are full, one resident moves to its own other bucket.
//!
//! There are four to seven times a power of two of buckets, so that no more memory is taken than a quarter too much. Both
//! buckets of an entry lie in one block of that power of two.

use zerocopy::{FromZeros, Immutable, IntoBytes, transmute_ref};

/// Entries of a bucket.
const SLOTS: usize = 10;

/// One cache line of the index. All zeros is empty.
#[derive(Debug, Clone, FromZeros, IntoBytes, Immutable)]
#[repr(C, align(64))]
struct Bucket {
    tags: [u16; SLOTS],
    overflow: u32,
    /// Entry number plus one; zero is empty.
    entries: [u32; SLOTS],
}

impl Bucket {
    /// The slots with that tag, a bit each; an empty one may look as if it had it.
    #[inline]
    fn tagged(&self, tag: u16) -> u32 {
        let line: &[u16; 32] = transmute_ref!(self);
        let half = line.first_chunk();
        // What lies behind the tags is compared with them.
        half.map_or(0, |half| dpdk::cpu::equal_lanes(half, tag)) & ((1 << SLOTS) - 1)
    }

    #[inline]
    fn matches(&self, tag: u16) -> impl Iterator<Item = (usize, u32)> {
        let mut slots = self.tagged(tag);
        std::iter::from_fn(move || {
            loop {
                // None set: 32, which is no slot.
                let slot = slots.trailing_zeros() as usize;
                let entry = *self.entries.get(slot)?;
                slots &= slots.wrapping_sub(1);
                if let Some(entry) = entry.checked_sub(1) {
                    return Some((slot, entry));
                }
            }
        })
    }

    fn free_slot(&self) -> Option<usize> {
        // The tag of an empty slot is zero, as that of another may be.
        let mut slots = self.tagged(0);
        loop {
            let slot = slots.trailing_zeros() as usize;
            if *self.entries.get(slot)? == 0 {
                return Some(slot);
            }
            slots &= slots.wrapping_sub(1);
        }
    }

    fn set(&mut self, slot: usize, tag: u16, entry: u32) {
        if let (Some(a), Some(b)) = (self.tags.get_mut(slot), self.entries.get_mut(slot)) {
            (*a, *b) = (tag, entry);
        }
    }
}

/// A hash table of entry numbers; the entries and their keys are kept by the caller.
#[derive(Debug)]
pub(super) struct Index {
    buckets: Vec<Bucket>,
    /// Of the number of a bucket in its block.
    mask: usize,
}

/// Where an entry stands.
#[derive(Clone, Copy)]
struct Place {
    bucket: usize,
    slot: usize,
}

impl Index {
    /// An index that `entries` fill two fifths to a half, so that one home in thirty at most is full.
    ///
    /// # Errors
    /// The system has not that much memory.
    pub(super) fn new(entries: usize) -> Result<Self, std::collections::TryReserveError> {
        let least = entries.div_ceil(5).max(8);
        let block = 1 << (least.ilog2() - 2);
        let count = least.next_multiple_of(block);
        let mut buckets = Vec::new();
        buckets.try_reserve_exact(count)?;
        // Before anything is written: what has been given on small pages stays there.
        dpdk::memory::populate(&buckets);
        buckets.resize(count, Bucket::new_zeroed());
        Ok(Self { buckets, mask: block - 1 })
    }

    /// Bytes it takes.
    pub(super) const fn bytes(&self) -> usize {
        self.buckets.len() * size_of::<Bucket>()
    }

    /// Brings the home of `hash` towards L1.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        if let Some(bucket) = self.buckets.get(self.home(hash)) {
            dpdk::cpu::prefetch(bucket);
        }
    }

    /// The first entry whose tag fits.
    #[inline]
    pub(super) fn candidate(&self, hash: u64) -> Option<u32> {
        let (home, tag) = (self.home(hash), tag(hash));
        let bucket = self.buckets.get(home)?;
        if let Some((_, entry)) = bucket.matches(tag).next() {
            return Some(entry);
        }
        if bucket.overflow == 0 {
            return None;
        }
        self.buckets.get(self.other(home, tag))?.matches(tag).next().map(|(_, entry)| entry)
    }

    fn home(&self, hash: u64) -> usize {
        // Of 32 bits, the part of all there are.
        let low = hash & u64::from(u32::MAX);
        ((low * self.buckets.len() as u64) >> 32) as usize
    }

    /// The other bucket of an entry that may stand in `bucket`.
    fn other(&self, bucket: usize, tag: u16) -> usize {
        bucket ^ ((usize::from(tag).wrapping_mul(0x9e37_79b1)) & self.mask).max(1)
    }

    /// The entry with this hash for which `is_it` holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.place(hash, is_it).map(|(_, entry)| entry)
    }

    fn place(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<(Place, u32)> {
        let (home, tag) = (self.home(hash), tag(hash));
        let search = |index: usize| {
            let bucket = self.buckets.get(index)?;
            let found = bucket.matches(tag).find(|&(_, entry)| is_it(entry));
            found.map(|(slot, entry)| (Place { bucket: index, slot }, entry))
        };
        search(home).or_else(|| {
            let overflow = self.buckets.get(home)?.overflow;
            if overflow == 0 { None } else { search(self.other(home, tag)) }
        })
    }

    /// Adds `entry`, which is not in it yet; false when there is no room. `hash_of` gives the hash of
    /// an entry that is in it.
    pub(super) fn insert(&mut self, hash: u64, entry: u32, hash_of: impl Fn(u32) -> u64) -> bool {
        let (home, tag) = (self.home(hash), tag(hash));
        let other = self.other(home, tag);
        if self.put(home, home, tag, entry) || self.put(home, other, tag, entry) {
            return true;
        }
        self.make_room(home, &hash_of) && self.put(home, home, tag, entry)
            || self.make_room(other, &hash_of) && self.put(home, other, tag, entry)
    }

    fn put(&mut self, home: usize, index: usize, tag: u16, entry: u32) -> bool {
        let Some(bucket) = self.buckets.get_mut(index) else { return false };
        let Some(slot) = bucket.free_slot() else { return false };
        bucket.set(slot, tag, entry + 1);
        if index != home {
            self.count_overflow(home, 1);
        }
        true
    }

    /// Moves one resident of `index` to its other bucket.
    fn make_room(&mut self, index: usize, hash_of: &impl Fn(u32) -> u64) -> bool {
        let Some(bucket) = self.buckets.get(index) else { return false };
        let residents = bucket.tags.iter().zip(&bucket.entries).enumerate();
        let movable = residents.filter_map(|(slot, (&tag, &entry))| {
            let to = self.other(index, tag);
            self.buckets.get(to)?.free_slot()?;
            Some((slot, tag, entry.checked_sub(1)?, to))
        });
        let Some((slot, tag, entry, to)) = movable.into_iter().next() else { return false };
        let home = self.home(hash_of(entry));
        if !self.put(home, to, tag, entry) {
            return false;
        }
        self.clear(Place { bucket: index, slot }, home);
        true
    }

    /// Takes out the entry `entry`; false when it was not in it.
    pub(super) fn remove(&mut self, hash: u64, entry: u32) -> bool {
        let Some((place, _)) = self.place(hash, |other| other == entry) else { return false };
        self.clear(place, self.home(hash));
        true
    }

    fn clear(&mut self, place: Place, home: usize) {
        if let Some(bucket) = self.buckets.get_mut(place.bucket) {
            bucket.set(place.slot, 0, 0);
        }
        if place.bucket != home {
            self.count_overflow(home, -1);
        }
    }

    fn count_overflow(&mut self, home: usize, change: i32) {
        if let Some(bucket) = self.buckets.get_mut(home) {
            bucket.overflow = bucket.overflow.saturating_add_signed(change);
        }
    }
}

/// The bits of a hash that a bucket remembers; the bucket is chosen by others.
const fn tag(hash: u64) -> u16 {
    (hash >> 48) as u16
}

const _: () = assert!(size_of::<Bucket>() == 64);

#[cfg(test)]
mod tests {
    use super::*;
    use hashbrown::HashMap;
    use proptest::prelude::*;

    /// Hashes that fall into few buckets and few tags.
    fn narrow(seed: u32, buckets: u32) -> u64 {
        let tag = u64::from(seed.wrapping_mul(0x85eb_ca6b) >> 28);
        tag << 48 | u64::from(seed % buckets) << 28
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u32),
        Find(u32),
        Remove(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        (0..3u8, 0..120u32).prop_map(|(kind, number)| match kind {
            0 => Step::Insert(number),
            1 => Step::Find(number),
            _ => Step::Remove(number),
        })
    }

    proptest! {
        #[test]
        fn behaves_as_a_map(steps in proptest::collection::vec(step(), 1..600), buckets in 1u32..16) {
            let mut index = Index::new(64).unwrap();
            let mut reference = HashMap::new();
            let hash_of = |number: u32| narrow(number, buckets);
            for step in steps {
                match step {
                    Step::Insert(number) => {
                        if !reference.contains_key(&number)
                            && index.insert(hash_of(number), number, hash_of)
                        {
                            reference.insert(number, ());
                        }
                    }
                    Step::Find(number) => {
                        let found = index.find(hash_of(number), |entry| entry == number);
                        prop_assert_eq!(found.is_some(), reference.contains_key(&number));
                    }
                    Step::Remove(number) => {
                        let removed = index.remove(hash_of(number), number);
                        prop_assert_eq!(removed, reference.remove(&number).is_some());
                    }
                }
            }
            for number in 0..120 {
                let found = index.find(hash_of(number), |entry| entry == number);
                prop_assert_eq!(found.is_some(), reference.contains_key(&number));
            }
            for number in reference.into_keys() {
                prop_assert!(index.remove(hash_of(number), number));
            }
            prop_assert!(index.buckets.iter().all(|bucket| bucket.overflow == 0));
            prop_assert!(index.buckets.iter().all(|bucket| bucket.entries == [0; SLOTS]));
        }
    }

    #[test]
    fn takes_far_more_than_half() {
        let mut index = Index::new(1 << 14).unwrap();
        let hash_of =
            |number: u32| u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        let most = (index.buckets.len() * SLOTS) as u32 / 10 * 9;
        assert!(most > 30_000);
        for number in 0..most {
            assert!(index.insert(hash_of(number), number, hash_of), "{number} of {most}");
        }
        for number in 0..most {
            assert_eq!(index.find(hash_of(number), |entry| entry == number), Some(number));
        }
    }
}
