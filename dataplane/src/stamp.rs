//! Stamps: what tells two configurations apart whose difference a cached verdict would show.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Stands for a part of the configuration. Who makes the next configuration carries the stamp of a part over where that is
/// the same; two that are equal stand for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(u64);

impl Stamp {
    /// One that no other equals.
    #[must_use]
    pub fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Relaxed))
    }
}

impl Default for Stamp {
    fn default() -> Self {
        Self::fresh()
    }
}
