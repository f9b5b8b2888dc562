//! `-m limit`: a bucket of tokens for each rule. Every packet that asks takes one, whatever the rest of the rule says.
//!
//! As the kernel's `nft_limit` keeps it, into which iptables-nft translates the match.

use super::{Condition, Kept};
use crate::address::Address;
use crate::rules::View;
use crate::time::Instant;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Tokens that come back one each `cost` nanoseconds, up to a burst.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Nanoseconds until a token comes back.
    pub cost: u64,
    /// Tokens the bucket holds.
    pub burst: u32,
    /// What is in it.
    pub bucket: Kept<Bucket>,
}

/// When a bucket will be full again, in nanoseconds: what is missing until then is what has been taken. One atomic
/// word, so that all workers take from one bucket without a lock.
#[derive(Debug, Default)]
pub struct Bucket(AtomicU64);

impl Bucket {
    /// Takes what `cost` nanoseconds bring from a bucket that `most` nanoseconds fill; false when there is not that
    /// much in it.
    pub fn take(&self, now: Instant, cost: u64, most: u64) -> bool {
        let taken = self.0.fetch_update(Relaxed, Relaxed, |full| {
            let full = full.max(now.0).saturating_add(cost);
            (full - now.0 <= most).then_some(full)
        });
        taken.is_ok()
    }

    /// Whether [`Self::take`] would find enough.
    #[must_use]
    pub fn has(&self, now: Instant, cost: u64, most: u64) -> bool {
        Self(self.0.load(Relaxed).into()).take(now, cost, most)
    }
}

impl<A: Address> Condition<A> for Limit {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let most = self.cost.saturating_mul(self.burst.into());
        if view.is_dry() {
            return self.bucket.has(view.around.now, self.cost, most);
        }
        self.bucket.take(view.around.now, self.cost, most)
    }

    fn keeps(&self) -> Option<&'static str> {
        Some("limit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tokens` and `last` as `nft_limit_pkts_eval` has them.
    struct Plain {
        tokens: u64,
        last: u64,
    }

    impl Plain {
        fn take(&mut self, now: u64, cost: u64, most: u64) -> bool {
            let tokens = most.min(self.tokens.saturating_add(now - self.last));
            self.last = now;
            self.tokens = tokens.checked_sub(cost).unwrap_or(tokens);
            tokens >= cost
        }
    }

    proptest::proptest! {
        #[test]
        fn it_takes_as_the_kernel_does(
            cost in 1_u64..1000,
            burst in 1_u64..6,
            pauses in proptest::collection::vec(0_u64..1500, 1..60),
        ) {
            let (most, mut now) = (cost * burst, 1_000_000);
            let (bucket, mut plain) = (Bucket::default(), Plain { tokens: most, last: now });
            for pause in pauses {
                now += pause;
                let taken = bucket.take(Instant(now), cost, most);
                proptest::prop_assert_eq!(taken, plain.take(now, cost, most));
            }
        }
    }
}
