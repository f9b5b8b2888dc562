//! What came back: loss, order, ways, latency.

use super::packet::Seen;
use anyhow::Result;
use dpdk::cpu;
use hdrhistogram::Histogram;

/// Counts of one run.
#[derive(Debug)]
pub(crate) struct Sink {
    /// Marked frames that came where they should.
    pub(crate) received: u64,
    /// Frames that came after a later one of their flow.
    pub(crate) reordered: u64,
    /// Marked frames that came back to where they were sent.
    pub(crate) misrouted: u64,
    /// Frames of others.
    pub(crate) foreign: u64,
    /// TCP connections whose handshake is complete.
    pub(crate) connected: u64,
    latency: Histogram<u64>,
    /// Highest number seen of each flow.
    highest: Vec<u64>,
}

impl Sink {
    pub(super) fn new(flows: u32) -> Result<Self> {
        Ok(Self {
            received: 0,
            reordered: 0,
            misrouted: 0,
            foreign: 0,
            connected: 0,
            latency: Histogram::new_with_bounds(1, 1 << 40, 3)?,
            highest: vec![0; flows as usize],
        })
    }

    /// A frame that came to the right port.
    pub(super) fn count(&mut self, seen: &Seen, now: u64) {
        self.received += 1;
        self.latency.saturating_record(seen.mark.age(now));
        if let Some(highest) = self.highest.get_mut(seen.mark.flow as usize) {
            self.reordered += u64::from(seen.mark.number < *highest);
            *highest = seen.mark.number.max(*highest);
        }
    }

    /// Microseconds at a quantile.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(crate) fn latency(&self, quantile: f64) -> f64 {
        let cycles = self.latency.value_at_quantile(quantile);
        cycles as f64 * 1e6 / cpu::cycles_per_second() as f64
    }
}
