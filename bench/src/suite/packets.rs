//! Runs a scenario: what comes before, the rounds that are timed, and what must hold after.

use super::scenario::{Established, Kind, Order, Scenario, Table};
use crate::gateway::Role;
use crate::machine::Machine;
use crate::report::{Average, Figure};
use crate::rig::{Checksums, POOL, Pace, Rig, SAMPLES};
use crate::sabotage::Sabotage;
use crate::traffic::routes::Routes;
use crate::traffic::{Protocol, Traffic, Way};
use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};

/// Seconds until a connection without an answer ends: the kernel's default.
const UDP_TIMEOUT: u32 = 30;

/// Connections a table holds unless a scenario needs more; the kernel's default.
const TABLE: usize = 262_144;

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Rounds of 16,384 packets.
    pub(crate) rounds: usize,
    /// No further round begins after this time.
    pub(crate) time: Duration,
    /// Breaks the pipeline on purpose.
    pub(crate) sabotage: Option<Sabotage>,
}

impl Effort {
    /// A full run's.
    pub(crate) const FULL: Self =
        Self { rounds: 120, time: Duration::from_secs(6), sabotage: None };
    /// A quick run's.
    pub(crate) const QUICK: Self =
        Self { rounds: 25, time: Duration::from_millis(1500), sabotage: None };
}

type Samples = Vec<[f64; SAMPLES]>;

impl Scenario {
    /// Cycles per packet.
    ///
    /// # Errors
    /// A frame came out wrong, or took a path that is not the one measured.
    pub(crate) fn run(&self, machine: &Machine, effort: Effort) -> Result<Figure> {
        let samples = match self.kind {
            Kind::Forward { table, flows } => forward(machine, table, flows, effort),
            Kind::Established(asked) => established(machine, asked, effort),
            Kind::New { live, filters } => new(machine, live, filters, effort),
            Kind::Churn => churn(machine, effort),
        };
        let samples = samples.with_context(|| format!("scenario {}", self.name))?;
        let average = match self.kind {
            Kind::Forward { .. } | Kind::Established(_) | Kind::New { .. } => Average::Median,
            Kind::Churn => Average::TrimmedMean,
        };
        let samples = samples.into_flattened();
        Ok(Figure::new(&self.name, machine.harness(), "cycles/packet", samples, average))
    }
}

/// Repeats a round as often as `effort` says.
fn timed(
    rig: &mut Rig,
    effort: Effort,
    mut round: impl FnMut(&mut Rig) -> Result<[f64; SAMPLES]>,
) -> Result<Samples> {
    rig.sabotage(effort.sabotage);
    let begin = Instant::now();
    let mut samples = Vec::with_capacity(effort.rounds);
    while samples.len() < effort.rounds && (samples.is_empty() || begin.elapsed() < effort.time) {
        samples.push(round(rig)?);
    }
    Ok(samples)
}

/// A flow's number; there are fewer than 2^32.
fn flow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// One of `flows` flows.
fn one_of(flows: u32, random: u64) -> u32 {
    u32::try_from(random % u64::from(flows)).unwrap_or(0)
}

const fn out(_burst: usize) -> Way {
    Way::Out
}

fn forward(machine: &Machine, table: Table, flows: u32, effort: Effort) -> Result<Samples> {
    let routes = match table {
        Table::One => Routes::one(),
        Table::Internet4(count) => Routes::internet4(count),
        Table::Internet6(count) => Routes::internet6(count),
    };
    let destinations = routes.destinations(flows as usize);
    let traffic = Traffic { protocol: Protocol::Udp, translated: false, destinations };
    let mut rig = Rig::new(machine, &Role::Router(routes), traffic)?;
    let round = |rig: &mut Rig| rig.round(out, |_, random| one_of(flows, random));
    round(&mut rig)?;
    timed(&mut rig, effort, round)
}

fn nat(machine: &Machine, protocol: Protocol, role: &Role) -> Result<Rig> {
    let traffic = Traffic { protocol, translated: true, destinations: Vec::new() };
    Rig::new(machine, role, traffic)
}

fn established(machine: &Machine, asked: Established, effort: Effort) -> Result<Samples> {
    let flows = asked.flows as usize;
    let role =
        Role::Nat { capacity: flows.max(TABLE), filters: asked.filters, udp_timeout: UDP_TIMEOUT };
    let mut rig = nat(machine, asked.protocol, &role)?.with(asked.checksums, Pace::default());
    // There and back makes a connection; once more, and both directions have their verdicts.
    for first in (0..asked.flows).step_by(POOL) {
        let some = first..asked.flows.min(first + POOL as u32);
        for way in [Way::Out, Way::Back, Way::Out, Way::Back] {
            rig.pass(way, some.clone())?;
        }
    }
    let before = rig.cached();
    let mut next = 0;
    let samples = timed(&mut rig, effort, |rig| {
        rig.round(
            |burst| asked.ways.of(burst),
            |_, random| match asked.order {
                Order::Random => one_of(asked.flows, random),
                Order::Sequential => {
                    next = (next + 1) % flows;
                    flow(next)
                }
            },
        )
    })?;
    let (cached, sent) = (rig.cached() - before, (samples.len() * POOL) as u64);
    ensure!(cached == sent, "{cached} of {sent} packets took a cached verdict");
    let held = rig.worker.v4().conntrack.count();
    ensure!(held == flows, "{held} connections, not {flows}");
    Ok(samples)
}

fn new(machine: &Machine, live: usize, filters: usize, effort: Effort) -> Result<Samples> {
    let rounds = effort.rounds.min(60);
    let capacity = live.next_multiple_of(POOL) + (rounds + 1) * POOL;
    let role = Role::Nat { capacity, filters, udp_timeout: UDP_TIMEOUT };
    let mut rig = nat(machine, Protocol::Udp, &role)?;
    let mut next = 0;
    let mut round = |rig: &mut Rig| {
        rig.round(out, |_, _| {
            next += 1;
            flow(next)
        })
    };
    for _ in 0..live.div_ceil(POOL).max(1) {
        round(&mut rig)?;
    }
    let before = rig.worker.v4().conntrack.statistics().inserted;
    let samples = timed(&mut rig, Effort { rounds, ..effort }, round)?;
    let begun = rig.worker.v4().conntrack.statistics().inserted - before;
    ensure!(begun == (samples.len() * POOL) as u64, "{begun} connections began");
    Ok(samples)
}

/// Connections that live for ten seconds, 100,000 a second.
fn churn(machine: &Machine, effort: Effort) -> Result<Samples> {
    const LIVE: usize = 1_000_000;
    const TIMEOUT: u32 = 10;
    let role = Role::Nat { capacity: LIVE * 3 / 2, filters: 0, udp_timeout: TIMEOUT };
    let pace = Pace { burst: Duration::from_micros(320), age_every: 1 };
    let mut rig = nat(machine, Protocol::Udp, &role)?.with(Checksums::Verified, pace);
    let mut next = 0;
    let mut round = |rig: &mut Rig| {
        rig.round(out, |_, _| {
            next += 1;
            flow(next)
        })
    };
    // Until the first have ended, and as many end as begin.
    for _ in 0..(LIVE + LIVE / 3) / POOL {
        round(&mut rig)?;
    }
    let before = rig.worker.v4().conntrack.statistics();
    let samples = timed(&mut rig, effort, round)?;
    let after = rig.worker.v4().conntrack.statistics();
    let live = rig.worker.v4().conntrack.count();
    ensure!((LIVE * 9 / 10..LIVE * 13 / 10).contains(&live), "{live} connections are live");
    ensure!(after.expired > before.expired, "no connection ended");
    ensure!(after.early_drops == before.early_drops, "connections were pushed out");
    Ok(samples)
}

#[cfg(test)]
mod tests;
