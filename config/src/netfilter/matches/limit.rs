//! `-m limit`: a token bucket for each rule (kernel: xt_limit).

/// `--limit RATE --limit-burst N`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Time a token takes to come back, in 1/10000 s.
    pub interval: u32,
    /// Tokens the bucket holds.
    pub burst: u32,
}

impl Default for Limit {
    /// 3/hour, burst 5.
    fn default() -> Self {
        Self { interval: 10_000 * 3600 / 3, burst: 5 }
    }
}
