//! What packets feel while the control thread works, and while the worker is only partly busy.

use super::packets::{self, Effort};
use crate::gateway::{self, Control, Role};
use crate::machine::{Machine, move_to};
use crate::report::{Average, Figure};
use crate::rig::{POOL, Rig};
use crate::ruleset::{Beside, Extra};
use crate::traffic::{Protocol, Traffic, Way};
use anyhow::{Context, Result, ensure};
use dpdk::cpu;
use hdrhistogram::Histogram;
use sluice_dataplane::snapshot::Snapshot;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Connections behind the gateway.
const FLOWS: u32 = 1_000_000;
/// Those of them that packets come of where latency is measured during a swap: each sends some within a round.
const ACTIVE: u32 = 1024;
const HARNESS: &str = "in-process; control thread on another core";

/// What the control thread changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swap {
    /// A rule that packets of connections do not meet.
    Nat,
    /// A rule that all packets meet.
    Forward,
    /// A route.
    Routes,
}

/// What has been made ready: rules to publish, or nothing where a route is changed in place.
type Ready = Option<Arc<Snapshot>>;

impl Swap {
    /// Prepares the swap: every second one takes back what the one before has done.
    fn prepare(self, control: &Control, odd: bool) -> Ready {
        let extra = match self {
            Self::Nat => Extra::Nat,
            Self::Forward => Extra::Forward,
            Self::Routes => return None,
        };
        Some(control.new_rules(if odd { extra } else { Extra::None }))
    }

    fn make(control: &mut Control, ready: Ready) -> Result<()> {
        match ready {
            Some(rules) => control.publish(rules),
            None => control.swap_routes()?,
        }
        Ok(())
    }

    /// How many connections walk the rules after the swap, at least and at most.
    const fn judged_anew(self) -> (u64, u64) {
        match self {
            Self::Nat | Self::Routes => (0, 0),
            // One does, and others like it take over what it found; not those of the same burst.
            Self::Forward => (1, 32),
        }
    }
}

/// A NAT gateway with `flows` connections, and its control thread's half.
fn gateway(machine: &Machine, flows: u32) -> Result<(Rig, Control)> {
    let role = Role::Nat { capacity: flows as usize, beside: Beside::Filters(10), udp_timeout: 30 };
    let mut gateway = gateway::gateway(role, 1)?;
    let worker = gateway.workers.pop().context("a gateway of no workers")?;
    let traffic = Traffic { protocol: Protocol::Udp, translated: true, destinations: Vec::new() };
    let mut rig = Rig::of(machine.pool.clone(), worker, traffic);
    packets::establish(&mut rig, 0..flows)?;
    Ok((rig, gateway.control))
}

fn any(random: u64) -> u32 {
    u32::try_from(random % u64::from(FLOWS)).unwrap_or(0)
}

/// Packets lost while the control thread swaps again and again, with a million connections live.
pub(super) fn loss(machine: &Machine, name: &str, what: Swap, effort: Effort) -> Result<Figure> {
    let (mut rig, mut control) = gateway(machine, FLOWS)?;
    rig.count_lost();
    let (stop, begin) = (AtomicBool::new(false), Instant::now());
    let (swaps, rounds) = thread::scope(|scope| -> Result<_> {
        let swapper = scope.spawn(|| -> Result<u64> {
            // Where there is but one core, the two share it.
            move_to(0);
            let mut swaps = 0;
            while !stop.load(Relaxed) {
                let ready = what.prepare(&control, swaps % 2 == 0);
                Swap::make(&mut control, ready)?;
                swaps += 1;
                thread::sleep(Duration::from_micros(200));
            }
            Ok(swaps)
        });
        let mut rounds = 0;
        let mut failed = None;
        while rounds < effort.rounds && begin.elapsed() < effort.time && failed.is_none() {
            failed = rig.round(|_| Way::Out, |_, random| any(random)).err();
            rounds += 1;
        }
        stop.store(true, Relaxed);
        let swaps = swapper.join().ok().context("the control thread panicked")??;
        failed.map_or(Ok((swaps, rounds)), Err)
    })?;
    ensure!(swaps as usize > rounds / 4, "only {swaps} swaps during {rounds} rounds");
    let lost = u32::try_from(rig.count_lost())?;
    let harness = format!("{HARNESS}; {swaps} swaps, {} packets", rounds * POOL);
    Ok(Figure::single(name, &harness, "packets lost", lost.into()))
}

/// Latency of packets, from their arrival until they are out: a histogram of each round.
///
/// A figure is the median over rounds of that round's percentile; min and max are the best and the worst round.
/// A round in which another process had the core says nothing of the worker, and counts only where
/// there is no other.
#[derive(Default)]
struct Latency {
    rounds: Vec<Histogram<u64>>,
    disturbed: Vec<Histogram<u64>>,
}

impl Latency {
    /// A round of its own, at that pace.
    fn round(
        &mut self,
        rig: &mut Rig,
        interval: f64,
        flow: impl FnMut(u64) -> u32,
        early: impl FnOnce(),
    ) -> Result<()> {
        let mut round = Histogram::new(3)?;
        let (latencies, preempted) = rig.paced(interval, flow, early)?;
        for cycles in latencies {
            round.record(*cycles)?;
        }
        match preempted {
            0 => self.rounds.push(round),
            _ => self.disturbed.push(round),
        }
        Ok(())
    }

    fn figure(&self, name: &str, quantile: f64) -> Figure {
        let of = |histogram: &Histogram<u64>| microseconds(histogram.value_at_quantile(quantile));
        let (rounds, which) = match self.rounds.as_slice() {
            [] => (self.disturbed.as_slice(), "all of them disturbed"),
            rounds => (rounds, "undisturbed"),
        };
        let harness = format!("{HARNESS}; {} rounds, {which}", rounds.len());
        let latencies: Vec<f64> = rounds.iter().map(of).collect();
        Figure::new(name, &harness, "µs", &latencies, Average::Median)
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn microseconds(cycles: u64) -> f64 {
    cycles as f64 * 1e6 / cpu::cycles_per_second() as f64
}

const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// Cycles per packet when the worker is always busy: the median of a few rounds.
fn busy(rig: &mut Rig, flow: impl Fn(u64) -> u32) -> Result<f64> {
    let mut samples = Vec::new();
    for _ in 0..5 {
        samples.extend(rig.round(|_| Way::Out, |_, random| flow(random))?);
    }
    Ok(Average::Median.of(&samples))
}

/// Latency at so many percent of what the worker can.
pub(super) fn load(
    machine: &Machine,
    name: &str,
    percent: u32,
    effort: Effort,
) -> Result<Vec<Figure>> {
    let (mut rig, _control) = gateway(machine, FLOWS)?;
    let interval = busy(&mut rig, any)? * 100.0 / f64::from(percent);
    let (mut latency, begin) = (Latency::default(), Instant::now());
    for round in 0..effort.rounds {
        if round > 0 && begin.elapsed() > effort.time {
            break;
        }
        latency.round(&mut rig, interval, any, || {})?;
    }
    let figures = QUANTILES
        .iter()
        .map(|(word, quantile)| latency.figure(&format!("{name}/{word}"), *quantile));
    Ok(figures.collect())
}

/// Latency at half load of rounds early in which something is swapped, against rounds without.
///
/// The control thread makes rules on another core, before the round: a round is shorter than the time in which
/// a busy machine lets that thread run, and those in which it comes late enough to see both are the worst.
/// A swap may have connections judged anew, or looked at again, when their next packet comes, so all active ones pass
/// once, untimed, before the next round: else it would pay for the swap of the round before.
///
/// # Errors
/// Packets were judged anew without a swap, or other connections than the swap concerns with one.
pub(super) fn during_swap(
    machine: &Machine,
    name: &str,
    what: Swap,
    effort: Effort,
) -> Result<Vec<Figure>> {
    let (mut rig, mut control) = gateway(machine, FLOWS)?;
    let active = |random: u64| u32::try_from(random % u64::from(ACTIVE)).unwrap_or(0);
    let interval = busy(&mut rig, active)? * 2.0;
    let (mut quiet, mut swapped, begin) = (Latency::default(), Latency::default(), Instant::now());
    let (least, most) = what.judged_anew();
    for round in 0..effort.rounds {
        if round > 0 && begin.elapsed() > effort.time {
            break;
        }
        let before = rig.cached();
        quiet.round(&mut rig, interval, active, || {})?;
        let anew = POOL as u64 - (rig.cached() - before);
        ensure!(anew == 0, "{anew} packets were judged anew without a swap");
        let ready = on_another_core(|| what.prepare(&control, round % 2 == 0))?;
        let before = rig.cached();
        let mut done = Ok(());
        swapped.round(&mut rig, interval, active, || done = Swap::make(&mut control, ready))?;
        done?;
        let anew = POOL as u64 - (rig.cached() - before);
        ensure!((least..=most).contains(&anew), "{anew} packets judged anew, of {ACTIVE} flows");
        rig.pass(Way::Out, 0..ACTIVE)?;
    }
    let figures = QUANTILES.iter().map(|(word, quantile)| {
        let without = quiet.figure("", *quantile).value;
        swapped.figure(&format!("{name}/{word}"), *quantile).against("without a swap", without)
    });
    Ok(figures.collect())
}

fn on_another_core<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            move_to(0);
            work()
        });
        thread.join().ok().context("the control thread panicked")
    })
}
