//! How often a sender is told of a better next hop: kernel `ip_rt_send_redirect`.
//!
//! A sender that does not listen is told less and less often (after 40 ms, 80 ms, … of the last time), nine times in all; once it has
//! sent nothing that way for 20 seconds it is new again. Shared by all workers: a sender is one word, changed by
//! one compare-and-swap.

use crate::time::Instant;
use std::sync::atomic::{AtomicU64, Ordering};

/// Milliseconds before the first redirect is repeated, doubled each time: `net.ipv4.route.redirect_load`.
const LOAD: u64 = 20;
/// Redirects that go unheeded: `net.ipv4.route.redirect_number`.
const NUMBER: u64 = 9;
/// Milliseconds after which all is forgotten: `net.ipv4.route.redirect_silence`.
const SILENCE: u64 = LOAD << 10;
/// Senders that share a row.
const WAYS: usize = 4;
/// Rows; with eight bytes a sender, 32 KiB.
const ROWS: usize = 1024;
/// A word lost to other workers so many times in a row is let be.
const ATTEMPTS: usize = 8;

/// Bits of a word: 24 of fingerprint, 4 of count, 36 of milliseconds (two years).
const TIME_BITS: u32 = 36;
const COUNT_BITS: u32 = 4;
const TIME: u64 = (1 << TIME_BITS) - 1;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

/// The senders. See the module's head.
#[derive(Debug)]
pub(crate) struct RedirectLimiter {
    rows: Box<[[AtomicU64; WAYS]]>,
}

impl Default for RedirectLimiter {
    fn default() -> Self {
        let row = |_| std::array::from_fn(|_| AtomicU64::new(0));
        Self { rows: (0..ROWS).map(row).collect() }
    }
}

impl RedirectLimiter {
    /// Whether the sender with this hash of its address is told now.
    pub(crate) fn allow(&self, hash: u64, now: Instant) -> bool {
        let Some(row) = self.rows.get(hash as usize % ROWS) else { return false };
        // Never zero, which marks an empty place.
        let fingerprint = (hash >> (TIME_BITS + COUNT_BITS) | 1) << (TIME_BITS + COUNT_BITS);
        let own = |word: u64| word & !(COUNT << TIME_BITS | TIME) == fingerprint;
        let age = |place: &&AtomicU64| {
            let word = place.load(Ordering::Relaxed);
            if own(word) { 0 } else { (word & TIME) + 1 }
        };
        // In a full row the one that was told longest ago gives way.
        let Some(place) = row.iter().min_by_key(age) else { return false };
        let now = (now.0 / 1_000_000) & TIME;
        let mut word = place.load(Ordering::Relaxed);
        for _ in 0..ATTEMPTS {
            let (count, last) = match own(word) {
                true => (word >> TIME_BITS & COUNT, word & TIME),
                false => (0, 0),
            };
            let Some((tell, count)) = judge(count, last, now) else { return false };
            let next = fingerprint | count << TIME_BITS | now;
            match place.compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return tell,
                Err(found) => word = found,
            }
        }
        false
    }
}

/// Whether to tell a sender that was told `count` times, and `last` at that time; and the count from now on. None where nothing
/// changes.
const fn judge(count: u64, last: u64, now: u64) -> Option<(bool, u64)> {
    let count = if now > last + SILENCE { 0 } else { count };
    if count >= NUMBER {
        return Some((false, count));
    }
    if count == 0 || now > last + (LOAD << count) {
        return Some((true, count + 1));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(limiter: &RedirectLimiter, from: u64, to: u64) -> Vec<u64> {
        (from..to).filter(|&at| limiter.allow(5, Instant(at * 1_000_000))).collect()
    }

    #[test]
    fn ever_more_seldom_and_nine_times_in_all() {
        let limiter = RedirectLimiter::default();
        let times = told(&limiter, 100, 30_000);
        let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(gaps, [41, 81, 161, 321, 641, 1281, 2561, 5121]);
        assert!(limiter.allow(6, Instant(30_000_000_000)), "another sender");
        assert_eq!(told(&limiter, 50_000, 50_041), [], "it went on all the while");
        assert_eq!(told(&limiter, 50_040 + SILENCE + 1, 50_040 + SILENCE + 50).len(), 2);
    }

    #[test]
    fn a_full_row_forgets_who_was_told_longest_ago() {
        let limiter = RedirectLimiter::default();
        let sender = |number: u64| number << 48 | 7;
        for number in 1..=5 {
            assert!(limiter.allow(sender(number), Instant(number * 1_000_000)));
        }
        assert!(!limiter.allow(sender(5), Instant(6_000_000)));
        assert!(limiter.allow(sender(1), Instant(6_000_000)));
    }
}
