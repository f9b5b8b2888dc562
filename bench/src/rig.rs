//! Generator and worker in one thread, and the clock around the worker.
//!
//! ```text
//!   pool, shuffled ─> write frames ─> [ receive bursts, drain outbox ] ─> check frames ─> pool
//!                                      └──────── timed ─────────────┘
//! ```

use crate::frame::{Frame, NoBuffers};
use crate::gateway::{self, Role};
use crate::traffic::{Flow, Way, check};
use anyhow::{Result, bail, ensure};
use dpdk::cpu;
use sluice_dataplane::packet::Packet;
use sluice_dataplane::time::Instant;
use sluice_dataplane::worker::counters::Counter;
use sluice_dataplane::worker::{Outbox, Worker};
use std::time::Duration;

/// Frames of one round. Their headers alone are larger than a core's second-level cache.
pub(crate) const POOL: usize = 16 * 1024;
/// Packets of one receive, as in the poll loop.
const BURST: usize = 32;
/// Time the worker sees pass with each burst.
const BURST_TIME: Duration = Duration::from_micros(10);
/// Bursts between two calls that age connections: every 10 ms, as in the poll loop.
const AGE_EVERY: usize = 1000;
/// Bursts timed as one: so few that most are over before another process gets the core.
const SAMPLE: usize = 8;
/// Samples of one round.
pub(crate) const SAMPLES: usize = POOL / (BURST * SAMPLE);
const _: () = assert!(POOL.is_multiple_of(BURST * SAMPLE));

/// A worker and the frames that go through it.
pub(crate) struct Rig {
    pub(crate) worker: Worker<Frame>,
    translated: bool,
    out: Outbox<Frame>,
    frames: Vec<Frame>,
    /// What came out of each port.
    done: [Vec<Frame>; 2],
    now: Instant,
    bursts: usize,
    random: u64,
}

impl Rig {
    pub(crate) fn new(role: Role) -> Result<Self> {
        Ok(Self {
            worker: gateway::worker(role)?,
            translated: role != Role::Router,
            out: Outbox::new(2, 4 * BURST),
            frames: (0..POOL).map(|_| Frame::new()).collect(),
            done: [Vec::with_capacity(POOL), Vec::with_capacity(POOL)],
            now: Instant(1_000_000_000),
            bursts: 0,
            random: 0x9e37_79b9_7f4a_7c15,
        })
    }

    /// Sends one pool of frames, frame `n` of the flow that `flow(n, random)` names; returns cycles per
    /// packet in each sample.
    ///
    /// # Errors
    /// A frame did not come out, or not as it should.
    pub(crate) fn round(
        &mut self,
        ways: impl Fn(usize) -> Way,
        mut flow: impl FnMut(usize, u64) -> Flow,
    ) -> Result<[f64; SAMPLES]> {
        self.shuffle();
        for index in 0..POOL {
            let random = self.next_random();
            let bytes = flow(index, random).sent(ways(index / BURST), self.translated);
            if let Some(frame) = self.frames.get_mut(index) {
                frame.fill(&bytes);
            }
        }
        let mut bursts = (0..POOL / BURST).rev();
        let samples = std::array::from_fn(|_| {
            let begin = cpu::cycles();
            for burst in bursts.by_ref().take(SAMPLE) {
                self.burst(burst, ways(burst));
            }
            #[allow(clippy::cast_precision_loss)]
            let cycles = (cpu::cycles() - begin) as f64;
            cycles / (SAMPLE * BURST) as f64
        });
        self.collect()?;
        Ok(samples)
    }

    /// Passes on the frames from `burst` on; bursts come last first, so that nothing moves.
    fn burst(&mut self, burst: usize, way: Way) {
        self.now = self.now + BURST_TIME;
        let port = match way {
            Way::Out => 0,
            Way::Back => 1,
        };
        let packets = self.frames.drain(burst * BURST..);
        self.worker.receive(self.now, port, packets, &mut NoBuffers, &mut self.out);
        for ((_, sent), done) in self.out.ports_mut().zip(&mut self.done) {
            done.append(sent);
        }
        self.bursts += 1;
        if self.bursts.is_multiple_of(AGE_EVERY) {
            self.worker.age(self.now, &mut NoBuffers, &mut self.out);
        }
    }

    /// Checks what came out, and takes the buffers back.
    fn collect(&mut self) -> Result<()> {
        for (port, done) in self.done.iter_mut().enumerate() {
            for frame in done.iter() {
                if let Err(wrong) = check(frame.data(), port, self.translated) {
                    bail!(wrong);
                }
            }
            self.frames.append(done);
        }
        let drops = self.worker.counters().drops();
        ensure!(self.frames.len() == POOL, "{} of {POOL} came out: {drops:?}", self.frames.len());
        Ok(())
    }

    /// Lets time pass until no connection is left.
    pub(crate) fn expire_all(&mut self) -> Result<()> {
        self.now = self.now + Duration::from_secs(3600);
        for _ in 0..10_000_000 {
            if self.worker.v4().conntrack.count() == 0 {
                return Ok(());
            }
            self.worker.age(self.now, &mut NoBuffers, &mut self.out);
        }
        bail!("connections do not expire")
    }

    /// Packets so far that took a cached verdict.
    pub(crate) fn cached(&self) -> u64 {
        self.worker.counters().get(Counter::Cached)
    }

    /// Buffers in no order that a prefetcher could guess.
    fn shuffle(&mut self) {
        for last in (1..self.frames.len()).rev() {
            let other = self.next_random() % (last as u64 + 1);
            self.frames.swap(last, usize::try_from(other).unwrap_or(0));
        }
    }

    /// xorshift64*.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}
