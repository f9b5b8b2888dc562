//! How much a bucket gives: tokens that come back with time, or a count in windows of time (`--hashlimit-rate-match`).

const SECOND: u64 = 1_000_000_000;

/// How much a bucket gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// A token a packet.
    Packets {
        /// Nanoseconds until one comes back.
        cost: u64,
        /// How many the bucket holds.
        burst: u32,
    },
    /// Bytes a second, in chunks of 16.
    Bytes {
        /// Nanoseconds a chunk costs, times 2^16.
        chunk: u64,
        /// Seconds' worth that may be taken ahead, in all.
        burst: u32,
    },
    /// `--hashlimit-rate-match`: nothing is used up. Packets or bytes are counted, and a window in which too many came makes the
    /// whole next one too fast.
    Window {
        /// Nanoseconds of a window, at least.
        interval: u64,
        /// How many may come in one.
        rate: u64,
        /// With how many it is too fast before it has ended.
        burst: u64,
        /// Whether bytes are counted.
        bytes: bool,
    },
}

/// What is remembered of one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Tokens {
        /// When it is full again, in nanoseconds: see [`Bucket`](super::super::limit::Bucket).
        full: u64,
        /// Seconds' worth still to be taken ahead.
        ahead: u32,
    },
    Window {
        /// When it began, in nanoseconds.
        began: u64,
        counted: u64,
        /// Whether too many came in the one before.
        over: bool,
    },
}

impl Rate {
    /// A bucket nothing was asked of yet.
    pub(super) const fn fresh(self, now: u64) -> State {
        match self {
            Self::Packets { burst, .. } | Self::Bytes { burst, .. } => {
                State::Tokens { full: 0, ahead: burst }
            }
            Self::Window { .. } => State::Window { began: now, counted: 0, over: false },
        }
    }

    /// Whether a packet of `length` bytes is within the rate; takes what it costs.
    pub(super) fn take(self, state: &mut State, now: u64, length: u32) -> bool {
        match (self, &mut *state) {
            (Self::Packets { cost, burst }, State::Tokens { full, .. }) => {
                token(full, now, cost, cost.saturating_mul(burst.into()))
            }
            (Self::Bytes { chunk, .. }, State::Tokens { full, ahead }) => {
                let chunks = u64::from((length >> 4) + 1);
                let cost = (chunks.saturating_mul(chunk) >> 16).min(SECOND);
                if token(full, now, cost, SECOND) {
                    return true;
                }
                // A burst of bytes: as many times as it says the bucket is filled at once.
                let Some(left) = ahead.checked_sub(1) else { return false };
                (*ahead, *full) = (left, now + cost);
                true
            }
            (
                Self::Window { interval, rate, burst, bytes },
                State::Window { began, counted, over },
            ) => {
                let passed = now.saturating_sub(*began);
                if passed >= interval {
                    let (came, may) = (widened(*counted, interval), widened(passed, rate));
                    (*began, *counted, *over) = (now, 0, came > may);
                }
                *counted = counted.saturating_add(if bytes { length.into() } else { 1 });
                !*over && *counted <= burst
            }
            // A rule of the other kind has used the bucket.
            (Self::Packets { .. } | Self::Bytes { .. }, State::Window { .. })
            | (Self::Window { .. }, State::Tokens { .. }) => {
                *state = self.fresh(now);
                self.take(state, now, length)
            }
        }
    }
}

fn token(full: &mut u64, now: u64, cost: u64, most: u64) -> bool {
    let then = (*full).max(now).saturating_add(cost);
    let within = then - now <= most;
    if within {
        *full = then;
    }
    within
}

fn widened(one: u64, other: u64) -> u128 {
    u128::from(one) * u128::from(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for packets of 100 bytes at these milliseconds.
    fn ask(rate: Rate, milliseconds: &[u64]) -> Vec<bool> {
        let mut state = rate.fresh(100 * SECOND);
        let at = |ms: u64| 100 * SECOND + ms * (SECOND / 1000);
        milliseconds.iter().map(|ms| rate.take(&mut state, at(*ms), 100)).collect()
    }

    #[test]
    fn bytes_are_counted_in_chunks() {
        // 16,000 bytes a second: a thousand chunks.
        let rate = Rate::Bytes { chunk: (SECOND / 1000) << 16, burst: 0 };
        let mut state = rate.fresh(0);
        let mut ask =
            |ms: u64, length| rate.take(&mut state, 100 * SECOND + ms * 1_000_000, length);
        assert!(ask(0, 15_980), "999 chunks");
        assert!(!ask(0, 100));
        assert!(ask(10, 100));
    }

    #[test]
    fn a_window_that_was_too_full_closes_the_next() {
        let rate = Rate::Window { interval: SECOND, rate: 2, burst: 3, bytes: false };
        assert_eq!(ask(rate, &[0, 1, 2, 3]), [true, true, true, false], "the fourth at once");
        // Four in a second where two may come: the next second is closed, the one behind it open.
        let seconds = [0, 1, 2, 3, 1000, 1999, 2000, 2001];
        let open = [true, true, true, false, false, false, true, true];
        assert_eq!(ask(rate, &seconds), open);
        // Three in two seconds are within the rate.
        assert_eq!(ask(rate, &[0, 1, 2, 2000]), [true; 4]);
    }

    #[test]
    fn a_window_may_count_bytes() {
        let rate = Rate::Window { interval: SECOND, rate: 200, burst: 200, bytes: true };
        assert_eq!(ask(rate, &[0, 1, 2, 1500]), [true, true, false, true]);
        assert_eq!(ask(rate, &[0, 1, 2, 1499]), [true, true, false, false]);
    }

    #[test]
    fn a_bucket_of_the_other_kind_begins_anew() {
        let window = Rate::Window { interval: SECOND, rate: 1, burst: 1, bytes: false };
        let tokens = Rate::Packets { cost: SECOND, burst: 1 };
        let mut state = window.fresh(SECOND);
        assert!(window.take(&mut state, SECOND, 1) && !window.take(&mut state, SECOND, 1));
        assert!(tokens.take(&mut state, SECOND, 1) && !tokens.take(&mut state, SECOND, 1));
        assert!(window.take(&mut state, SECOND, 1));
    }
}
