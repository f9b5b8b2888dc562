//! The table of neighbours: written by the control thread, read by all workers.
//!
//! ```text
//!   buckets: head ──> entry ──> entry        entry: key (fixed while it is linked), next,
//!            head ──> entry                         one word with link state and MAC,
//!                                                   second of last use
//! ```
//!
//! What changes under readers is one atomic word per entry, so [`link`](NeighbourTable::link) is one
//! load and never torn. A key is written before its entry is linked and stays until every worker has
//! passed a quiescent point after the entry was unlinked.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::address::Mac;
use crate::ids::{InterfaceId, NeighbourId};
use crate::published::{Quiescence, Retired};

/// What a worker can do with a packet for a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Send it there.
    Resolved(Mac),
    /// Park it: the answer is awaited or has to be asked for.
    Unresolved,
    /// It did not answer; asking again is allowed.
    Failed,
}

impl Link {
    const UNRESOLVED: u64 = 0;
    const FAILED: u64 = 1 << 48;
    const RESOLVED: u64 = 2 << 48;

    fn encode(self) -> u64 {
        match self {
            Self::Unresolved => Self::UNRESOLVED,
            Self::Failed => Self::FAILED,
            Self::Resolved(Mac([a, b, c, d, e, f])) => {
                Self::RESOLVED | u64::from_be_bytes([0, 0, a, b, c, d, e, f])
            }
        }
    }

    const fn decode(word: u64) -> Self {
        if word & Self::RESOLVED != 0 {
            let [_, _, a, b, c, d, e, f] = word.to_be_bytes();
            return Self::Resolved(Mac([a, b, c, d, e, f]));
        }
        if word == Self::FAILED { Self::Failed } else { Self::Unresolved }
    }
}

/// An interface and an address on it.
pub type Key = (InterfaceId, IpAddr);

#[derive(Debug, Default)]
struct Entry {
    high: AtomicU64,
    low: AtomicU64,
    /// Interface in the upper half, IP version in the lower.
    scope: AtomicU32,
    /// The next entry of the bucket, plus one.
    next: AtomicU32,
    link: AtomicU64,
    /// Second of the last use by a worker.
    used: AtomicU32,
    /// How often a neighbour was given the entry, or lost it.
    lives: AtomicU32,
}

/// The readers' half. See the module's head.
#[derive(Debug)]
pub struct NeighbourTable {
    entries: Box<[Entry]>,
    /// First entry of each chain, plus one.
    buckets: Box<[AtomicU32]>,
    changes: AtomicU32,
    seed: u64,
}

impl NeighbourTable {
    /// An empty table of `capacity` entries, rounded up to a power of two; `seed` keeps those who
    /// choose addresses from choosing buckets.
    #[must_use]
    pub fn new(capacity: usize, seed: u64) -> Arc<Self> {
        let capacity = capacity.clamp(1, 1 << 24).next_power_of_two();
        Arc::new(Self {
            entries: (0..capacity).map(|_| Entry::default()).collect(),
            buckets: (0..2 * capacity).map(|_| AtomicU32::new(0)).collect(),
            changes: AtomicU32::new(0),
            seed,
        })
    }

    /// The entry of `address` on `interface`.
    #[must_use]
    pub fn find(&self, interface: InterfaceId, address: IpAddr) -> Option<NeighbourId> {
        let words = Words::of((interface, address));
        let mut next = self.bucket(words)?.load(Ordering::Acquire);
        while let Some(id) = next.checked_sub(1) {
            let entry = self.entries.get(id as usize)?;
            if entry.words() == words {
                return Some(NeighbourId(id));
            }
            next = entry.next.load(Ordering::Acquire);
        }
        None
    }

    /// Where packets for the neighbour go now.
    #[must_use]
    pub fn link(&self, id: NeighbourId) -> Link {
        let word =
            self.entry(id).map_or(Link::UNRESOLVED, |entry| entry.link.load(Ordering::Acquire));
        Link::decode(word)
    }

    /// Moves on when the entry is given to a neighbour and when it is taken away. Whoever remembers its number for longer
    /// than a burst remembers this too: as long as it stays, the number means the same neighbour for the whole burst.
    pub(crate) fn lives(&self, id: NeighbourId) -> u32 {
        self.entry(id).map_or(0, |entry| entry.lives.load(Ordering::Relaxed))
    }

    /// A number that moves on after each change of a link: whoever reads it, then links, may keep those as long as
    /// it stays.
    pub(crate) fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// Notes that a packet went to the neighbour in this second of the caller's clock: an entry gone
    /// stale is then verified.
    pub fn mark_used(&self, id: NeighbourId, now_seconds: u32) {
        if let Some(entry) = self.entry(id)
            && entry.used.load(Ordering::Relaxed) != now_seconds
        {
            entry.used.store(now_seconds, Ordering::Relaxed);
        }
    }

    /// Second of the last use.
    #[must_use]
    pub fn used(&self, id: NeighbourId) -> u32 {
        self.entry(id).map_or(0, |entry| entry.used.load(Ordering::Relaxed))
    }

    /// Interface and address of an entry.
    #[must_use]
    pub fn key(&self, id: NeighbourId) -> Option<Key> {
        self.entry(id)?.words().key()
    }

    /// Entries there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.entries.len()
    }

    fn entry(&self, id: NeighbourId) -> Option<&Entry> {
        self.entries.get(id.index())
    }

    fn bucket(&self, words: Words) -> Option<&AtomicU32> {
        let mut hash = self.seed;
        for word in [words.high, words.low, u64::from(words.scope)] {
            let wide = u128::from(hash ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
            hash = (wide as u64) ^ ((wide >> 64) as u64) ^ self.seed.rotate_left(23);
        }
        self.buckets.get((hash ^ (hash >> 32)) as usize & (self.buckets.len() - 1))
    }
}

/// A key as it stands in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Words {
    high: u64,
    low: u64,
    scope: u32,
}

impl Words {
    fn of((interface, address): Key) -> Self {
        let (bits, version) = match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), 4),
            IpAddr::V6(v6) => (v6.to_bits(), 6),
        };
        Self {
            high: (bits >> 64) as u64,
            low: bits as u64,
            scope: u32::from(interface.0) << 16 | version,
        }
    }

    fn key(self) -> Option<Key> {
        let interface = InterfaceId((self.scope >> 16) as u16);
        match self.scope & 0xffff {
            4 => Some((interface, IpAddr::V4((self.low as u32).into()))),
            6 => {
                let bits = u128::from(self.high) << 64 | u128::from(self.low);
                Some((interface, IpAddr::V6(bits.into())))
            }
            _ => None,
        }
    }
}

impl Entry {
    fn words(&self) -> Words {
        Words {
            high: self.high.load(Ordering::Relaxed),
            low: self.low.load(Ordering::Relaxed),
            scope: self.scope.load(Ordering::Relaxed),
        }
    }

    fn set(&self, words: Words) {
        self.high.store(words.high, Ordering::Relaxed);
        self.low.store(words.low, Ordering::Relaxed);
        self.scope.store(words.scope, Ordering::Relaxed);
    }
}

/// The writer's half: which entries are free. One per table.
#[derive(Debug)]
pub(super) struct Slots {
    table: Arc<NeighbourTable>,
    free: Vec<NeighbourId>,
    retired: Retired<NeighbourId>,
}

impl Slots {
    pub(super) fn new(table: Arc<NeighbourTable>) -> Self {
        let free = (0..table.capacity() as u32).rev().map(NeighbourId).collect();
        Self { table, free, retired: Retired::default() }
    }

    pub(super) fn table(&self) -> &NeighbourTable {
        &self.table
    }

    /// Links a new, unresolved entry; the key must not be there yet. None when no entry is free.
    pub(super) fn insert(&mut self, key: Key, now_seconds: u32) -> Option<NeighbourId> {
        let words = Words::of(key);
        let head = self.table.bucket(words)?;
        let id = self.free.pop()?;
        let entry = self.table.entry(id)?;
        entry.set(words);
        entry.lives.fetch_add(1, Ordering::Relaxed);
        entry.link.store(Link::UNRESOLVED, Ordering::Relaxed);
        entry.used.store(now_seconds, Ordering::Relaxed);
        entry.next.store(head.load(Ordering::Relaxed), Ordering::Relaxed);
        head.store(id.0 + 1, Ordering::Release);
        Some(id)
    }

    /// Changes what workers do with packets for the neighbour.
    pub(super) fn set(&self, id: NeighbourId, link: Link) {
        if let Some(entry) = self.table.entry(id) {
            entry.link.store(link.encode(), Ordering::Release);
            self.table.changes.fetch_add(1, Ordering::Release);
        }
    }

    /// Unlinks an entry. Workers still inside it find their way on, and those who remember its
    /// number find that its [`lives`](NeighbourTable::lives) have moved on. Nobody else gets it until
    /// [`reclaim`](Self::reclaim).
    pub(super) fn remove(&mut self, id: NeighbourId) {
        let Some(entry) = self.table.entry(id) else { return };
        let Some(mut place) = self.table.bucket(entry.words()) else { return };
        loop {
            let Some(at) = place.load(Ordering::Relaxed).checked_sub(1) else { return };
            if at == id.0 {
                break;
            }
            let Some(next) = self.table.entry(NeighbourId(at)) else { return };
            place = &next.next;
        }
        place.store(entry.next.load(Ordering::Relaxed), Ordering::Release);
        entry.lives.fetch_add(1, Ordering::Relaxed);
        self.set(id, Link::Unresolved);
        self.retired.push(id);
    }

    pub(super) fn reclaim(&mut self, quiescence: &Quiescence) {
        let free = &mut self.free;
        self.retired.reclaim(quiescence, |id| free.push(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::WorkerId;
    use std::collections::HashMap;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use proptest::prelude::*;

    fn address(number: u32) -> IpAddr {
        if number.is_multiple_of(2) {
            Ipv4Addr::from_bits(number).into()
        } else {
            Ipv6Addr::from_bits(u128::from(number) << 60).into()
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in proptest::collection::vec((0u16..2, 0u32..40, 0u8..4), 1..300)) {
            let mut slots = Slots::new(NeighbourTable::new(32, 7));
            let quiescence = Quiescence::new(0);
            let mut map = HashMap::new();
            for (interface, number, action) in steps {
                let key = (InterfaceId(interface), address(number));
                let known = map.get(&key).copied();
                match (action, known) {
                    (0, Some(id)) => {
                        slots.remove(id);
                        map.remove(&key);
                        prop_assert_eq!(slots.table().link(id), Link::Unresolved);
                    }
                    (1, Some(id)) => {
                        slots.set(id, Link::Resolved(Mac([1, 2, 3, 4, 5, number as u8])));
                        prop_assert_eq!(
                            slots.table().link(id),
                            Link::Resolved(Mac([1, 2, 3, 4, 5, number as u8]))
                        );
                        slots.set(id, Link::Failed);
                        prop_assert_eq!(slots.table().link(id), Link::Failed);
                    }
                    (2, _) => slots.reclaim(&quiescence),
                    (_, None) => match slots.insert(key, 5) {
                        Some(id) => {
                            prop_assert_eq!(slots.table().link(id), Link::Unresolved);
                            map.insert(key, id);
                        }
                        None => prop_assert_eq!(map.len() + slots.retired.len(), 32),
                    },
                    _ => {}
                }
                for interface in 0..2 {
                    for number in 0..40 {
                        let key = (InterfaceId(interface), address(number));
                        let found = slots.table().find(key.0, key.1);
                        prop_assert_eq!(found, map.get(&key).copied());
                        if let Some(id) = found {
                            prop_assert_eq!(slots.table().key(id), Some(key));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn all_ones_and_all_zeros_are_macs() {
        for mac in [Mac::BROADCAST, Mac([0; 6])] {
            let link = Link::Resolved(mac);
            assert_eq!(Link::decode(link.encode()), link);
        }
    }

    #[test]
    fn readers_find_what_stays_while_neighbours_come_and_go() {
        let table = NeighbourTable::new(64, 3);
        let mut slots = Slots::new(Arc::clone(&table));
        let quiescence = Quiescence::new(2);
        let interface = InterfaceId(1);
        let mac = |number: u32| Mac([0, 0, number as u8, number as u8, number as u8, number as u8]);
        for number in 0..16 {
            let id = slots.insert((interface, address(number)), 0).unwrap();
            slots.set(id, Link::Resolved(mac(number)));
        }
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for worker in 0..2 {
                let (table, quiescence, stop) = (&table, &quiescence, &stop);
                scope.spawn(move || {
                    let mut own = quiescence.worker(WorkerId(worker)).unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        own.quiescent();
                        for number in 0..64 {
                            let Some(id) = table.find(interface, address(number)) else {
                                assert!(number >= 16, "{number} is always there");
                                continue;
                            };
                            // Dawdle, as a packet does between its stages: the number must still
                            // mean this neighbour, or nobody.
                            (0..200).for_each(|_| std::hint::spin_loop());
                            match table.link(id) {
                                Link::Resolved(found) => assert_eq!(found, mac(number)),
                                Link::Unresolved => assert!(number >= 16),
                                Link::Failed => panic!("nothing failed"),
                            }
                        }
                    }
                });
            }
            for turn in 0..10_000u32 {
                let key = (interface, address(16 + turn * 7 % 48));
                match table.find(key.0, key.1) {
                    Some(id) => slots.remove(id),
                    None => {
                        if let Some(id) = slots.insert(key, 0) {
                            slots.set(id, Link::Resolved(mac(16 + turn * 7 % 48)));
                        } else {
                            thread::yield_now();
                        }
                    }
                }
                slots.reclaim(&quiescence);
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
