//! `-m quota`: so many bytes (kernel `xt_quota`). The packet that does not fit any more ends it for good.

use super::{Condition, Kept};
use crate::address::Address;
use crate::rules::View;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes that may pass, by all workers together.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    /// Bytes left.
    pub left: Kept<AtomicU64>,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Quota {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let length = u64::from(view.length);
        if view.is_dry() {
            return (self.left.load(Relaxed) >= length) != self.invert;
        }
        let take = |left: u64| Some(left.saturating_sub(length));
        let before = self.left.fetch_update(Relaxed, Relaxed, take);
        before.is_ok_and(|left| left >= length) != self.invert
    }

    fn keeps(&self) -> Option<&'static str> {
        Some("quota")
    }
}
