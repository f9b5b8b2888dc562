//! The poll loop: one worker on the queues of real ports.
//!
//! ```text
//!   loop: requests ─> hand-off ring ─> each port: receive ─> Worker ─> transmit ─> age ─> quiescent
//! ```

use crate::published::WorkerQuiescence;
use crate::time::Instant;
use crate::worker::{Outbox, Request, Worker};
use crossbeam_channel::Receiver;
use dpdk::{Burst, Mbuf, Mempool, RxQueue, TxQueue};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Packets of one receive.
const BURST: usize = 32;
/// Requests served per turn.
const REQUESTS: usize = 16;
/// How often connections are aged.
const AGE_EVERY: Duration = Duration::from_millis(10);

/// One worker's queues on one port; a port with fewer queues than workers leaves some without.
#[derive(Debug)]
pub struct PortQueues {
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
        let mut out = Outbox::new(self.ports.len(), 4 * BURST);
        let mut burst = Burst::<BURST>::default();
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
                work += self.receive(now, port, &mut burst, &mut out);
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
        burst: &mut Burst<BURST>,
        out: &mut Outbox<Mbuf>,
    ) -> usize {
        let queue = self.ports.get_mut(port).and_then(|queues| queues.rx.as_mut());
        let Some(count) = queue.map(|queue| queue.receive(burst)).filter(|count| *count > 0) else {
            return 0;
        };
        let port = u16::try_from(port).unwrap_or(u16::MAX);
        self.worker.receive(now, port, burst.drain(), &mut self.pool, out);
        count
    }

    fn transmit(&mut self, out: &mut Outbox<Mbuf>) {
        for (port, list) in out.ports_mut() {
            if list.is_empty() {
                continue;
            }
            let queue = self.ports.get_mut(port).and_then(|queues| queues.tx.as_mut());
            let failed = match queue {
                Some(queue) => send_all(queue, list),
                None => list.drain(..).count(),
            };
            if failed > 0 {
                self.worker.transmit_failed(failed as u64);
            }
        }
    }
}

/// Sends a list burst by burst; returns how many the driver would not take.
fn send_all(queue: &mut TxQueue, list: &mut Vec<Mbuf>) -> usize {
    let mut failed = 0;
    let mut burst = Burst::<BURST>::default();
    let mut packets = list.drain(..).peekable();
    while packets.peek().is_some() {
        for packet in packets.by_ref().take(BURST) {
            if burst.push(packet).is_err() {
                failed += 1;
            }
        }
        queue.transmit(&mut burst);
        failed += burst.drain().count();
    }
    failed
}
