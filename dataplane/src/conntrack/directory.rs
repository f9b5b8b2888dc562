//! Which worker owns which tuple, shared by all workers and touched only when connections begin, end,
//! or arrive at the wrong worker.
//!
//! ```text
//!   fingerprint 54 bits | owner 8 bits | state 2 bits       one atomic word an entry
//!   8 entries a cache line; a tuple stands in its home line where that is not crowded, or in another
//! ```
//!
//! **At most one claim of a tuple succeeds.** A claim stands in three steps, all sequentially
//! consistent: (1) put a *tentative* entry into an empty slot; (2) read the 16 slots the tuple may
//! stand in; withdraw for a committed entry or a tentative one in a lower slot, and remove
//! tentative ones in higher slots by compare-and-swap; (3) turn the own entry from tentative to
//! *committed* by compare-and-swap, which fails if somebody removed it.
//!
//! Proof. Let A in slot a and B in a higher slot b both commit, neither released in between. In the
//! single order of all these operations one of the two (1)s comes first. If it is A's, B's (2) reads
//! a after A's (1) and finds A tentative or committed: B withdraws. If it is B's, A's (2) reads b
//! after B's (1) and finds it tentative or committed. If committed, A withdraws. If tentative, A's
//! compare-and-swap either removes it, and B's (3) fails, or fails itself because B has
//! committed meanwhile; then A reads again, finds it committed and withdraws. Either way one of them does
//! not commit. A removed slot that was taken again by the same worker for the same tuple only repeats
//! the argument; a worker makes one claim at a time. ∎
//!
//! A tuple whose fingerprint and lines equal another's (one in 2⁵⁴) counts as taken.

use super::hash::HashKey;
use crate::address::Address;
use crate::ids::WorkerId;
use crate::tuple::Tuple;
use std::marker::PhantomData;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

/// How a claim ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The tuple is the claimant's now.
    Won,
    /// It was this worker's already (possibly the claimant's own).
    Owned(WorkerId),
    /// No room.
    Full,
}

/// Tuples and their owners.
#[derive(Debug)]
pub struct Directory<A> {
    lines: Box<[Line]>,
    key: HashKey,
    family: PhantomData<A>,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; 8]);

/// Which of the two lines a tuple may stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Where ten of eleven stand in a table that holds as many as it has promised.
    Home,
    /// Where those stand whose home was crowded.
    Other,
}

impl Place {
    /// In the order in which they are looked at.
    pub(super) const BOTH: [Self; 2] = [Self::Home, Self::Other];
}

/// A home line with fewer free slots is crowded: then the emptier of the two takes a new entry. So both lines of a tuple
/// are as seldom full as if the emptier always did, and most tuples are found by one look.
const UNCROWDED: u32 = 4;

const EMPTY: u64 = 0;
const TENTATIVE: u64 = 1;
const COMMITTED: u64 = 2;
const STATE: u64 = 0x3;
const OWNER: u64 = 0xff << 2;
const FINGERPRINT: u64 = !(STATE | OWNER);

/// The word of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry(u64);

impl Entry {
    const fn tentative(hash: u64, owner: WorkerId) -> Self {
        Self(hash & FINGERPRINT | (owner.0 as u64) << 2 | TENTATIVE)
    }
    const fn committed(self) -> Self {
        Self(self.0 & !STATE | COMMITTED)
    }
    const fn is_for(self, hash: u64) -> bool {
        self.0 & STATE != EMPTY && (self.0 ^ hash) & FINGERPRINT == 0
    }
    const fn is_committed(self) -> bool {
        self.0 & STATE == COMMITTED
    }
    const fn owner(self) -> WorkerId {
        let [.., low] = ((self.0 & OWNER) >> 2).to_be_bytes();
        WorkerId(low)
    }
}

impl<A: Address> Directory<A> {
    /// Room for `capacity` tuples (two a connection), lines being half full then; `key` is the
    /// hash's.
    #[must_use]
    pub fn new(capacity: usize, key: [u64; 2]) -> Self {
        let lines = capacity.div_ceil(4).next_power_of_two().max(2);
        let lines = (0..lines).map(|_| Line::default()).collect();
        Self { lines, key: HashKey(key), family: PhantomData }
    }

    /// Claims `tuple` for `worker`. Only that worker's thread may claim for it.
    pub fn claim(&self, tuple: &Tuple<A>, worker: WorkerId) -> Claim {
        self.claim_by_hash(self.key.hash(tuple), worker)
    }

    /// The key of the hashes it takes.
    pub(super) const fn key(&self) -> HashKey {
        self.key
    }

    /// As [`Self::claim`].
    pub(super) fn claim_by_hash(&self, hash: u64, worker: WorkerId) -> Claim {
        // Each round lost without an owner means that another claimant moved on.
        const ROUNDS: usize = 64;
        for _ in 0..ROUNDS {
            if let Some(entry) = self.committed(hash) {
                return Claim::Owned(entry.owner());
            }
            let entry = Entry::tentative(hash, worker);
            let Some(slot) = self.put(hash, entry) else { return Claim::Full };
            let contest = self.contest(hash, slot);
            let place = self.slots(hash).nth(slot);
            let change = |to: u64| {
                place.is_some_and(|place| {
                    place.compare_exchange(entry.0, to, SeqCst, SeqCst).is_ok()
                })
            };
            match contest {
                None if change(entry.committed().0) => return Claim::Won,
                // Removed by a claim in a lower slot: see what became of it.
                None => {}
                Some(winner) => {
                    change(EMPTY);
                    if winner.is_committed() {
                        return Claim::Owned(winner.owner());
                    }
                }
            }
            std::hint::spin_loop();
        }
        Claim::Full
    }

    /// Brings one line of the tuple with this hash towards L1.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64, place: Place) {
        if let Some(line) = self.line(hash, place) {
            dpdk::cpu::prefetch(line);
        }
    }

    /// The worker that owns the tuple with this hash, if the tuple stands in that line.
    #[inline]
    pub(super) fn owner_in(&self, hash: u64, place: Place) -> Option<WorkerId> {
        self.committed_in(hash, place).map(Entry::owner)
    }

    /// The worker that owns `tuple`.
    #[must_use]
    pub fn owner(&self, tuple: &Tuple<A>) -> Option<WorkerId> {
        self.owner_by_hash(self.key.hash(tuple))
    }

    /// As [`Self::owner`].
    #[inline]
    pub(super) fn owner_by_hash(&self, hash: u64) -> Option<WorkerId> {
        self.committed(hash).map(Entry::owner)
    }

    /// Gives `tuple` back, if it is `worker`'s. Only that worker's thread may.
    pub fn release(&self, tuple: &Tuple<A>, worker: WorkerId) {
        self.release_by_hash(self.key.hash(tuple), worker);
    }

    /// As [`Self::release`].
    pub(super) fn release_by_hash(&self, hash: u64, worker: WorkerId) {
        let entry = Entry::tentative(hash, worker).committed();
        // Nobody but `worker` changes its committed entries; a look costs less than an exchange that fails.
        if let Some(slot) = self.slots(hash).find(|slot| slot.load(SeqCst) == entry.0) {
            slot.store(EMPTY, SeqCst);
        }
    }

    /// Tuples in the directory. Walks it: for the control plane and tests.
    #[must_use]
    pub fn len(&self) -> usize {
        let words = self.lines.iter().flat_map(|line| &line.0);
        words.filter(|word| word.load(SeqCst) & STATE == COMMITTED).count()
    }

    /// Whether no tuple is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slots `hash` may stand in, always in the same order.
    fn slots(&self, hash: u64) -> impl Iterator<Item = &AtomicU64> {
        Place::BOTH
            .into_iter()
            .filter_map(move |place| self.line(hash, place))
            .flat_map(|line| &line.0)
    }

    #[inline]
    fn line(&self, hash: u64, place: Place) -> Option<&Line> {
        let mask = self.lines.len() - 1;
        // The low ten bits are not in the fingerprint; the rest of the index need not be.
        let home = hash as usize & mask;
        self.lines.get(match place {
            Place::Home => home,
            Place::Other => home ^ ((hash >> 32) as usize & mask).max(1),
        })
    }

    #[inline]
    fn committed(&self, hash: u64) -> Option<Entry> {
        Place::BOTH.into_iter().find_map(|place| self.committed_in(hash, place))
    }

    #[inline]
    fn committed_in(&self, hash: u64, place: Place) -> Option<Entry> {
        let wanted = hash & FINGERPRINT | COMMITTED;
        let words = self.line(hash, place)?.0.iter().map(|slot| slot.load(SeqCst));
        words.map(Entry).find(|entry| (entry.0 ^ wanted) & !OWNER == 0)
    }

    /// Step 1: an empty slot takes `entry`, at home where that is not crowded, otherwise in the emptier line.
    fn put(&self, hash: u64, entry: Entry) -> Option<usize> {
        let mut free = [0u32; 2];
        for (index, slot) in self.slots(hash).enumerate() {
            let is_free = slot.load(SeqCst) == EMPTY;
            free[usize::from(index >= 8)] += u32::from(is_free);
        }
        let [home, other] = free;
        let start = if home < UNCROWDED && other > home { 8 } else { 0 };
        (start..16).chain(0..start).find(|&index| {
            self.slots(hash)
                .nth(index)
                .is_some_and(|slot| slot.compare_exchange(EMPTY, entry.0, SeqCst, SeqCst).is_ok())
        })
    }

    /// Step 2: the entry that beats the one in `own`, if any; those it beats are removed.
    fn contest(&self, hash: u64, own: usize) -> Option<Entry> {
        for (index, slot) in self.slots(hash).enumerate() {
            let mut entry = Entry(slot.load(SeqCst));
            while index != own && entry.is_for(hash) {
                if entry.is_committed() || index < own {
                    return Some(entry);
                }
                match slot.compare_exchange(entry.0, EMPTY, SeqCst, SeqCst) {
                    Ok(_) => break,
                    Err(now) => entry = Entry(now),
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{L4Port, V4};
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering::Relaxed;

    const KEY: [u64; 2] = [0x1234_5678_9abc_def1, 0x0fed_cba9_8765_4321];

    fn tuple(number: u32) -> Tuple<V4> {
        let [a, b, c, d] = number.to_be_bytes();
        Tuple {
            source: V4([10, 0, a, b]),
            source_port: L4Port::from_wire([c, d]),
            protocol: 17,
            ..Tuple::default()
        }
    }

    #[test]
    fn a_tuple_has_one_owner_until_released() {
        let directory = Directory::new(64, KEY);
        let (one, two) = (WorkerId(0), WorkerId(1));
        assert_eq!(directory.claim(&tuple(1), one), Claim::Won);
        assert_eq!(directory.claim(&tuple(1), two), Claim::Owned(one));
        assert_eq!(directory.claim(&tuple(1), one), Claim::Owned(one));
        directory.release(&tuple(1), two);
        assert_eq!(directory.owner(&tuple(1)), Some(one), "only the owner releases");
        directory.release(&tuple(1), one);
        assert_eq!(directory.owner(&tuple(1)), None);
        assert_eq!(directory.claim(&tuple(1), two), Claim::Won);
    }

    #[test]
    fn it_holds_what_it_promises_and_says_when_full() {
        let directory = Directory::new(4096, KEY);
        for number in 0..4096 {
            assert_eq!(directory.claim(&tuple(number), WorkerId(3)), Claim::Won);
        }
        assert_eq!(directory.len(), 4096);
        let full = (4096..100_000)
            .find(|&number| directory.claim(&tuple(number), WorkerId(3)) == Claim::Full);
        assert!(full.is_some());
        for number in 0..100_000 {
            directory.release(&tuple(number), WorkerId(3));
        }
        assert!(directory.is_empty());
    }

    #[test]
    fn most_tuples_stand_at_home() {
        const TUPLES: u32 = 1 << 15;
        let directory = Directory::new(TUPLES as usize, KEY);
        for number in 0..TUPLES {
            assert_eq!(directory.claim(&tuple(number), WorkerId(1)), Claim::Won);
        }
        let at = |number: &u32, place| {
            directory.owner_in(directory.key.hash(&tuple(*number)), place).is_some()
        };
        let home = (0..TUPLES).filter(|number| at(number, Place::Home)).count();
        assert!(home * 8 > TUPLES as usize * 7, "{home}");
        assert!((0..TUPLES).all(|number| at(&number, Place::Home) != at(&number, Place::Other)));
    }

    /// Threads claim and release the same few tuples in one small directory; a counter beside each
    /// tuple shows whether two ever held it at once.
    #[test]
    fn never_two_owners() {
        const TUPLES: u32 = 6;
        const ROUNDS: u32 = 40_000;
        let directory = Directory::new(16, KEY);
        let holders: Vec<AtomicU32> = (0..TUPLES).map(|_| AtomicU32::new(0)).collect();
        let won: u32 = std::thread::scope(|scope| {
            let run = |worker: u8| {
                let (directory, holders) = (&directory, &holders);
                move || {
                    let mut won = 0;
                    for round in 0..ROUNDS {
                        let which = (round * 7 + u32::from(worker)) % TUPLES;
                        if directory.claim(&tuple(which), WorkerId(worker)) != Claim::Won {
                            continue;
                        }
                        won += 1;
                        assert_eq!(holders[which as usize].fetch_add(1, SeqCst), 0);
                        std::hint::spin_loop();
                        assert_eq!(directory.owner(&tuple(which)), Some(WorkerId(worker)));
                        holders[which as usize].fetch_sub(1, SeqCst);
                        directory.release(&tuple(which), WorkerId(worker));
                    }
                    won
                }
            };
            let threads: Vec<_> = (0..4).map(|worker| scope.spawn(run(worker))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!(won > ROUNDS / 4, "{won}");
        assert!(directory.is_empty());
    }

    /// Many threads claim each tuple once, at the same time: exactly one gets it.
    #[test]
    fn exactly_one_wins() {
        const THREADS: u8 = 4;
        const TUPLES: u32 = 3000;
        let directory = Directory::new(TUPLES as usize, KEY);
        let winners: Vec<AtomicU32> = (0..TUPLES).map(|_| AtomicU32::new(0)).collect();
        let barrier = std::sync::Barrier::new(usize::from(THREADS));
        std::thread::scope(|scope| {
            for worker in 0..THREADS {
                let (directory, winners, barrier) = (&directory, &winners, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    for number in 0..TUPLES {
                        if directory.claim(&tuple(number), WorkerId(worker)) == Claim::Won {
                            winners[number as usize].fetch_add(1, Relaxed);
                        }
                    }
                });
            }
        });
        assert!(winners.iter().all(|count| count.load(Relaxed) == 1));
        assert_eq!(directory.len(), TUPLES as usize);
    }
}
