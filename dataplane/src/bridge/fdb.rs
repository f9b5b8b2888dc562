//! A bridge's forwarding database: MAC to port, shared by all workers without a lock.
//!
//! ```text
//!   hash(MAC) ──> row of 8:  | MAC 48, port 16 | …      one atomic word each; zero is empty
//!                            | last seen, s    | …
//! ```
//!
//! A frame's source is entered or refreshed by it, and forgotten after 300 seconds without one. A row that is full of
//! living entries takes no more: a flood of made-up sources keeps new hosts out, whose frames are flooded then, but
//! drives nobody out. Two workers that learn the same MAC at the same moment may enter it twice; either entry is right,
//! and the one that is not refreshed ages.

use crate::address::Mac;
use crate::ids::InterfaceId;
use crate::time::Instant;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Seconds for which a MAC is known (kernel: `ageing_time`).
const AGE: u32 = 300;

const ROW: usize = 8;
const ROWS: usize = 2048;

/// Entries that share a hash: a cache line of words, half of one of stamps.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Row {
    words: [AtomicU64; ROW],
    seen: [AtomicU32; ROW],
}

/// Which MAC is behind which port.
#[derive(Debug)]
pub struct Fdb {
    rows: Box<[Row]>,
    key: u64,
}

/// What is known of one MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Whose it is.
    pub mac: Mac,
    /// Behind which port.
    pub port: InterfaceId,
    /// Seconds since it was last heard of.
    pub age: u32,
}

/// A MAC in the upper bits, its port in the lower; never zero for a MAC that may be a source.
fn word(mac: Mac, port: InterfaceId) -> u64 {
    let Mac([a, b, c, d, e, f]) = mac;
    let [high, low] = port.0.to_be_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, high, low])
}

fn port_of(word: u64) -> InterfaceId {
    InterfaceId(word as u16)
}

fn second(now: Instant) -> u32 {
    (now.0 / 1_000_000_000) as u32
}

fn is_alive(seen: u32, now: u32) -> bool {
    now.saturating_sub(seen) < AGE
}

impl Fdb {
    /// Nothing is known yet; `key` keeps strangers from choosing which MACs share a row.
    #[must_use]
    pub fn new(key: u64) -> Self {
        Self { rows: (0..ROWS).map(|_| Row::default()).collect(), key }
    }

    fn row(&self, mac: Mac) -> Option<&Row> {
        let mixed = (word(mac, InterfaceId(0)) ^ self.key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed =
            (mixed ^ mixed >> 29 ^ self.key.rotate_left(32)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        self.rows.get((mixed >> 40) as usize % ROWS)
    }

    /// The port a MAC is behind.
    #[must_use]
    pub fn find(&self, mac: Mac, now: Instant) -> Option<InterfaceId> {
        let row = self.row(mac)?;
        let (wanted, now) = (word(mac, InterfaceId(0)) >> 16, second(now));
        row.words.iter().zip(&row.seen).find_map(|(entry, seen)| {
            let entry = entry.load(Relaxed);
            (entry >> 16 == wanted && is_alive(seen.load(Relaxed), now)).then(|| port_of(entry))
        })
    }

    /// Whether a MAC is known to be behind `port`; if so it has been heard of once more.
    #[must_use]
    pub fn refresh(&self, mac: Mac, port: InterfaceId, now: Instant) -> bool {
        let Some(row) = self.row(mac) else { return false };
        let (wanted, now) = (word(mac, port), second(now));
        for (entry, seen) in row.words.iter().zip(&row.seen) {
            if entry.load(Relaxed) == wanted {
                let before = seen.load(Relaxed);
                // Written once a second, so that workers do not take the line from one another for each packet.
                if before < now && is_alive(before, now) {
                    seen.store(now, Relaxed);
                }
                return is_alive(before, now);
            }
        }
        false
    }

    /// A frame of `mac` came in by `port`.
    pub fn learn(&self, mac: Mac, port: InterfaceId, now: Instant) {
        if self.refresh(mac, port, now) {
            return;
        }
        let Some(row) = self.row(mac) else { return };
        let (new, now) = (word(mac, port), second(now));
        let own = |entry: u64| entry >> 16 == new >> 16;
        // Another worker may be faster: what takes its place is what was judged, or one looks again. One pass, so that
        // a MAC that another enters meanwhile is met, or in the way.
        for _ in 0..ROW {
            let (mut known, mut free) = (None, None);
            for (entry, seen) in row.words.iter().zip(&row.seen) {
                let before = entry.load(Relaxed);
                if own(before) {
                    known = Some((before, entry, seen));
                    break;
                }
                if free.is_none() && (before == 0 || !is_alive(seen.load(Relaxed), now)) {
                    free = Some((before, entry, seen));
                }
            }
            let Some((before, entry, seen)) = known.or(free) else { return };
            if before == new || entry.compare_exchange(before, new, Relaxed, Relaxed).is_ok() {
                return seen.store(now, Relaxed);
            }
        }
    }

    /// Forgets what is behind a port.
    pub fn flush(&self, port: InterfaceId) {
        for entry in self.rows.iter().flat_map(|row| &row.words) {
            let before = entry.load(Relaxed);
            if before != 0 && port_of(before) == port {
                // Learned anew in between, it stays.
                let _ = entry.compare_exchange(before, 0, Relaxed, Relaxed);
            }
        }
    }

    /// All that is known, in no order.
    pub fn entries(&self, now: Instant) -> impl Iterator<Item = Entry> + '_ {
        let now = second(now);
        self.rows.iter().flat_map(|row| row.words.iter().zip(&row.seen)).filter_map(
            move |(entry, seen)| {
                let (entry, seen) = (entry.load(Relaxed), seen.load(Relaxed));
                let [a, b, c, d, e, f, ..] = entry.to_be_bytes();
                (entry != 0 && is_alive(seen, now)).then(|| Entry {
                    mac: Mac([a, b, c, d, e, f]),
                    port: port_of(entry),
                    age: now.saturating_sub(seen),
                })
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hashbrown::HashMap;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn at(seconds: u64) -> Instant {
        Instant(seconds * 1_000_000_000)
    }

    fn host(number: u32) -> Mac {
        let [a, b, c, d] = number.to_be_bytes();
        Mac([2, 0, a, b, c, d])
    }

    const A: InterfaceId = InterfaceId(1);
    const B: InterfaceId = InterfaceId(2);

    #[test]
    fn a_host_that_moves_is_found_where_it_was_heard_last() {
        let fdb = Fdb::new(7);
        assert_eq!(fdb.find(host(1), at(1)), None);
        fdb.learn(host(1), A, at(1));
        assert_eq!(fdb.find(host(1), at(1)), Some(A));
        assert!(fdb.refresh(host(1), A, at(2)) && !fdb.refresh(host(1), B, at(2)));
        fdb.learn(host(1), B, at(3));
        assert_eq!(fdb.find(host(1), at(3)), Some(B));
        assert_eq!(
            fdb.entries(at(5)).collect::<Vec<_>>(),
            [Entry { mac: host(1), port: B, age: 2 }]
        );
    }

    #[test]
    fn who_is_silent_is_forgotten_and_who_speaks_is_not() {
        let fdb = Fdb::new(7);
        fdb.learn(host(1), A, at(10));
        fdb.learn(host(2), A, at(10));
        assert!(fdb.refresh(host(2), A, at(200)));
        assert_eq!(fdb.find(host(1), at(309)), Some(A));
        assert_eq!(fdb.find(host(1), at(310)), None);
        assert!(!fdb.refresh(host(1), A, at(310)), "an old entry is not brought back unjudged");
        assert_eq!(fdb.find(host(2), at(499)), Some(A));
        fdb.learn(host(1), B, at(310));
        assert_eq!(fdb.find(host(1), at(310)), Some(B));
    }

    #[test]
    fn a_port_is_flushed_alone() {
        let fdb = Fdb::new(7);
        fdb.learn(host(1), A, at(1));
        fdb.learn(host(2), B, at(1));
        fdb.flush(A);
        assert_eq!((fdb.find(host(1), at(1)), fdb.find(host(2), at(1))), (None, Some(B)));
    }

    #[test]
    fn a_flood_of_sources_drives_nobody_out() {
        let fdb = Fdb::new(7);
        fdb.learn(host(0), A, at(1));
        (1..200_000).for_each(|number| fdb.learn(host(number), B, at(2)));
        assert_eq!(fdb.find(host(0), at(2)), Some(A));
        assert_eq!(fdb.entries(at(2)).count(), ROW * ROWS);
        // And it ends with its last frame.
        fdb.learn(host(1 << 20), A, at(302));
        assert_eq!(fdb.find(host(1 << 20), at(302)), Some(A));
    }

    #[test]
    fn workers_that_learn_together_lose_nobody() {
        let fdb = Arc::new(Fdb::new(7));
        let learn = |port: u16| {
            let fdb = Arc::clone(&fdb);
            std::thread::spawn(move || {
                (0..4_000).for_each(|number| fdb.learn(host(number), InterfaceId(port), at(1)));
            })
        };
        let threads: Vec<_> = (1..=4).map(learn).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!((0..4_000).all(|number| {
            fdb.find(host(number), at(1)).is_some_and(|port| (1..=4).contains(&port.0))
        }));
    }

    proptest! {
        /// As a plain map with times would.
        #[test]
        fn as_a_map_with_times(steps in prop::collection::vec((0..40_u32, 1..4_u16, 0..200_u64), 1..200)) {
            let (fdb, mut plain, mut now) = (Fdb::new(99), HashMap::new(), 1);
            for (number, port, later) in steps {
                now += later;
                fdb.learn(host(number), InterfaceId(port), at(now));
                plain.insert(number, (port, now));
                for number in 0..40 {
                    let known = plain.get(&number).filter(|(_, seen)| now - seen < u64::from(AGE));
                    prop_assert_eq!(
                        fdb.find(host(number), at(now)),
                        known.map(|(port, _)| InterfaceId(*port))
                    );
                }
            }
        }
    }
}
