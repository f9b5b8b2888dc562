//! The elements of one set: shards of tables, each with its own writer's turn, read without a lock.
//!
//! A packet that finds another writing gives up after some spins, and one that finds a shard nearly full does not make it
//! larger: both are counted as [`Hash::missed`]. Commands wait their turn and grow shards at half, so that packets find room.

use super::bounds::Lengths;
use super::key::{Key, Layout, MAX_WORDS};
use super::kind::{Header, Second};
use super::table::{Found, Shape, Table, Value};
use crate::time::Instant;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

const SHARDS: usize = 16;
/// Turns a packet waits for another writer.
const SPINS: usize = 256;
/// Slots of a shard to begin with.
const FIRST_SLOTS: usize = 16;

/// Who changes a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// A worker: must neither wait nor allocate.
    Packet,
    /// A command.
    Command,
}

/// Why an element was not entered or taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    Exists,
    Missing,
    Full,
    Busy,
}

/// The right to write, given back when dropped.
struct Turn<'a>(&'a AtomicBool);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Release);
    }
}

#[derive(Debug)]
struct Shard {
    table: ArcSwap<Table>,
    writing: AtomicBool,
}

impl Shard {
    fn turn(&self, who: Who) -> Option<Turn<'_>> {
        let mut spins = 0;
        while self.writing.compare_exchange_weak(false, true, Acquire, Relaxed).is_err() {
            spins += 1;
            match who {
                Who::Packet if spins > SPINS => return None,
                Who::Command if spins > SPINS => std::thread::yield_now(),
                Who::Packet | Who::Command => std::hint::spin_loop(),
            }
        }
        Some(Turn(&self.writing))
    }
}

/// What to enter.
#[derive(Debug, Clone, Copy)]
pub(super) struct New {
    pub(super) key: Key,
    pub(super) nomatch: bool,
    pub(super) comment: bool,
    pub(super) ends: u64,
    /// Packets and bytes; none: 0 if new, else as they are.
    pub(super) counters: Option<(u64, u64)>,
}

#[derive(Debug)]
pub(super) struct Hash {
    header: Header,
    layout: Layout,
    shape: Shape,
    secret: [u64; 2],
    shards: Box<[Shard]>,
    lengths: Lengths,
    second_lengths: Lengths,
    /// Lengths of interface names that are beginnings.
    beginnings: Lengths,
    count: AtomicUsize,
    missed: AtomicU64,
}

#[allow(clippy::cast_possible_truncation)]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product >> 64) as u64 ^ product as u64
}

const fn is_over(ends: u64, now: Instant) -> bool {
    ends != 0 && ends <= now.0
}

fn name_length(bits: u128) -> u8 {
    u8::try_from(16 - bits.trailing_zeros() / 8).unwrap_or(0)
}

fn name_beginning(bits: u128, length: u8) -> u128 {
    bits & u128::MAX.checked_shl(8 * (16 - u32::from(length))).unwrap_or(0)
}

impl Hash {
    pub(super) fn new(header: &Header) -> Self {
        let layout = Layout::of(header);
        let shape = Shape {
            key: layout.words(),
            timeout: header.timeout.is_some(),
            counters: header.counters,
        };
        let shard = || Shard {
            table: ArcSwap::from_pointee(Table::new(shape, FIRST_SLOTS)),
            writing: AtomicBool::new(false),
        };
        Self {
            header: *header,
            layout,
            shape,
            secret: [
                fold(u64::from(header.seed) | 1, 0x9e37_79b9_7f4a_7c15),
                fold(u64::from(header.seed) ^ 0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b) | 1,
            ],
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            lengths: Lengths::new(),
            second_lengths: Lengths::new(),
            beginnings: Lengths::new(),
            count: AtomicUsize::new(0),
            missed: AtomicU64::new(0),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }
    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Relaxed)
    }
    pub(super) fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.table.load().bytes()).sum()
    }
    /// Longest prefixes there are, of hosts where there are none: what a packet adds.
    pub(super) fn longest(&self) -> (u8, u8) {
        let host = self.header.address_bits();
        (self.lengths.longest().unwrap_or(host), self.second_lengths.longest().unwrap_or(host))
    }

    #[inline]
    fn hash(&self, words: &[u64]) -> u64 {
        let [one, two] = self.secret;
        let mixed = words.iter().fold(one, |mixed, word| fold(mixed ^ word, two));
        fold(mixed ^ one, 0x9e37_79b9_7f4a_7c15)
    }

    #[allow(clippy::cast_possible_truncation)]
    #[inline]
    fn shard(&self, hash: u64) -> Option<&Shard> {
        self.shards.get((hash >> 60) as usize % SHARDS)
    }

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
    pub(super) fn has(&self, key: &Key, now: Instant) -> Option<bool> {
        self.exact(key, now, &mut |_, found| Some(found.nomatch))
    }

    /// The elements that cover a host's key, the most particular first, until `on` has an answer.
    #[inline]
    pub(super) fn covering<T>(
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

    fn note(&self, key: &Key, change: impl Fn(&Lengths, u8)) {
        if self.header.kind.first_is_net() {
            change(&self.lengths, key.prefix);
        }
        if self.header.kind.second() == Second::Net {
            change(&self.second_lengths, key.second_prefix);
        }
        if key.wildcard {
            change(&self.beginnings, name_length(key.second));
        }
    }

    fn busy(&self) -> Failed {
        self.missed.fetch_add(1, Relaxed);
        Failed::Busy
    }

    /// Enters an element, or where `exist` is set gives one that is there its values.
    pub(super) fn add(&self, new: &New, exist: bool, now: Instant, who: Who) -> Result<(), Failed> {
        let words = new.key.pack(self.layout);
        let words = words.get(..self.layout.words()).ok_or(Failed::Missing)?;
        let hash = self.hash(words);
        let shard = self.shard(hash).ok_or(Failed::Missing)?;
        let _turn = shard.turn(who).ok_or_else(|| self.busy())?;
        let table = shard.table.load();
        let fresh = |counters: Option<(u64, u64)>| Value {
            nomatch: new.nomatch,
            comment: new.comment,
            ends: new.ends,
            packets: counters.map_or(0, |both| both.0),
            bytes: counters.map_or(0, |both| both.1),
        };
        if let Some(found) = table.find(words, hash) {
            let over = is_over(found.ends, now);
            if !exist && !over {
                return Err(Failed::Exists);
            }
            let kept = (!over).then(|| table.count(found.at, None));
            table.change(found.at, fresh(new.counters.or(kept)));
            return Ok(());
        }
        self.make_room(&table, hash)?;
        // What goes into the set must be found by lookups that go by lengths.
        self.note(&new.key, Lengths::add);
        let limit = table.slots() / 8 * 7;
        let done = table.enter(words, hash, fresh(new.counters), limit);
        if done.is_err() && who == Who::Packet {
            self.note(&new.key, Lengths::remove);
            self.count.fetch_sub(1, Relaxed);
            return Err(self.busy());
        }
        if done.is_err() || (who == Who::Command && Self::is_tight(&table)) {
            let grown = self.copy(&table, now);
            if done.is_err() {
                // It was made with room to spare.
                let _ = grown.enter(words, hash, fresh(new.counters), grown.slots());
            }
            shard.table.store(Arc::new(grown));
        }
        Ok(())
    }

    /// Takes a place in the count, from another element if need be and allowed.
    fn make_room(&self, table: &Table, hash: u64) -> Result<(), Failed> {
        let most = self.header.max_elements as usize;
        if self.count.fetch_add(1, Relaxed) < most {
            return Ok(());
        }
        if self.header.force_add
            && let Some((at, key)) = table
                .victim(hash)
                .and_then(|at| Some((at, Key::unpack(self.layout, table.read(at)?.0))))
        {
            self.take_out(table, at, &key);
            return Ok(());
        }
        self.count.fetch_sub(1, Relaxed);
        Err(Failed::Full)
    }

    fn take_out(&self, table: &Table, at: usize, key: &Key) {
        table.clear(at);
        self.note(key, Lengths::remove);
        self.count.fetch_sub(1, Relaxed);
    }

    /// Takes an element out.
    pub(super) fn remove(&self, key: &Key, now: Instant, who: Who) -> Result<(), Failed> {
        let words = key.pack(self.layout);
        let words = words.get(..self.layout.words()).ok_or(Failed::Missing)?;
        let hash = self.hash(words);
        let shard = self.shard(hash).ok_or(Failed::Missing)?;
        let _turn = shard.turn(who).ok_or_else(|| self.busy())?;
        let table = shard.table.load();
        let found = table.find(words, hash).ok_or(Failed::Missing)?;
        self.take_out(&table, found.at, key);
        if is_over(found.ends, now) { Err(Failed::Missing) } else { Ok(()) }
    }

    fn is_tight(table: &Table) -> bool {
        table.used() * 3 > table.slots() * 2
    }

    /// A larger (or cleaner) table with the same elements. What packets count in the old one meanwhile is lost.
    fn copy(&self, table: &Table, now: Instant) -> Table {
        let live = (0..table.slots()).filter(|at| table.read(*at).is_some()).count();
        let copy = Table::new(self.shape, (live * 2).max(FIRST_SLOTS));
        for (key, value) in (0..table.slots()).filter_map(|at| table.read(at)) {
            if is_over(value.ends, now) {
                self.note(&Key::unpack(self.layout, key), Lengths::remove);
                self.count.fetch_sub(1, Relaxed);
                continue;
            }
            if let Some(words) = key.get(..self.layout.words()) {
                let _ = copy.enter(words, self.hash(words), value, copy.slots());
            }
        }
        copy
    }

    /// Frees what has timed out and makes room ahead of what packets add.
    pub(super) fn maintain(&self, now: Instant) {
        for shard in &self.shards {
            let Some(_turn) = shard.turn(Who::Command) else { continue };
            let table = shard.table.load();
            if self.shape.timeout {
                for at in 0..table.slots() {
                    if let Some((key, value)) = table.read(at)
                        && is_over(value.ends, now)
                    {
                        self.take_out(&table, at, &Key::unpack(self.layout, key));
                    }
                }
            }
            if table.used() * 2 > table.slots() {
                shard.table.store(Arc::new(self.copy(&table, now)));
            }
        }
    }

    /// Every element that has not timed out, in no order.
    pub(super) fn all(&self, now: Instant) -> Vec<(Key, Value)> {
        let mut all = Vec::with_capacity(self.len());
        for shard in &self.shards {
            let Some(_turn) = shard.turn(Who::Command) else { continue };
            let table = shard.table.load();
            let live = (0..table.slots())
                .filter_map(|at| table.read(at))
                .filter(|(_, value)| !is_over(value.ends, now))
                .map(|(key, value): ([u64; MAX_WORDS], Value)| {
                    (Key::unpack(self.layout, key), value)
                });
            all.extend(live);
        }
        all
    }

    /// Takes everything out.
    pub(super) fn flush(&self) {
        for shard in &self.shards {
            let Some(_turn) = shard.turn(Who::Command) else { continue };
            let table = shard.table.load();
            for at in 0..table.slots() {
                if let Some((key, _)) = table.read(at) {
                    self.take_out(&table, at, &Key::unpack(self.layout, key));
                }
            }
            shard.table.store(Arc::new(Table::new(self.shape, FIRST_SLOTS)));
        }
    }
}
