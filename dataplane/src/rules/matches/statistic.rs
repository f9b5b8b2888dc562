//! `-m statistic`: some of the packets (kernel `xt_statistic`).

use super::{Condition, Kept};
use crate::address::Address;
use crate::rules::View;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Which packets.
#[derive(Debug, Clone, PartialEq)]
pub enum Which {
    /// `--mode random`: one whose 31-bit draw lies below the probability. `salt` makes rules draw apart.
    Random {
        /// Of 2^31.
        probability: u32,
        /// A number of the rule's own.
        salt: u64,
    },
    /// `--mode nth`: every so many, counted by all workers together.
    Nth {
        /// How many are passed over between two.
        every: u32,
        /// How many have been since the last.
        count: Kept<AtomicU32>,
    },
}

/// Some of the packets, or with `!` the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistic {
    /// Which.
    pub which: Which,
    /// `!`.
    pub invert: bool,
}

/// Spreads a random number and a salt over all bits (the finalizer of `MurmurHash3`).
const fn mix(random: u64, salt: u64) -> u64 {
    let mut x = random ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    x = (x ^ (x >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

impl<A: Address> Condition<A> for Statistic {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let chosen = match &self.which {
            Which::Random { probability, salt } => {
                mix(view.around.random, *salt) >> 33 < u64::from(*probability)
            }
            Which::Nth { every, count } if view.is_dry() => count.load(Relaxed) == *every,
            Which::Nth { every, count } => {
                let step = |count| Some(if count == *every { 0 } else { count + 1 });
                count.fetch_update(Relaxed, Relaxed, step) == Ok(*every)
            }
        };
        chosen != self.invert
    }

    fn keeps(&self) -> Option<&'static str> {
        Some("statistic")
    }
}
