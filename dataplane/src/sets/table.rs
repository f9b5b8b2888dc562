//! Open addressing over atomic words: one writer at a time, readers that never wait for it.
//!
//! ```text
//!   slot:  [head] [key: 1 to 5 words] [ends, where the set knows timeouts] [packets] [bytes] [mark and mask] [priority and queue]
//!   head:  sequence (32) | tag of the hash (16) | 0 (12) | comment | nomatch | state (2)
//! ```
//!
//! A slot is a sequence lock of its own: a reader takes the key for valid if the head was the same before and after. A slot whose
//! writer does not come back is passed over after some turns.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, AtomicUsize, fence};

use super::key::MAX_WORDS;
use super::skbinfo::{MarkMap, SkbInfo};

const STATE: u64 = 3;
const EMPTY: u64 = 0;
const BUSY: u64 = 1;
const FULL: u64 = 2;
/// Was full; searches go on behind it.
const GONE: u64 = 3;
const NOMATCH: u64 = 4;
const COMMENT: u64 = 8;
const TAG: u64 = 0xffff << 16;
const ONE_SEQUENCE: u64 = 1 << 32;
/// Turns a reader spends on one slot that is being written.
const TURNS: usize = 64;

/// What an element has beside its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Value {
    /// An exception.
    pub(super) nomatch: bool,
    /// A comment is kept for it.
    pub(super) comment: bool,
    /// Nanoseconds when it ends; 0: never.
    pub(super) ends: u64,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) skbinfo: SkbInfo,
}

/// How slots are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) key: usize,
    pub(super) timeout: bool,
    pub(super) counters: bool,
    pub(super) skbinfo: bool,
}

impl Shape {
    const fn ends_at(self) -> usize {
        1 + self.key
    }
    const fn packets_at(self) -> usize {
        self.ends_at() + self.timeout as usize
    }
    const fn skbinfo_at(self) -> usize {
        self.packets_at() + 2 * self.counters as usize
    }
    const fn words(self) -> usize {
        self.skbinfo_at() + SkbInfo::WORDS * self.skbinfo as usize
    }
}

/// An element that was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) at: usize,
    pub(super) nomatch: bool,
    pub(super) ends: u64,
    /// What it gives to packets.
    pub(super) mark: MarkMap,
}

/// What a reader has found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought {
    pub(super) found: Option<Found>,
    /// Whether a slot was left out that was being written for too long: the key may be there.
    pub(super) passed_over: bool,
}

/// No empty slot is left to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom;

#[derive(Debug)]
pub(super) struct Table {
    shape: Shape,
    words: Box<[AtomicU64]>,
    mask: usize,
    /// Slots that are not empty.
    used: AtomicUsize,
    /// Those of them that were full and are not.
    gone: AtomicUsize,
}

enum Seen {
    Empty,
    Other,
    /// It is being written.
    Busy,
    This {
        head: u64,
        mark: MarkMap,
    },
}

impl Table {
    /// A table of a power of two of slots.
    pub(super) fn new(shape: Shape, slots: usize) -> Self {
        let slots = slots.next_power_of_two();
        let words = std::iter::repeat_with(|| AtomicU64::new(0)).take(slots * shape.words());
        Self {
            shape,
            words: words.collect(),
            mask: slots - 1,
            used: AtomicUsize::new(0),
            gone: AtomicUsize::new(0),
        }
    }

    pub(super) const fn slots(&self) -> usize {
        self.mask + 1
    }
    pub(super) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }
    /// Whether a copy should take its place: half of it is full, or too much of it was.
    pub(super) fn is_tight(&self) -> bool {
        let (used, gone) = (self.used(), self.gone.load(Relaxed));
        used.saturating_sub(gone) * 2 > self.slots() || used * 4 > self.slots() * 3
    }
    pub(super) fn bytes(&self) -> usize {
        self.words.len() * size_of::<AtomicU64>()
    }

    fn slot(&self, at: usize) -> Option<(&AtomicU64, &[AtomicU64])> {
        let start = at * self.shape.words();
        self.words.get(start..start + self.shape.words())?.split_first()
    }

    fn word(&self, at: usize, word: usize) -> Option<&AtomicU64> {
        self.words.get(at * self.shape.words() + word)
    }

    #[inline]
    fn look(&self, at: usize, key: &[u64], hash: u64) -> Seen {
        let Some((head, words)) = self.slot(at) else { return Seen::Empty };
        for _ in 0..TURNS {
            let before = head.load(Acquire);
            match before & STATE {
                EMPTY => return Seen::Empty,
                GONE => return Seen::Other,
                FULL if before & TAG != hash & TAG => return Seen::Other,
                FULL => {
                    let same =
                        key.iter().zip(words).all(|(asked, word)| word.load(Relaxed) == *asked);
                    let mark = if same { self.mark(at) } else { MarkMap::default() };
                    fence(Acquire);
                    if head.load(Relaxed) == before {
                        return if same { Seen::This { head: before, mark } } else { Seen::Other };
                    }
                }
                _ => std::hint::spin_loop(),
            }
        }
        Seen::Busy
    }

    /// Where the key is. For readers and the writer alike.
    #[inline]
    pub(super) fn find(&self, key: &[u64], hash: u64) -> Option<Found> {
        self.seek(key, hash).found
    }

    /// The same, and whether it can be told.
    #[inline]
    pub(super) fn seek(&self, key: &[u64], hash: u64) -> Sought {
        let mut at = self.home(hash);
        let mut passed_over = false;
        for _ in 0..self.slots() {
            match self.look(at, key, hash) {
                Seen::Empty => break,
                Seen::Other => {}
                Seen::Busy => passed_over = true,
                Seen::This { head, mark } => {
                    let (nomatch, ends) = (head & NOMATCH != 0, self.ends(at));
                    let found = Found { at, nomatch, ends, mark };
                    return Sought { found: Some(found), passed_over };
                }
            }
            at = (at + 1) & self.mask;
        }
        Sought { found: None, passed_over }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn home(&self, hash: u64) -> usize {
        // The tag is bits 16 to 31, the shard the top ones.
        ((hash >> 32) as usize ^ (hash as usize & 0xffff)) & self.mask
    }

    #[inline]
    fn ends(&self, at: usize) -> u64 {
        if !self.shape.timeout {
            return 0;
        }
        self.word(at, self.shape.ends_at()).map_or(0, |ends| ends.load(Relaxed))
    }

    #[inline]
    fn mark(&self, at: usize) -> MarkMap {
        if !self.shape.skbinfo {
            return MarkMap::default();
        }
        let word = self.word(at, self.shape.skbinfo_at()).map_or(0, |word| word.load(Relaxed));
        MarkMap::unpack(word)
    }

    /// Counts a packet and says what the counters are then; nothing counted where `bytes` is none.
    #[inline]
    pub(super) fn count(&self, at: usize, bytes: Option<u32>) -> (u64, u64) {
        let counters =
            (self.word(at, self.shape.packets_at()), self.word(at, self.shape.packets_at() + 1));
        let (true, (Some(packets), Some(all))) = (self.shape.counters, counters) else {
            return (0, 0);
        };
        match bytes {
            None => (packets.load(Relaxed), all.load(Relaxed)),
            Some(bytes) => {
                let bytes = u64::from(bytes);
                (packets.fetch_add(1, Relaxed) + 1, all.fetch_add(bytes, Relaxed) + bytes)
            }
        }
    }

    /// Enters a key that is not there. The caller is the only writer. `limit` is how many slots may be in use.
    pub(super) fn enter(
        &self,
        key: &[u64],
        hash: u64,
        value: Value,
        limit: usize,
    ) -> Result<(), NoRoom> {
        let mut at = self.home(hash);
        for _ in 0..self.slots() {
            let (head, _) = self.slot(at).ok_or(NoRoom)?;
            let before = head.load(Relaxed);
            match before & STATE {
                EMPTY if self.used() >= limit => return Err(NoRoom),
                EMPTY => {
                    self.used.fetch_add(1, Relaxed);
                    self.write(at, before, key, hash, value);
                    return Ok(());
                }
                GONE => {
                    self.gone.fetch_sub(1, Relaxed);
                    self.write(at, before, key, hash, value);
                    return Ok(());
                }
                _ => at = (at + 1) & self.mask,
            }
        }
        Err(NoRoom)
    }

    fn write(&self, at: usize, before: u64, key: &[u64], hash: u64, value: Value) {
        let Some((head, words)) = self.slot(at) else { return };
        let sequence = (before & !(ONE_SEQUENCE - 1)).wrapping_add(ONE_SEQUENCE);
        head.store(sequence | BUSY, Relaxed);
        fence(Release);
        for (word, value) in words.iter().zip(key) {
            word.store(*value, Relaxed);
        }
        self.set_ends(at, value.ends);
        self.set_counters(at, value.packets, value.bytes);
        self.set_skbinfo(at, value.skbinfo);
        let head_now = sequence | hash & TAG | Self::flags(value) | FULL;
        head.store(head_now, Release);
    }

    const fn flags(value: Value) -> u64 {
        (if value.nomatch { NOMATCH } else { 0 }) | if value.comment { COMMENT } else { 0 }
    }

    pub(super) fn set_ends(&self, at: usize, ends: u64) {
        if self.shape.timeout
            && let Some(word) = self.word(at, self.shape.ends_at())
        {
            word.store(ends, Relaxed);
        }
    }

    pub(super) fn set_counters(&self, at: usize, packets: u64, bytes: u64) {
        if self.shape.counters
            && let Some(first) = self.word(at, self.shape.packets_at())
            && let Some(second) = self.word(at, self.shape.packets_at() + 1)
        {
            first.store(packets, Relaxed);
            second.store(bytes, Relaxed);
        }
    }

    fn skbinfo_words(&self, at: usize) -> Option<[&AtomicU64; SkbInfo::WORDS]> {
        let first = self.shape.skbinfo_at();
        Some([self.word(at, first)?, self.word(at, first + 1)?]).filter(|_| self.shape.skbinfo)
    }

    fn set_skbinfo(&self, at: usize, skbinfo: SkbInfo) {
        for (word, value) in self.skbinfo_words(at).iter().flatten().zip(skbinfo.pack()) {
            word.store(value, Relaxed);
        }
    }

    /// Changes what is not the key. The caller is the only writer.
    pub(super) fn change(&self, at: usize, value: Value) {
        let Some((head, _)) = self.slot(at) else { return };
        self.set_ends(at, value.ends);
        self.set_counters(at, value.packets, value.bytes);
        self.set_skbinfo(at, value.skbinfo);
        let before = head.load(Relaxed) & !(NOMATCH | COMMENT);
        head.store(before.wrapping_add(ONE_SEQUENCE) | Self::flags(value), Release);
    }

    /// Frees a slot. The caller is the only writer.
    pub(super) fn clear(&self, at: usize) {
        let next_is_empty = self
            .slot((at + 1) & self.mask)
            .is_some_and(|(head, _)| head.load(Relaxed) & STATE == EMPTY);
        let Some((head, _)) = self.slot(at) else { return };
        let sequence = (head.load(Relaxed) & !(ONE_SEQUENCE - 1)).wrapping_add(ONE_SEQUENCE);
        if !next_is_empty {
            head.store(sequence | GONE, Release);
            self.gone.fetch_add(1, Relaxed);
            return;
        }
        // Nobody searches on from here: this slot and those gone before it are empty again.
        head.store(sequence | EMPTY, Release);
        self.used.fetch_sub(1, Relaxed);
        let mut at = at;
        for _ in 0..self.slots() {
            at = at.wrapping_sub(1) & self.mask;
            let Some((head, _)) = self.slot(at) else { return };
            let before = head.load(Relaxed);
            if before & STATE != GONE {
                return;
            }
            head.store(before.wrapping_add(ONE_SEQUENCE) & !STATE, Release);
            self.used.fetch_sub(1, Relaxed);
            self.gone.fetch_sub(1, Relaxed);
        }
    }

    /// The first full slot from where the hash points: what a set that is full gives up.
    pub(super) fn victim(&self, hash: u64) -> Option<usize> {
        let home = self.home(hash);
        (0..self.slots())
            .map(|step| (home + step) & self.mask)
            .find(|at| self.slot(*at).is_some_and(|(head, _)| head.load(Relaxed) & STATE == FULL))
    }

    /// What is in a slot; none when it is not full. The caller is the only writer.
    pub(super) fn read(&self, at: usize) -> Option<([u64; MAX_WORDS], Value)> {
        let (head, words) = self.slot(at)?;
        let head = head.load(Relaxed);
        if head & STATE != FULL {
            return None;
        }
        let mut key = [0; MAX_WORDS];
        for (to, from) in key.iter_mut().zip(words).take(self.shape.key) {
            *to = from.load(Relaxed);
        }
        let (packets, bytes) = self.count(at, None);
        let value = Value {
            nomatch: head & NOMATCH != 0,
            comment: head & COMMENT != 0,
            ends: self.ends(at),
            packets,
            bytes,
            skbinfo: self
                .skbinfo_words(at)
                .map(|words| SkbInfo::unpack(words.map(|word| word.load(Relaxed))))
                .unwrap_or_default(),
        };
        Some((key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { key: 1, timeout: true, counters: false, skbinfo: false };

    #[test]
    fn what_is_being_written_is_passed_over_and_said_so() {
        let table = Table::new(SHAPE, 16);
        let (key, hash) = ([7], 0x0007_0000);
        assert!(!table.seek(&key, hash).passed_over, "nothing is there");
        table.enter(&key, hash, Value { ends: 5, ..Value::default() }, 16).unwrap();
        let found = table.find(&key, hash).unwrap();
        assert_eq!(found.ends, 5);
        let (head, _) = table.slot(found.at).unwrap();
        let full = head.load(Relaxed);
        head.store(full & !STATE | BUSY, Relaxed);
        let sought = table.seek(&key, hash);
        assert!(sought.found.is_none() && sought.passed_over);
        head.store(full, Relaxed);
        let sought = table.seek(&key, hash);
        assert!(sought.found.is_some() && !sought.passed_over);
    }
}
