//! Looking for an element, or for those that cover a host: no lock is taken.

use super::{Hash, is_over, name_length};
use crate::sets::key::Key;
use crate::sets::kind::Second;
use crate::sets::table::{Found, Table};
use crate::time::Instant;

fn name_beginning(bits: u128, length: u8) -> u128 {
    bits & u128::MAX.checked_shl(8 * (16 - u32::from(length))).unwrap_or(0)
}

impl Hash {
    #[inline]
    fn exact<T>(
        &self,
        key: &Key,
        now: Instant,
        on: &mut impl FnMut(&Table, Found) -> Option<T>,
    ) -> Option<T> {
        let words = key.pack(self.layout);
        let words = words.get(..self.layout.words())?;
        let hash = self.hash(words);
        let table = self.shard(hash)?.table.load();
        let found = table.find(words, hash).filter(|found| !is_over(found.ends, now))?;
        on(&table, found)
    }

    /// An element with exactly this key.
    pub(in crate::sets) fn has(&self, key: &Key, now: Instant) -> Option<bool> {
        self.exact(key, now, &mut |_, found| Some(found.nomatch))
    }

    /// The elements that cover a host's key, the most particular first, until `on` has an answer.
    #[inline]
    pub(in crate::sets) fn covering<T>(
        &self,
        key: &Key,
        now: Instant,
        mut on: impl FnMut(&Table, Found) -> Option<T>,
    ) -> Option<T> {
        if !self.header.kind.first_is_net() {
            return self.with_second(key, now, &mut on);
        }
        self.lengths.longest_first().find_map(|length| {
            let first = self.header.masked(key.first, length);
            self.with_second(&Key { first, prefix: length, ..*key }, now, &mut on)
        })
    }

    #[inline]
    fn with_second<T>(
        &self,
        key: &Key,
        now: Instant,
        on: &mut impl FnMut(&Table, Found) -> Option<T>,
    ) -> Option<T> {
        match self.header.kind.second() {
            Second::None | Second::Address | Second::Mark => self.exact(key, now, on),
            Second::Net => self.second_lengths.longest_first().find_map(|length| {
                let second = self.header.masked(key.second, length);
                self.exact(&Key { second, second_prefix: length, ..*key }, now, on)
            }),
            Second::Interface => self.exact(key, now, on).or_else(|| {
                let own = name_length(key.second);
                let shorter = self.beginnings.longest_first().filter(|length| *length <= own);
                shorter.into_iter().find_map(|length| {
                    let second = name_beginning(key.second, length);
                    self.exact(&Key { second, wildcard: true, ..*key }, now, on)
                })
            }),
        }
    }
}
