//! The poll loop: one worker on the queues of real ports.
//!
//! ```text
//!   loop: requests ─> hand-off ring ─> each port: receive ─> Worker ─> transmit ─> age ─> quiescent
//! ```

use crate::bridge;
use crate::drop_reason::DropReason;
use crate::published::WorkerQuiescence;
use crate::time::Instant;
use crate::worker::{Outbox, Request, Worker};
use crossbeam_channel::Receiver;
use dpdk::{Mbuf, Mempool, RxQueue, TxQueue};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Packets of one receive.
const BURST: usize = 32;
/// Requests served per turn.
const REQUESTS: usize = 16;
/// How often connections are aged: a few at a time, but half a million a second.
const AGE_EVERY: Duration = Duration::from_millis(1);

/// Ethernet header, and the tag of a tagged frame.
const LINK: usize = 14;
const TAG: usize = 4;

/// What the worker of a queue counts of it, and what it is told. Relaxed: one writer each.
#[derive(Debug)]
pub struct QueueWatch {
    /// Largest IP packet the port carries, in bytes; longer frames are dropped as
    /// [`DropReason::Oversized`]. Written by the control thread.
    pub mtu: AtomicU32,
    /// Frames longer than that.
    pub oversized: AtomicU64,
    /// Packets the driver would not take.
    pub transmit_full: AtomicU64,
}

impl QueueWatch {
    /// Of a port that carries packets of `mtu` bytes.
    #[must_use]
    pub fn new(mtu: u32) -> Self {
        Self { mtu: mtu.into(), oversized: 0.into(), transmit_full: 0.into() }
    }

    /// Whether a frame is longer than its wire carries: several segments in one, whose sender has left
    /// cutting them to hardware that is not there. Cut short by the driver, it must not pass for a whole one.
    fn is_oversized(&self, packet: &Mbuf) -> bool {
        let most = self.mtu.load(Relaxed) as usize + LINK;
        packet.len() > most && (packet.len() > most + TAG || !is_tagged(packet.data()))
            || !packet.is_contiguous()
    }
}

/// IEEE 802.1Q or 802.1ad.
fn is_tagged(frame: &[u8]) -> bool {
    matches!(frame.get(12..14), Some([0x81, 0x00] | [0x88, 0xa8]))
}

fn count(cell: &AtomicU64, more: usize) {
    cell.store(cell.load(Relaxed).wrapping_add(more as u64), Relaxed);
}

/// One worker's queues on one port; a port with fewer queues than workers leaves some without.
#[derive(Debug)]
pub struct PortQueues {
    /// What is counted of them.
    pub watch: Arc<QueueWatch>,
    /// To receive from.
    pub rx: Option<RxQueue>,
    /// To send to.
    pub tx: Option<TxQueue>,
}

/// A worker and what it polls.
#[derive(Debug)]
pub struct PollLoop {
    /// The worker.
    pub worker: Worker<Mbuf>,
    /// Ports by index.
    pub ports: Vec<PortQueues>,
    /// Buffers for what it originates.
    pub pool: Mempool,
    /// What the control thread asks.
    pub requests: Receiver<Request>,
    /// Where it says that it holds nothing old.
    pub quiescence: WorkerQuiescence,
    /// The clock, read once per turn.
    pub clock: fn() -> Instant,
    /// Sleep after this many idle turns, so that a small machine can do something else.
    pub idle_turns_before_sleep: u32,
}

impl PollLoop {
    /// Polls until `stop`; then gives the worker back, so that what it holds can be counted.
    pub fn run(mut self, stop: &AtomicBool) -> Worker<Mbuf> {
        let mut out = Outbox::new(self.ports.len() + bridge::MOST, 4 * BURST);
        let mut arrived = Vec::with_capacity(BURST);
        let mut aged = Instant::default();
        let mut idle = 0_u32;
        while !stop.load(Relaxed) {
            let now = (self.clock)();
            let mut work = 0;
            for request in self.requests.try_iter().take(REQUESTS) {
                self.worker.serve(now, request, &mut self.pool, &mut out);
                work += 1;
            }
            work += self.worker.take_handed(now, BURST, &mut self.pool, &mut out);
            self.transmit(&mut out);
            for port in 0..self.ports.len() {
                work += self.receive(now, port, &mut arrived, &mut out);
                self.transmit(&mut out);
            }
            if now.since(aged) >= AGE_EVERY {
                aged = now;
                self.worker.age(now, &mut self.pool, &mut out);
                self.transmit(&mut out);
            }
            self.quiescence.quiescent();
            idle = if work == 0 { idle.saturating_add(1) } else { 0 };
            if idle > self.idle_turns_before_sleep {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
        self.worker
    }

    fn receive(
        &mut self,
        now: Instant,
        port: usize,
        arrived: &mut Vec<Mbuf>,
        out: &mut Outbox<Mbuf>,
    ) -> usize {
        let Some(PortQueues { watch, rx: Some(queue), tx: _ }) = self.ports.get_mut(port) else {
            return 0;
        };
        let received = queue.receive_list(arrived);
        if received == 0 {
            return 0;
        }
        arrived.retain(|packet| !watch.is_oversized(packet));
        let oversized = received - arrived.len();
        if oversized > 0 {
            count(&watch.oversized, oversized);
            self.worker.refused(DropReason::Oversized, oversized);
        }
        let port = u16::try_from(port).unwrap_or(u16::MAX);
        self.worker.receive(now, port, arrived, &mut self.pool, out);
        received
    }

    fn transmit(&mut self, out: &mut Outbox<Mbuf>) {
        for (port, list) in out.ports_mut().take(self.ports.len()) {
            if list.is_empty() {
                continue;
            }
            let Some(PortQueues { watch, rx: _, tx }) = self.ports.get_mut(port) else { continue };
            let failed = match tx {
                Some(queue) => send_all(queue, list),
                None => list.drain(..).count(),
            };
            if failed > 0 {
                count(&watch.transmit_full, failed);
                self.worker.transmit_failed(failed as u64);
            }
        }
    }
}

/// Sends a list burst by burst; returns how many the driver would not take.
fn send_all(queue: &mut TxQueue, list: &mut Vec<Mbuf>) -> usize {
    let mut failed = 0;
    while !list.is_empty() {
        let burst = list.len().min(BURST);
        let refused = burst - queue.transmit_list(list, burst);
        list.drain(..refused);
        failed += refused;
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_told_by_its_ethertype() {
        let frame = |kind: [u8; 2]| [[0; 12].as_slice(), &kind, &[0; 46]].concat();
        assert!(is_tagged(&frame([0x81, 0x00])) && is_tagged(&frame([0x88, 0xa8])));
        assert!(!is_tagged(&frame([0x08, 0x00])) && !is_tagged(&[0x81, 0x00]));
    }
}
