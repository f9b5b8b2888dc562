//! Generator and worker in one thread, and the clock around the worker.
//!
//! ```text
//!   pool, shuffled ─> write frames ─> RX bursts ─> [ Worker::receive ─> outbox ] ─> check ─> pool
//!                                                   └──────── timed ─────────┘
//! ```

use crate::gateway::{self, Role};
use crate::machine::{Machine, preemptions};
use crate::sabotage::Sabotage;
use crate::traffic::routes::Random;
use crate::traffic::{Numbered, Protocol, Traffic, Way};
use anyhow::{Context, Result, bail, ensure};
use dpdk::{BURST, Checksum, Mbuf, Mempool, cpu};
use sluice_dataplane::time::Instant;
use sluice_dataplane::worker::counters::Counter;
use sluice_dataplane::worker::{Outbox, Worker};
use std::net::SocketAddr;
use std::time::Duration;

/// Frames of one round. Their headers alone are larger than a core's second-level cache.
pub(crate) const POOL: usize = 16 * 1024;
/// Bursts timed as one: so few that most are over before another process gets the core.
const SAMPLE: usize = 8;
/// How many frames before the generator writes one, or checks it, that is fetched.
const AHEAD: usize = 8;
/// Samples of one round.
pub(crate) const SAMPLES: usize = POOL / (BURST * SAMPLE);
const _: () = assert!(POOL.is_multiple_of(BURST * SAMPLE));

/// What the receiver says of checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checksums {
    /// Verified, as by a network card.
    Verified,
    /// Nothing, as software ports do: the worker has to look itself.
    Unknown,
}

/// How time passes for the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Between bursts.
    pub(crate) burst: Duration,
    /// Bursts between two calls that age connections.
    pub(crate) age_every: usize,
}

impl Default for Pace {
    /// 3.2 million packets a second, aged every millisecond as in the poll loop.
    fn default() -> Self {
        Self { burst: Duration::from_micros(10), age_every: 100 }
    }
}

/// A worker and the frames that go through it.
pub(crate) struct Rig {
    pub(crate) worker: Worker<Mbuf>,
    /// Another worker, which gets the packets and hands them to the one that owns their connections.
    stranger: Option<Worker<Mbuf>>,
    /// Frames that did not come out, where that is counted rather than an error.
    lost: Option<u64>,
    traffic: Traffic,
    checksums: Checksums,
    pace: Pace,
    sabotage: Option<Sabotage>,
    pool: Mempool,
    out: Outbox<Mbuf>,
    frames: Vec<Mbuf>,
    /// What came out of each port.
    done: [Vec<Mbuf>; 2],
    /// Segments so far of each flow, out and back; TCP only.
    turns: Vec<[u32; 2]>,
    /// Sum over the frames of a round, to tell whether each came out once.
    fingerprint: u64,
    now: Instant,
    bursts: usize,
    random: Random,
    /// Cycles from a packet's arrival until it was out; of the last paced round.
    latencies: Vec<u64>,
}

impl Rig {
    /// One worker alone.
    pub(crate) fn new(machine: &Machine, role: Role, traffic: Traffic) -> Result<Self> {
        let worker = gateway::gateway(role, 1)?.workers.pop().context("a gateway of no workers")?;
        Ok(Self::of(machine.pool.clone(), worker, traffic))
    }

    /// One worker of a gateway.
    pub(crate) fn of(pool: Mempool, worker: Worker<Mbuf>, traffic: Traffic) -> Self {
        Self {
            worker,
            stranger: None,
            lost: None,
            traffic,
            checksums: Checksums::Verified,
            pace: Pace::default(),
            sabotage: None,
            pool,
            out: Outbox::new(2, SAMPLE * BURST),
            frames: Vec::with_capacity(POOL),
            done: [Vec::with_capacity(POOL), Vec::with_capacity(POOL)],
            turns: Vec::new(),
            fingerprint: 0,
            now: Instant(1_000_000_000),
            bursts: 0,
            random: Random(0x9e37_79b9_7f4a_7c15),
            latencies: Vec::new(),
        }
    }

    /// Counts lost frames from now on, instead of failing; returns those so far.
    pub(crate) fn count_lost(&mut self) -> u64 {
        self.lost.replace(0).unwrap_or(0)
    }

    /// From now on packets come in by `stranger`.
    pub(crate) fn hand_off_from(&mut self, stranger: Worker<Mbuf>) {
        self.stranger = Some(stranger);
    }

    pub(crate) fn with(mut self, checksums: Checksums, pace: Pace) -> Self {
        (self.checksums, self.pace) = (checksums, pace);
        self
    }

    /// Breaks every round from now on.
    pub(crate) fn sabotage(&mut self, how: Option<Sabotage>) {
        self.sabotage = how;
    }

    /// Sends one frame of each of `flows`, at most [`POOL`] of them; not measured.
    ///
    /// # Errors
    /// As [`Self::round`].
    pub(crate) fn pass(&mut self, way: Way, flows: std::ops::Range<u32>) -> Result<()> {
        self.exchange(
            flows.len(),
            |_| way,
            |index, _| flows.start + u32::try_from(index).unwrap_or(0),
        )
        .map(drop)
    }

    /// Sends one pool of frames, frame `n` of the flow that `flow(n, random)` names; returns cycles per
    /// packet in each sample.
    ///
    /// # Errors
    /// A frame did not come out, or not as it should.
    pub(crate) fn round(
        &mut self,
        ways: impl Fn(usize) -> Way,
        flow: impl FnMut(usize, u64) -> u32,
    ) -> Result<[f64; SAMPLES]> {
        self.exchange(POOL, ways, flow)
    }

    fn exchange(
        &mut self,
        count: usize,
        ways: impl Fn(usize) -> Way,
        mut flow: impl FnMut(usize, u64) -> u32,
    ) -> Result<[f64; SAMPLES]> {
        self.take_mbufs(count)?;
        self.fingerprint = 0;
        for index in 0..count {
            let flow = flow(index, self.random.next()) % Numbered::FLOWS;
            self.write(index, flow, ways(index / BURST))?;
        }
        // Taken from the end, so that nothing moves.
        self.frames.reverse();
        let mut samples = [0.0; SAMPLES];
        let mut bursts = std::array::from_fn(|_| (0, Vec::with_capacity(BURST)));
        for (sample, value) in samples.iter_mut().enumerate() {
            for (index, (port, burst)) in bursts.iter_mut().enumerate() {
                *port = ways(sample * SAMPLE + index).ingress();
                burst.extend((0..BURST).filter_map(|_| self.frames.pop()));
            }
            *value = self.sample(&mut bursts);
        }
        if let Some(sabotage) = self.sabotage {
            sabotage.strike(&mut self.done);
        }
        self.check(count)?;
        Ok(samples)
    }

    /// A pool of empty mbufs, in no order that a prefetcher could guess.
    fn take_mbufs(&mut self, count: usize) -> Result<()> {
        while self.frames.len() < count {
            let mbuf = self.pool.alloc().context("the worker keeps mbufs: the pool is empty")?;
            self.frames.push(mbuf);
        }
        for last in (1..self.frames.len()).rev() {
            let other = self.random.next() % (last as u64 + 1);
            self.frames.swap(last, usize::try_from(other).unwrap_or(0));
        }
        Ok(())
    }

    /// Writes frame `index` of a round.
    fn write(&mut self, index: usize, flow: u32, way: Way) -> Result<()> {
        let (turn, acknowledged) = self.turn(flow, way);
        let number = Numbered { flow, way, turn };
        self.fingerprint = self.fingerprint.wrapping_add(fingerprint(number));
        let frame = self.traffic.sent(number, acknowledged);
        let bytes = frame.bytes();
        if let Some(coming) = self.frames.get(index + 2 * AHEAD) {
            coming.prefetch_header();
        }
        if let Some(next) = self.frames.get(index + AHEAD) {
            next.prefetch_data();
        }
        let mbuf = self.frames.get_mut(index).context("fewer mbufs than frames")?;
        let room = mbuf.append(u16::try_from(bytes.len())?).context("mbufs are too small")?;
        room.copy_from_slice(bytes);
        if self.checksums == Checksums::Verified {
            mbuf.set_rx_checksums(Checksum::Good, Checksum::Good);
        }
        Ok(())
    }

    /// How many segments of the flow came before, this way and the other.
    fn turn(&mut self, flow: u32, way: Way) -> (u32, u32) {
        if self.traffic.protocol == Protocol::Udp {
            return (0, 0);
        }
        let flow = flow as usize;
        if self.turns.len() <= flow {
            self.turns.resize((flow + 1).next_power_of_two(), [0; 2]);
        }
        let Some([out, back]) = self.turns.get_mut(flow) else { return (0, 0) };
        let (own, other) = match way {
            Way::Out => (out, back),
            Way::Back => (back, out),
        };
        *own += 1;
        (*own - 1, *other)
    }

    /// Cycles per packet of the bursts of one sample.
    fn sample(&mut self, bursts: &mut [(u16, Vec<Mbuf>); SAMPLE]) -> f64 {
        let begin = cpu::cycles();
        self.measured(bursts);
        let cycles = cpu::cycles() - begin;
        for ((_, sent), done) in self.out.ports_mut().zip(&mut self.done) {
            done.append(sent);
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let cycles = cycles as f64;
        cycles / (SAMPLE * BURST) as f64
    }

    /// The bursts of a sample through the worker, and nothing else: what callgrind counts, by this
    /// function's name.
    #[inline(never)]
    fn measured(&mut self, bursts: &mut [(u16, Vec<Mbuf>); SAMPLE]) {
        for (port, burst) in bursts.iter_mut().filter(|(_, burst)| !burst.is_empty()) {
            self.burst(*port, burst);
        }
    }

    #[inline(always)]
    fn burst(&mut self, port: u16, burst: &mut Vec<Mbuf>) {
        self.now = self.now + self.pace.burst;
        match &mut self.stranger {
            None => {
                let (pool, out) = (&mut self.pool, &mut self.out);
                self.worker.receive(self.now, port, burst, pool, out);
            }
            Some(stranger) => {
                let (pool, out) = (&mut self.pool, &mut self.out);
                stranger.receive(self.now, port, burst, pool, out);
                self.worker.take_handed(self.now, BURST, pool, out);
            }
        }
        self.bursts += 1;
        if self.bursts.is_multiple_of(self.pace.age_every) {
            self.worker.age(self.now, &mut self.pool, &mut self.out);
        }
    }

    /// As [`Self::round`], but packets arrive one every `interval` cycles, whether the worker is ready or
    /// not; returns how long each took from then until it was out, in cycles, and how often another process got
    /// the core meanwhile. `early` is called when
    /// an eighth has arrived.
    ///
    /// # Errors
    /// As [`Self::round`].
    pub(crate) fn paced(
        &mut self,
        interval: f64,
        mut flow: impl FnMut(u64) -> u32,
        early: impl FnOnce(),
    ) -> Result<(&[u64], u64)> {
        self.take_mbufs(POOL)?;
        self.fingerprint = 0;
        for index in 0..POOL {
            let flow = flow(self.random.next()) % Numbered::FLOWS;
            self.write(index, flow, Way::Out)?;
        }
        self.frames.reverse();
        self.latencies.clear();
        self.latencies.reserve(POOL);
        let before = preemptions()?;
        self.arrive(interval, early);
        let preempted = preemptions()? - before;
        self.check(POOL)?;
        Ok((&self.latencies, preempted))
    }

    /// The poll loop over packets that arrive by the clock.
    #[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "cycles of one round")]
    fn arrive(&mut self, interval: f64, early: impl FnOnce()) {
        let (mut burst, mut sent, mut early) = (Vec::with_capacity(BURST), 0, Some(early));
        let begin = cpu::cycles();
        while sent < POOL {
            let arrived = ((cpu::cycles() - begin) as f64 / interval) as usize;
            let count = arrived.min(POOL).saturating_sub(sent).min(BURST);
            if count == 0 {
                continue;
            }
            burst.extend((0..count).filter_map(|_| self.frames.pop()));
            self.burst(Way::Out.ingress(), &mut burst);
            let end = cpu::cycles() - begin;
            for ((_, sent), done) in self.out.ports_mut().zip(&mut self.done) {
                done.append(sent);
            }
            let arrivals = (sent..sent + count).map(|index| (index as f64 * interval) as u64);
            self.latencies.extend(arrivals.map(|arrival| end.saturating_sub(arrival)));
            sent += count;
            if sent > POOL / 8
                && let Some(early) = early.take()
            {
                early();
            }
        }
    }

    /// Checks what came out: that each frame did, once, as it should. Gives the mbufs back.
    fn check(&mut self, sent: usize) -> Result<()> {
        let (mut count, mut seen) = (0, 0_u64);
        for (port, done) in self.done.iter_mut().enumerate() {
            count += done.len();
            // What is fetched is fetched before it is given back, from the end.
            while let Some(frame) = done.pop() {
                if let Some(coming) = done.len().checked_sub(2 * AHEAD).and_then(|at| done.get(at))
                {
                    coming.prefetch_header();
                }
                if let Some(next) = done.len().checked_sub(AHEAD).and_then(|at| done.get(at)) {
                    next.prefetch_data();
                }
                match self.traffic.check(frame.data(), port) {
                    Ok(number) => seen = seen.wrapping_add(fingerprint(number)),
                    Err(wrong) => bail!(wrong),
                }
            }
        }
        if let Some(lost) = self.lost.as_mut().filter(|_| count < sent) {
            *lost += (sent - count) as u64;
            return Ok(());
        }
        let drops = self.worker.counters().drops();
        ensure!(count == sent, "{count} of {sent} came out; drops: {drops:?}");
        ensure!(seen == self.fingerprint, "some frames came out twice and others not at all");
        Ok(())
    }

    /// Addresses and ports of a flow's first packet.
    pub(crate) fn first(&self, flow: u32) -> (SocketAddr, SocketAddr) {
        self.traffic.first(flow)
    }

    /// Packets so far that took a cached verdict.
    pub(crate) fn cached(&self) -> u64 {
        self.worker.counters().get(Counter::Cached)
    }
}

/// A hash of a frame's number: the sum over a round tells whether each came out once.
fn fingerprint(number: Numbered) -> u64 {
    let way = match number.way {
        Way::Out => 0,
        Way::Back => 1,
    };
    let bits = u64::from(number.flow) << 32 | u64::from(number.turn) << 1 | way;
    let mixed = (bits ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ mixed >> 29
}
