//! The elements of one set: shards of tables, each with its own writer's turn, read without a lock.
//!
//! A packet neither waits nor allocates. What rules add to has room for its elements from the start ([`Hash::expect_packets`]), and
//! is grown at half by commands and [`Hash::maintain`]. A packet that finds another writing for long, or no room all the same,
//! leaves its change to be made late; where that ring is full too, it is counted as [`Hash::missed`].

mod lookup;

use super::bounds::Lengths;
use super::changes::{SetChanges, Watch};
use super::key::{Key, Layout, MAX_WORDS};
use super::kind::{Header, Second};
use super::late::{Bell, Late, Waiting};
use super::skbinfo::SkbInfo;
use super::table::{Shape, Table, Value};
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
/// Elements for which room is made beforehand where packets are expected to add, if the set may have as many.
const EXPECTED: usize = 1 << 20;

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
    /// What it gives to packets from now on.
    pub(super) skbinfo: SkbInfo,
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
    /// Slots that a shard has at least.
    least: AtomicUsize,
    waiting: Waiting,
    bell: Bell,
    pub(super) watch: Watch,
}

#[allow(clippy::cast_possible_truncation)]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product >> 64) as u64 ^ product as u64
}

const fn is_over(ends: u64, now: Instant) -> bool {
    ends != 0 && ends <= now.0
}

/// Bytes of a name up to its end.
fn name_length(bits: u128) -> u8 {
    u8::try_from(16 - bits.trailing_zeros() / 8).unwrap_or(0)
}

impl Hash {
    pub(super) fn new(header: &Header, bell: Bell, changes: SetChanges) -> Self {
        let layout = Layout::of(header);
        let shape = Shape {
            key: layout.words(),
            timeout: header.timeout.is_some(),
            counters: header.counters,
            skbinfo: header.skbinfo,
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
            least: AtomicUsize::new(FIRST_SLOTS),
            waiting: Waiting::default(),
            bell,
            watch: Watch::new(header, changes),
        }
    }

    /// Makes room for what packets will add. Not for the packet path.
    pub(super) fn expect_packets(&self) {
        self.waiting.prepare();
        let most = EXPECTED.min(self.header.max_elements as usize);
        // Half as much again, as hashes do not fill shards evenly.
        let slots = (most.div_ceil(SHARDS) * 3 / 2).next_power_of_two().max(FIRST_SLOTS);
        if self.least.swap(slots, Relaxed) == slots {
            return;
        }
        for shard in &self.shards {
            let Some(_turn) = shard.turn(Who::Command) else { continue };
            let table = shard.table.load();
            if table.slots() < slots {
                // Nothing has timed out at the beginning of time.
                shard.table.store(Arc::new(self.copy(&table, Instant::default())));
            }
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

    /// Leaves a packet's change to [`Hash::maintain`], which is called for.
    fn leave(&self, change: Late) -> Result<(), Failed> {
        self.bell.ring();
        if self.waiting.push(change) {
            return Ok(());
        }
        self.missed.fetch_add(1, Relaxed);
        Err(Failed::Busy)
    }

    /// Enters an element, or where `exist` is set gives one that is there its values.
    pub(super) fn add(&self, new: &New, exist: bool, now: Instant, who: Who) -> Result<(), Failed> {
        match self.add_now(new, exist, now, who) {
            Err(Failed::Busy) => self.leave(Late::Add(*new, exist)),
            done => done,
        }
    }

    fn add_now(&self, new: &New, exist: bool, now: Instant, who: Who) -> Result<(), Failed> {
        let words = new.key.pack(self.layout);
        let words = words.get(..self.layout.words()).ok_or(Failed::Missing)?;
        let hash = self.hash(words);
        let shard = self.shard(hash).ok_or(Failed::Missing)?;
        let _turn = shard.turn(who).ok_or(Failed::Busy)?;
        let table = shard.table.load();
        let fresh = |counters: Option<(u64, u64)>| Value {
            nomatch: new.nomatch,
            comment: new.comment,
            ends: new.ends,
            packets: counters.map_or(0, |both| both.0),
            bytes: counters.map_or(0, |both| both.1),
            skbinfo: new.skbinfo,
        };
        if let Some(found) = table.find(words, hash) {
            let over = is_over(found.ends, now);
            if !exist && !over {
                return Err(Failed::Exists);
            }
            let kept = (!over).then(|| table.count(found.at, None));
            table.change(found.at, fresh(new.counters.or(kept)));
            // What a rule adds again and again is as it was.
            if (found.nomatch, found.ends) != (new.nomatch, new.ends) {
                self.changed(found.ends);
            }
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
            return Err(Failed::Busy);
        }
        if who == Who::Packet && table.is_tight() {
            self.bell.ring();
        }
        if done.is_err() || (who == Who::Command && table.is_tight()) {
            let grown = self.copy(&table, now);
            if done.is_err() {
                // It was made with room to spare.
                let _ = grown.enter(words, hash, fresh(new.counters), grown.slots());
            }
            shard.table.store(Arc::new(grown));
        }
        self.watch.changed();
        Ok(())
    }

    /// Takes a place in the count, from another element if need be and allowed.
    fn make_room(&self, table: &Table, hash: u64) -> Result<(), Failed> {
        let most = self.header.max_elements as usize;
        if self.count.fetch_add(1, Relaxed) < most {
            return Ok(());
        }
        if self.header.force_add
            && let Some((at, (key, value))) =
                table.victim(hash).and_then(|at| Some((at, table.read(at)?)))
        {
            self.take_out(table, at, (&Key::unpack(self.layout, key), value.ends));
            return Ok(());
        }
        self.count.fetch_sub(1, Relaxed);
        Err(Failed::Full)
    }

    fn take_out(&self, table: &Table, at: usize, (key, ends): (&Key, u64)) {
        table.clear(at);
        self.note(key, Lengths::remove);
        self.count.fetch_sub(1, Relaxed);
        self.changed(ends);
    }

    /// Whether no verdict depends on an element with such an end, which ends by itself or counts packets.
    const fn is_fleeting(&self, ends: u64) -> bool {
        ends != 0 || self.header.counters
    }

    /// Tells of a change of an element that had such an end, if somebody may depend on it.
    fn changed(&self, ended: u64) {
        if !self.is_fleeting(ended) {
            self.watch.changed();
        }
    }

    /// Takes an element out.
    pub(super) fn remove(&self, key: &Key, now: Instant, who: Who) -> Result<(), Failed> {
        // Behind an addition that waits.
        let waits = who == Who::Packet && !self.waiting.is_empty();
        let done = if waits { Err(Failed::Busy) } else { self.remove_now(key, now, who) };
        match done {
            Err(Failed::Busy) => self.leave(Late::Remove(*key)),
            done => done,
        }
    }

    fn remove_now(&self, key: &Key, now: Instant, who: Who) -> Result<(), Failed> {
        let words = key.pack(self.layout);
        let words = words.get(..self.layout.words()).ok_or(Failed::Missing)?;
        let hash = self.hash(words);
        let shard = self.shard(hash).ok_or(Failed::Missing)?;
        let _turn = shard.turn(who).ok_or(Failed::Busy)?;
        let table = shard.table.load();
        let found = table.find(words, hash).ok_or(Failed::Missing)?;
        self.take_out(&table, found.at, (key, found.ends));
        if is_over(found.ends, now) { Err(Failed::Missing) } else { Ok(()) }
    }

    /// A larger (or cleaner) table with the same elements. What packets count in the old one meanwhile is lost.
    fn copy(&self, table: &Table, now: Instant) -> Table {
        let live = (0..table.slots()).filter(|at| table.read(*at).is_some()).count();
        let copy = Table::new(self.shape, (live * 2).max(self.least.load(Relaxed)));
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

    /// Frees what has timed out, makes room ahead of what packets add, and makes the changes that wait.
    pub(super) fn maintain(&self, now: Instant) {
        for shard in &self.shards {
            let Some(_turn) = shard.turn(Who::Command) else { continue };
            let table = shard.table.load();
            if self.shape.timeout {
                for at in 0..table.slots() {
                    if let Some((key, value)) = table.read(at)
                        && is_over(value.ends, now)
                    {
                        self.take_out(&table, at, (&Key::unpack(self.layout, key), value.ends));
                    }
                }
            }
            if table.is_tight() {
                shard.table.store(Arc::new(self.copy(&table, now)));
            }
        }
        while let Some(change) = self.waiting.pop() {
            // One that is there already, or not any more, is as good as done.
            let _ = match change {
                Late::Add(new, exist) => self.add_now(&new, exist, now, Who::Command),
                Late::Remove(key) => self.remove_now(&key, now, Who::Command),
            };
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
        while self.waiting.pop().is_some() {}
        for shard in &self.shards {
            let Some(_turn) = shard.turn(Who::Command) else { continue };
            let table = shard.table.load();
            for at in 0..table.slots() {
                if let Some((key, value)) = table.read(at) {
                    self.take_out(&table, at, (&Key::unpack(self.layout, key), value.ends));
                }
            }
            let least = self.least.load(Relaxed);
            shard.table.store(Arc::new(Table::new(self.shape, least)));
        }
    }

    /// All shards as while they are copied.
    #[cfg(test)]
    pub(super) fn all_turns(&self) -> Vec<impl Drop> {
        self.shards.iter().filter_map(|shard| shard.turn(Who::Command)).collect()
    }
}
