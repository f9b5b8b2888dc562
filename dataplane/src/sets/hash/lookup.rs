//! Looking for an element, or for those that cover a host: no lock is taken.

use super::{Hash, is_over, name_length};
use crate::sets::key::Key;
use crate::sets::kind::Second;
use crate::sets::query::Look;
use crate::sets::table::{Found, Sought, Table};

fn name_beginning(bits: u128, length: u8) -> u128 {
    bits & u128::MAX.checked_shl(8 * (16 - u32::from(length))).unwrap_or(0)
}

impl Hash {
    #[inline]
    fn exact<T>(
        &self,
        key: &Key,
        look: Look<'_>,
        on: &mut impl FnMut(&Table, Found) -> Option<T>,
    ) -> Option<T> {
        let words = key.pack(self.layout);
        let words = words.get(..self.layout.words())?;
        let hash = self.hash(words);
        let table = self.shard(hash)?.table.load();
        let Sought { found, passed_over } = table.seek(words, hash);
        if passed_over || found.is_some_and(|found| self.is_fleeting(found.ends)) {
            look.note_fleeting();
        }
        on(&table, found.filter(|found| !is_over(found.ends, look.now))?)
    }

    /// An element with exactly this key.
    pub(in crate::sets) fn has(&self, key: &Key, look: Look<'_>) -> Option<bool> {
        self.exact(key, look, &mut |_, found| Some(found.nomatch))
    }

    /// The elements that cover a host's key, the most particular first, until `on` has an answer.
    #[inline]
    pub(in crate::sets) fn covering<T>(
        &self,
        key: &Key,
        look: Look<'_>,
        mut on: impl FnMut(&Table, Found) -> Option<T>,
    ) -> Option<T> {
        if !self.header.kind.first_is_net() {
            return self.with_second(key, look, &mut on);
        }
        self.lengths.longest_first().find_map(|length| {
            let first = self.header.masked(key.first, length);
            self.with_second(&Key { first, prefix: length, ..*key }, look, &mut on)
        })
    }

    #[inline]
    fn with_second<T>(
        &self,
        key: &Key,
        look: Look<'_>,
        on: &mut impl FnMut(&Table, Found) -> Option<T>,
    ) -> Option<T> {
        match self.header.kind.second() {
            Second::None | Second::Address | Second::Mark => self.exact(key, look, on),
            Second::Net => self.second_lengths.longest_first().find_map(|length| {
                let second = self.header.masked(key.second, length);
                self.exact(&Key { second, second_prefix: length, ..*key }, look, on)
            }),
            Second::Interface => self.exact(key, look, on).or_else(|| {
                let own = name_length(key.second);
                let shorter = self.beginnings.longest_first().filter(|length| *length <= own);
                shorter.into_iter().find_map(|length| {
                    let second = name_beginning(key.second, length);
                    self.exact(&Key { second, wildcard: true, ..*key }, look, on)
                })
            }),
        }
    }
}
