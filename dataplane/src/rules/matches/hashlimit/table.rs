//! The buckets of one name, shared by all workers.

use super::Terms;
use super::rate::{Rate, State};
use crate::rules::spin::Spin;
use hashbrown::HashMap;

const SHARES: usize = 16;
/// Buckets up to which a table is not shared out.
const SMALL: usize = 1024;
/// Buckets looked at in search of one that has expired, where there is no room.
const SEARCHED: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Key {
    pub(super) source: u128,
    pub(super) destination: u128,
    pub(super) ports: (u16, u16),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    state: State,
    /// When it is forgotten, in nanoseconds.
    expires: u64,
}

/// Moments and durations, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) now: u64,
    /// How long a bucket nobody asks is kept.
    pub(super) expire: u64,
    /// How often the kernel looks for those that have expired; until then it uses them on.
    pub(super) collect: u64,
}

impl Times {
    fn is_over(self, bucket: &Bucket) -> bool {
        let round = |time: u64| time / self.collect.max(1);
        bucket.expires < self.now && round(bucket.expires) < round(self.now)
    }
}

/// The buckets of one name. A key's share is found by its hash, so that workers seldom meet.
#[derive(Debug)]
pub struct Table {
    terms: Terms,
    shares: Vec<Spin<HashMap<Key, Bucket>>>,
    /// Buckets of a share.
    most: usize,
}

impl Table {
    /// Room for `most` buckets. All memory is taken here.
    #[must_use]
    pub fn new(terms: Terms, most: usize) -> Self {
        // A small one is full at its last bucket, whatever the hashes are.
        let shares = if most <= SMALL { 1 } else { SHARES };
        let most = most.div_ceil(shares).max(1);
        let share = || Spin::new(HashMap::with_capacity(most));
        Self { terms, shares: std::iter::repeat_with(share).take(shares).collect(), most }
    }

    /// On what terms packets are counted.
    #[must_use]
    pub const fn terms(&self) -> Terms {
        self.terms
    }

    /// Buckets in use. For operators.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shares.iter().map(|share| share.hold().len()).sum()
    }

    /// Whether no bucket is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a packet of `length` bytes is within the rate; none where there is no room for its bucket.
    pub(super) fn ask(&self, key: Key, rate: Rate, times: Times, length: u32) -> Option<bool> {
        let now = times.now;
        let mut share = self.shares.get(share_of(&key) % self.shares.len())?.hold();
        if share.len() >= self.most && !share.contains_key(&key) {
            let expired = share.iter().take(SEARCHED).find(|(_, bucket)| times.is_over(bucket));
            let expired = *expired?.0;
            share.remove(&expired);
        }
        let fresh = Bucket { state: rate.fresh(now), expires: u64::MAX };
        let bucket = share.entry(key).or_insert(fresh);
        if times.is_over(bucket) {
            *bucket = fresh;
        }
        bucket.expires = now.saturating_add(times.expire);
        Some(rate.take(&mut bucket.state, now, length))
    }
}

impl Table {
    /// What [`Self::ask`] would say, which this leaves undone.
    pub(super) fn find(&self, key: Key, rate: Rate, times: Times, length: u32) -> Option<bool> {
        let share = self.shares.get(share_of(&key) % self.shares.len())?.hold();
        let room = share.len() < self.most || share.contains_key(&key);
        if !room && !share.values().take(SEARCHED).any(|bucket| times.is_over(bucket)) {
            return None;
        }
        let known = share.get(&key).filter(|bucket| !times.is_over(bucket));
        let mut state = known.map_or_else(|| rate.fresh(times.now), |bucket| bucket.state);
        Some(rate.take(&mut state, times.now, length))
    }
}

fn share_of(key: &Key) -> usize {
    let bits = key.source ^ key.destination.rotate_left(17);
    let ports = u64::from(key.ports.0) << 16 | u64::from(key.ports.1);
    let mixed = (bits as u64 ^ (bits >> 64) as u64 ^ ports).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 60) as usize
}

#[cfg(test)]
mod tests {
    use super::super::Mode;
    use super::*;
    use std::time::Duration;

    const SECOND: u64 = 1_000_000_000;
    const RATE: Rate = Rate::Packets { cost: SECOND, burst: 2 };
    const TERMS: Terms = Terms {
        mode: Mode {
            source: Some(u128::MAX),
            destination: None,
            source_port: false,
            destination_port: false,
        },
        rate: RATE,
        expire: Duration::from_secs(10),
        collect: Duration::from_secs(4),
    };

    fn ask(table: &Table, host: u128, second: u64) -> Option<bool> {
        let key = Key { source: host, ..Key::default() };
        let now = (100 + second) * SECOND;
        table.ask(key, RATE, Times { now, expire: 10 * SECOND, collect: 4 * SECOND }, 60)
    }

    #[test]
    fn each_key_has_a_bucket_of_its_own() {
        let table = Table::new(TERMS, 32);
        let ask = |host, second| ask(&table, host, second);
        assert_eq!([ask(1, 0), ask(1, 0), ask(1, 0)], [Some(true), Some(true), Some(false)]);
        assert_eq!(ask(2, 0), Some(true));
        assert_eq!([ask(1, 1), ask(1, 1)], [Some(true), Some(false)]);
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn what_is_only_found_out_takes_nothing() {
        let table = Table::new(TERMS, 32);
        let times = Times { now: 100 * SECOND, expire: SECOND, collect: SECOND };
        let find = || table.find(Key { source: 1, ..Key::default() }, RATE, times, 60);
        assert_eq!(([find(), find(), find()], table.len()), ([Some(true); 3], 0));
        assert_eq!([ask(&table, 1, 0), ask(&table, 1, 0)], [Some(true); 2]);
        assert_eq!(find(), Some(false));
    }

    #[test]
    fn a_bucket_is_forgotten_when_it_is_collected() {
        let table = Table::new(TERMS, 32);
        // It expires at 110, and the round after that begins at 112.
        assert_eq!([ask(&table, 1, 0), ask(&table, 1, 0)], [Some(true); 2]);
        let bucket =
            *table.shares.iter().find_map(|s| s.hold().values().next().copied()).as_ref().unwrap();
        let over =
            |now| Times { now: now * SECOND, expire: 0, collect: 4 * SECOND }.is_over(&bucket);
        assert_eq!([109, 111, 112].map(over), [false, false, true]);
    }

    #[test]
    fn a_full_table_takes_the_place_of_what_has_expired() {
        let table = Table::new(TERMS, 32);
        let refused = (0..1000).filter(|&host| ask(&table, host, 0).is_none()).count();
        assert_eq!(refused, 1000 - table.len());
        assert_eq!((1000..1010).filter(|&host| ask(&table, host, 20).is_none()).count(), 0);
    }

    proptest::proptest! {
        #[test]
        fn looking_finds_what_asking_would_and_changes_nothing(
            steps in proptest::collection::vec((0..40_u128, 0..4_u64, 60..20_000_u32), 1..200),
            bytes in proptest::prelude::any::<bool>(),
        ) {
            let rate = if bytes { Rate::Bytes { chunk: (SECOND / 1000) << 16, burst: 1 } } else { RATE };
            let (looked_at, plain) = (Table::new(TERMS, 32), Table::new(TERMS, 32));
            let mut now = 100 * SECOND;
            for (host, pause, length) in steps {
                now += pause * SECOND;
                let times = Times { now, expire: 10 * SECOND, collect: 4 * SECOND };
                let key = || Key { source: host, ..Key::default() };
                let found = looked_at.find(key(), rate, times, length);
                proptest::prop_assert_eq!(looked_at.ask(key(), rate, times, length), found);
                proptest::prop_assert_eq!(plain.ask(key(), rate, times, length), found);
            }
        }
    }
}
