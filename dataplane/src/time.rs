//! Time as the data plane sees it: handed in, never read.

use std::ops::Add;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Nanoseconds since an arbitrary start; a worker is given one per burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// Time passed since `earlier`, zero if that lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    #[allow(clippy::cast_possible_truncation)]
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_nanos() as u64))
    }
}

/// What time of day it is at an [`Instant`]. The control thread sets it now and then; workers read it.
#[derive(Debug, Default)]
pub struct WallClock {
    /// Nanoseconds from 1970 (UTC) to instant zero.
    origin: AtomicU64,
    /// Seconds that local time lies ahead of UTC.
    zone: AtomicI32,
}

impl WallClock {
    /// At `now` it is `unix` nanoseconds since 1970 (UTC), and local time lies `zone` seconds ahead.
    pub fn set(&self, now: Instant, unix: u64, zone: i32) {
        self.origin.store(unix.wrapping_sub(now.0), Relaxed);
        self.zone.store(zone, Relaxed);
    }

    /// Nanoseconds since 1970 (UTC).
    #[must_use]
    pub fn unix(&self, at: Instant) -> u64 {
        self.origin.load(Relaxed).wrapping_add(at.0)
    }

    /// Seconds that local time lies ahead of UTC.
    #[must_use]
    pub fn zone(&self) -> i32 {
        self.zone.load(Relaxed)
    }
}
