//! Rate limits of ICMP errors, as the kernel's `net/ipv4/icmp.c` has them, shared by all workers.
//!
//! A message whose type is in `icmp_ratemask` needs a token of the gateway's own bucket
//! (`icmp_msgs_per_sec`, `icmp_msgs_burst`) and one of its destination's (one per `icmp_ratelimit`
//! milliseconds, six at most).
//!
//! A packet that meets no route, or one that refuses, is answered if its source's bucket holds
//! `net.ipv4.route.error_cost` too (`ip_error`); the two limits spend from one bucket, kernel `inet_peer`,
//! which each caps at its own depth.
//!
//! The gateway's own bucket is one word: the time at which it will be full again. A token moves that time on by
//! its price; a bucket that would be full later than its depth allows has none left. A destination's is the time at
//! which it was empty: what has passed since is its tokens. So a token is one compare-and-swap, and an idle
//! bucket needs no upkeep. Destinations share a fixed table, four to a row; in a full row the one nearest to full
//! gives way.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::address::{Address, V6};
use crate::redirect_limit::RedirectLimiter;
use crate::time::Instant;

/// The kernel's sysctls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `net.ipv4.icmp_ratelimit`: milliseconds per message to one IPv4 destination; 0 for no limit.
    pub ratelimit_v4: u32,
    /// `net.ipv6.icmp.ratelimit`: the same for IPv6.
    pub ratelimit_v6: u32,
    /// `net.ipv4.icmp_msgs_per_sec`: messages a second to all; 0 for no limit.
    pub messages_per_second: u32,
    /// `net.ipv4.icmp_msgs_burst`: how many of these at once.
    pub messages_burst: u32,
    /// `net.ipv4.route.error_cost` in milliseconds: what an answer about a missing route costs; 0 for no limit.
    pub route_error_cost: u32,
    /// `net.ipv4.route.error_burst` in milliseconds: what a source can save up for these.
    pub route_error_burst: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ratelimit_v4: 1000,
            ratelimit_v6: 1000,
            messages_per_second: 1000,
            messages_burst: 50,
            route_error_cost: 1000,
            route_error_burst: 5000,
        }
    }
}

/// Tokens a destination can save up: the kernel's `XRLIM_BURST_FACTOR`.
const BURST: u64 = 6;
/// Destinations that share a row.
const WAYS: usize = 4;
/// Rows; with eight bytes a destination, 32 KiB.
const ROWS: usize = 1024;
/// A token lost to other workers so many times in a row is refused.
const ATTEMPTS: usize = 8;
/// Bits of a word that hold milliseconds: 34 years.
const TIME_BITS: u32 = 40;
/// Added to the times of destinations' buckets, so that one can have been empty long before the clock began: more
/// than the deepest bucket's depth.
const EPOCH: u64 = 1 << 36;
const TIME: u64 = (1 << TIME_BITS) - 1;

/// The limiter. See the module's head.
#[derive(Debug)]
pub struct IcmpLimiter {
    ratelimit_v4: AtomicU32,
    ratelimit_v6: AtomicU32,
    messages_per_second: AtomicU32,
    messages_burst: AtomicU32,
    route_error_cost: AtomicU32,
    route_error_burst: AtomicU32,
    /// When the gateway's own bucket is full again, in nanoseconds.
    all: AtomicU64,
    /// Fingerprint of a destination above, when its bucket was empty in milliseconds below.
    rows: Box<[[AtomicU64; WAYS]]>,
    redirects: RedirectLimiter,
    seed: u64,
}

impl IcmpLimiter {
    /// A limiter whose buckets are full; `seed` keeps destinations from choosing their row.
    #[must_use]
    pub fn new(settings: Settings, seed: u64) -> Self {
        let limiter = Self {
            ratelimit_v4: AtomicU32::new(0),
            ratelimit_v6: AtomicU32::new(0),
            messages_per_second: AtomicU32::new(0),
            messages_burst: AtomicU32::new(0),
            route_error_cost: AtomicU32::new(0),
            route_error_burst: AtomicU32::new(0),
            all: AtomicU64::new(0),
            rows: (0..ROWS).map(|_| std::array::from_fn(|_| AtomicU64::new(0))).collect(),
            redirects: RedirectLimiter::default(),
            seed,
        };
        limiter.configure(settings);
        limiter
    }

    /// Takes new settings, at any time.
    pub fn configure(&self, settings: Settings) {
        self.ratelimit_v4.store(settings.ratelimit_v4, Ordering::Relaxed);
        self.ratelimit_v6.store(settings.ratelimit_v6, Ordering::Relaxed);
        self.messages_per_second.store(settings.messages_per_second, Ordering::Relaxed);
        self.messages_burst.store(settings.messages_burst, Ordering::Relaxed);
        self.route_error_cost.store(settings.route_error_cost, Ordering::Relaxed);
        self.route_error_burst.store(settings.route_error_burst, Ordering::Relaxed);
    }

    /// Whether a message may be sent to `destination`; `masked` when its type is in the mask of
    /// limited types.
    #[must_use]
    pub fn allow(&self, destination: IpAddr, masked: bool, now: Instant) -> bool {
        !masked || (self.allow_any(now) && self.allow_to(destination, now, Some(BURST)))
    }

    /// As [`Self::allow`], where [`Self::allow_route_error`] has just been asked about the same address: at one moment the
    /// kernel caps a bucket once.
    #[must_use]
    pub fn allow_charged(&self, destination: IpAddr, masked: bool, now: Instant) -> bool {
        !masked || (self.allow_any(now) && self.allow_to(destination, now, None))
    }

    /// `icmp_global_allow`.
    fn allow_any(&self, now: Instant) -> bool {
        let rate = u64::from(self.messages_per_second.load(Ordering::Relaxed));
        let burst = u64::from(self.messages_burst.load(Ordering::Relaxed));
        let Some(price) = 1_000_000_000u64.checked_div(rate) else { return true };
        take(&self.all, |full| spend(full, now.0, price, burst))
    }

    /// `inet_peer_xrlim_allow`; the bucket holds so many tokens at most.
    fn allow_to(&self, destination: IpAddr, now: Instant, most: Option<u64>) -> bool {
        let price = match destination {
            IpAddr::V4(_) => &self.ratelimit_v4,
            IpAddr::V6(_) => &self.ratelimit_v6,
        };
        // Without a limit the bucket is capped at nothing, as in the kernel: route errors feel it later.
        let price = u64::from(price.load(Ordering::Relaxed));
        self.spend_of(destination, now, price, most.map_or(u64::MAX, |most| price * most))
    }

    /// Whether `source` may be told that there is no route for its packet, or one that refuses (`ip_error`).
    #[must_use]
    pub fn allow_route_error(&self, source: IpAddr, now: Instant) -> bool {
        let price = u64::from(self.route_error_cost.load(Ordering::Relaxed));
        let depth = u64::from(self.route_error_burst.load(Ordering::Relaxed));
        price == 0 || self.spend_of(source, now, price, depth)
    }

    /// Whether `source` may be told of a better next hop.
    #[must_use]
    pub fn allow_redirect(&self, source: IpAddr, now: Instant) -> bool {
        self.redirects.allow(self.hash(bits_of(source)), now)
    }

    /// Whether an address may be the sender or the destination of a packet whose sender is told of a better next hop: one
    /// a second, beside other errors to it (`ip6_forward`, `ndisc_send_redirect`).
    #[must_use]
    pub fn allow_redirect_v6(&self, address: V6, now: Instant) -> bool {
        self.spend_of(address.to_ip(), now, 1000, 1000 * BURST)
    }

    /// Takes `price` from the bucket of `address`, which holds `depth` at most.
    fn spend_of(&self, address: IpAddr, now: Instant, price: u64, depth: u64) -> bool {
        let hash = self.hash(bits_of(address));
        let Some(row) = self.rows.get(hash as usize % ROWS) else { return true };
        // Never zero, which marks an empty place.
        let fingerprint = (hash >> TIME_BITS | 1) << TIME_BITS;
        let now = now.0 / 1_000_000 + EPOCH;
        let Some(place) = Self::place(row, fingerprint) else { return true };
        take(place, |word| {
            // Another's bucket is given up, and a new one starts full.
            let empty = if word & !TIME == fingerprint { word & TIME } else { 0 };
            let tokens = now.saturating_sub(empty).min(depth);
            Some(fingerprint | (now - tokens.checked_sub(price)?) & TIME)
        })
    }

    /// The destination's own place in the row, or the one nearest to full.
    fn place(row: &[AtomicU64; WAYS], fingerprint: u64) -> Option<&AtomicU64> {
        row.iter().min_by_key(|place| {
            let word = place.load(Ordering::Relaxed);
            if word & !TIME == fingerprint { 0 } else { (word & TIME) + 1 }
        })
    }

    fn hash(&self, bits: u128) -> u64 {
        let mut hash = self.seed;
        for word in [(bits >> 64) as u64, bits as u64] {
            let wide = u128::from(hash ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
            hash = (wide as u64) ^ ((wide >> 64) as u64) ^ self.seed.rotate_left(23);
        }
        hash ^ (hash >> 32)
    }
}

fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The time a bucket is full again after one more token, or none when it has none.
fn spend(full: u64, now: u64, price: u64, burst: u64) -> Option<u64> {
    let full = full.max(now) + price;
    (full - now <= price * burst).then_some(full)
}

/// Moves a bucket on, unless it is empty.
fn take(bucket: &AtomicU64, spend: impl Fn(u64) -> Option<u64>) -> bool {
    let mut word = bucket.load(Ordering::Relaxed);
    for _ in 0..ATTEMPTS {
        let Some(next) = spend(word) else { return false };
        match bucket.compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(found) => word = found,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::thread;

    use proptest::prelude::*;

    const UNLIMITED: Settings = Settings {
        ratelimit_v4: 0,
        ratelimit_v6: 0,
        messages_per_second: 0,
        messages_burst: 0,
        route_error_cost: 0,
        route_error_burst: 0,
    };

    fn milliseconds(count: u64) -> Instant {
        Instant(count * 1_000_000)
    }

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn six_at_once_then_one_a_second() {
        let settings = Settings { ratelimit_v4: 1000, ratelimit_v6: 500, ..UNLIMITED };
        let limiter = IcmpLimiter::new(settings, 1);
        let at = |time| limiter.allow(address(1), true, milliseconds(time));
        assert_eq!((0..20).filter(|_| at(10_000)).count(), 6);
        assert!(!at(10_999));
        assert!(at(11_000));
        assert!(!at(11_000));
        assert!(limiter.allow(address(2), true, milliseconds(11_000)), "each has a bucket");
        assert!((0..100).all(|_| limiter.allow(address(1), false, milliseconds(11_000))));
        assert_eq!((0..20).filter(|_| at(100_000)).count(), 6, "no more than six are saved up");
        let v6 = IpAddr::from(Ipv6Addr::from_bits(1));
        let at = |time| limiter.allow(v6, true, milliseconds(time));
        assert_eq!((0..20).filter(|_| at(10_000)).count(), 6);
        assert!(at(10_500));
    }

    #[test]
    fn route_errors_come_five_at_once_then_one_a_second() {
        let settings = Settings { route_error_cost: 1000, route_error_burst: 5000, ..UNLIMITED };
        let limiter = IcmpLimiter::new(settings, 1);
        let at = |time| limiter.allow_route_error(address(1), milliseconds(time));
        assert_eq!((0..20).filter(|_| at(0)).count(), 5, "from the first moment");
        assert!(!at(999));
        assert!(at(1_000));
        assert!(!at(1_001));
        limiter.configure(UNLIMITED);
        assert!((0..100).all(|_| at(1_001)));
    }

    #[test]
    fn both_limits_spend_from_one_bucket() {
        let limiter =
            IcmpLimiter::new(Settings { messages_per_second: 0, ..Settings::default() }, 1);
        let answered = |time| {
            let now = milliseconds(time);
            limiter.allow_route_error(address(1), now)
                && limiter.allow_charged(address(1), true, now)
        };
        // Each answer costs two of five tokens; the third finds one, and spends it in vain.
        assert_eq!((0..20).filter(|_| answered(50_000)).count(), 2);
        assert!(!answered(51_000), "one token is not enough");
        assert!(!limiter.allow(address(1), true, milliseconds(51_999)));
        assert!(answered(54_000));
        limiter.configure(Settings { ratelimit_v4: 0, ..Settings::default() });
        assert_eq!((0..20).filter(|_| answered(99_000)).count(), 5, "messages cost nothing now");
        assert!(limiter.allow(address(1), true, milliseconds(110_000)));
        assert!(!answered(110_999), "but one by itself leaves no tokens");
        assert!(answered(111_000));
    }

    #[test]
    fn the_gateways_own_bucket_covers_all_destinations() {
        let settings = Settings { messages_per_second: 1000, messages_burst: 50, ..UNLIMITED };
        let limiter = IcmpLimiter::new(settings, 1);
        let count = |time: u64| {
            (0..100).filter(|to| limiter.allow(address(*to), true, milliseconds(time))).count()
        };
        assert_eq!(count(1_000), 50);
        assert_eq!(count(1_010), 10);
        assert_eq!(count(9_000), 50);
        limiter.configure(UNLIMITED);
        assert_eq!(count(9_000), 100);
    }

    #[test]
    fn many_destinations_displace_the_idle_first() {
        let limiter = IcmpLimiter::new(Settings { ratelimit_v4: 1000, ..UNLIMITED }, 9);
        let busy = address(1);
        while limiter.allow(busy, true, milliseconds(1_000)) {}
        for other in 2..3_000 {
            assert!(limiter.allow(address(other), true, milliseconds(1_000)));
        }
        assert!(
            !limiter.allow(busy, true, milliseconds(1_000)),
            "still known, still out of tokens"
        );
    }

    #[test]
    fn workers_share_the_tokens() {
        let settings = Settings { messages_per_second: 1, messages_burst: 1000, ..UNLIMITED };
        let limiter = IcmpLimiter::new(settings, 1);
        let total: usize = thread::scope(|scope| {
            let worker =
                || (0..2_000).filter(|_| limiter.allow(address(1), true, Instant(0))).count();
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(total, 1000);
    }

    /// A bucket as the kernel keeps it: tokens and the time they were last counted.
    struct Plain {
        tokens: u64,
        last: u64,
    }

    proptest! {
        #[test]
        fn agrees_with_plain_buckets(
            steps in proptest::collection::vec((0u32..5, 0u64..1500), 1..300),
            ratelimit in 1u32..2000,
        ) {
            let limiter = IcmpLimiter::new(Settings { ratelimit_v4: ratelimit, ..UNLIMITED }, 3);
            let price = u64::from(ratelimit);
            let mut plain = HashMap::new();
            let mut now = 1_000_000;
            for (to, wait) in steps {
                now += wait;
                let bucket =
                    plain.entry(to).or_insert(Plain { tokens: price * BURST, last: now });
                bucket.tokens = (bucket.tokens + now - bucket.last).min(price * BURST);
                bucket.last = now;
                let expected = bucket.tokens >= price;
                bucket.tokens -= if expected { price } else { 0 };
                prop_assert_eq!(limiter.allow(address(to), true, milliseconds(now)), expected);
            }
        }
    }
}
