//! Runs a scenario: what comes before, the rounds that are timed, and what must hold after.

use super::left::SharedRig;
use super::measure::{Comparison, Measurement};
use super::scenario::{Established, Order, Table, Ways};
use crate::gateway::{self, Control, Role};
use crate::machine::Machine;
use crate::report::Average;
use crate::rig::{Checksums, POOL, Pace, Rig};
use crate::ruleset::{Asked, Beside};
use crate::sabotage::Sabotage;
use crate::traffic::routes::Routes;
use crate::traffic::{Protocol, Traffic, Way};
use anyhow::{Context, Result, ensure};
use std::cell::{Ref, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

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
    /// Measures baselines too.
    pub(crate) compare: bool,
    /// Breaks the pipeline on purpose.
    pub(crate) sabotage: Option<Sabotage>,
}

impl Effort {
    /// A full run's.
    pub(crate) const FULL: Self =
        Self { rounds: 120, time: Duration::from_secs(6), compare: true, sabotage: None };
    /// A quick run's.
    pub(crate) const QUICK: Self =
        Self { rounds: 25, time: Duration::from_millis(1500), compare: true, sabotage: None };
}

/// Which flow the next packet is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// Any of so many.
    Random(u32),
    /// The next of so many.
    Sequential { flows: u32, next: u32 },
    /// One there has not been.
    Fresh { next: u32 },
}

impl Source {
    pub(super) fn flow(&mut self, random: u64) -> u32 {
        match self {
            Self::Random(flows) => u32::try_from(random % u64::from(*flows)).unwrap_or(0),
            Self::Sequential { flows, next } => {
                *next = (*next + 1) % *flows;
                *next
            }
            Self::Fresh { next } => {
                *next += 1;
                *next
            }
        }
    }
}

/// What must hold after the rounds.
#[derive(Debug, Clone, Copy)]
enum Promise {
    /// Nothing beyond the frames, which are always checked.
    Frames,
    /// Every packet took a cached verdict, and there are so many connections.
    Cached { before: u64, connections: usize },
    /// No packet took a cached verdict, and there are so many connections.
    Asked { before: u64, connections: usize },
    /// Every packet began a connection.
    Began { before: u64 },
    /// About so many connections are live, and none was pushed out.
    Steady { live: usize, expired: u64, early_drops: u64 },
}

/// Packets through a worker.
pub(crate) struct Packets {
    rig: SharedRig,
    ways: Ways,
    source: Source,
    promise: Promise,
    rounds: u64,
}

impl Packets {
    fn new(rig: Rig, ways: Ways, source: Source) -> Self {
        Self::through(Rc::new(RefCell::new(rig)), ways, source)
    }

    fn through(rig: SharedRig, ways: Ways, source: Source) -> Self {
        Self { rig, ways, source, promise: Promise::Frames, rounds: 0 }
    }

    /// Packets of random flows the first way, nothing asked of them beyond the frames.
    pub(crate) fn random(rig: Rig, flows: u32) -> Self {
        Self::new(rig, ONE_WAY, Source::Random(flows))
    }

    /// Alone, in cycles per packet.
    pub(crate) fn alone(self, machine: &Machine, average: Average) -> Comparison {
        Comparison {
            unit: "cycles/packet",
            average,
            harness: machine.harness().into(),
            subject: Box::new(self),
            baseline: None,
        }
    }

    /// Compared with others.
    pub(crate) fn against(self, machine: &Machine, name: &str, other: Self) -> Comparison {
        let baseline = Some((name.to_owned(), Box::new(other) as Box<dyn Measurement>));
        Comparison { baseline, ..self.alone(machine, Average::Median) }
    }

    /// The worker and its frames.
    pub(crate) fn rig(&self) -> Ref<'_, Rig> {
        self.rig.borrow()
    }

    /// Nothing is asked of them beyond the frames.
    pub(super) fn without_promise(self) -> Self {
        self.promise(Promise::Frames)
    }

    fn promise(mut self, promise: Promise) -> Self {
        self.promise = promise;
        self
    }
}

impl Measurement for Packets {
    fn round(&mut self, effort: &Effort) -> Result<Vec<f64>> {
        let mut rig = self.rig.borrow_mut();
        rig.sabotage(effort.sabotage);
        self.rounds += 1;
        let (ways, source) = (self.ways, &mut self.source);
        let samples = rig.round(|burst| ways.of(burst), |_, random| source.flow(random))?;
        Ok(samples.to_vec())
    }

    fn finish(&mut self) -> Result<()> {
        let sent = self.rounds * POOL as u64;
        let rig = self.rig();
        let conntrack = &rig.worker.v4().conntrack;
        let (count, statistics) = (conntrack.count(), conntrack.statistics());
        match self.promise {
            Promise::Frames => {}
            Promise::Cached { before, connections } => {
                let cached = rig.cached() - before;
                ensure!(cached == sent, "{cached} of {sent} packets took a cached verdict");
                ensure!(count == connections, "{count} connections, not {connections}");
            }
            Promise::Asked { before, connections } => {
                let cached = rig.cached() - before;
                ensure!(cached == 0, "{cached} packets took a cached verdict");
                ensure!(count == connections, "{count} connections, not {connections}");
            }
            Promise::Began { before } => {
                let begun = statistics.inserted - before;
                ensure!(begun == sent, "{begun} connections began with {sent} packets");
            }
            Promise::Steady { live, expired, early_drops } => {
                let expected = live * 9 / 10..live * 13 / 10;
                ensure!(expected.contains(&count), "{count} connections are live, not {live}");
                ensure!(statistics.expired > expired, "no connection ended");
                ensure!(statistics.early_drops == early_drops, "connections were pushed out");
            }
        }
        Ok(())
    }
}

const ONE_WAY: Ways = Ways::One(Way::Out);

/// Routing without connections, to so many destinations.
pub(crate) fn forward(machine: &Machine, table: Table, flows: u32) -> Result<Packets> {
    let routes = match table {
        Table::One => Routes::one(),
        Table::Internet4(count) => Routes::internet4(count),
        Table::Internet6(count) => Routes::internet6(count),
    };
    let destinations = routes.destinations(flows as usize);
    let traffic = Traffic { protocol: Protocol::Udp, translated: false, destinations };
    let rig = Rig::new(machine, Role::Router(routes), traffic)?;
    let mut packets = Packets::new(rig, ONE_WAY, Source::Random(flows));
    packets.round(&Effort::QUICK)?;
    Ok(packets)
}

fn translated(protocol: Protocol) -> Traffic {
    Traffic { protocol, translated: true, destinations: Vec::new() }
}

fn nat(machine: &Machine, role: Role) -> Result<Rig> {
    Rig::new(machine, role, translated(Protocol::Udp))
}

/// Makes connections: there and back; and once more, so that both directions have their verdicts.
pub(super) fn establish(rig: &mut Rig, flows: Range<u32>) -> Result<()> {
    pass(rig, flows, &[Way::Out, Way::Back, Way::Out, Way::Back])
}

/// Sends a packet of each flow each of these ways, one after the other.
pub(super) fn pass(rig: &mut Rig, flows: Range<u32>, ways: &[Way]) -> Result<()> {
    for first in flows.clone().step_by(POOL) {
        let some = first..flows.end.min(first + POOL as u32);
        for way in ways {
            rig.pass(*way, some.clone())?;
        }
    }
    Ok(())
}

/// A worker and its connections, which have seen packets both ways.
pub(super) fn connections(machine: &Machine, asked: Established) -> Result<Rig> {
    connections_and_control(machine, asked).map(|(rig, _)| rig)
}

/// The same, and the control thread's half of the gateway.
pub(super) fn connections_and_control(
    machine: &Machine,
    asked: Established,
) -> Result<(Rig, Control)> {
    let connections = asked.flows as usize;
    let role = Role::Nat {
        capacity: connections.max(TABLE),
        beside: Beside::Filters(asked.filters),
        udp_timeout: UDP_TIMEOUT,
    };
    let mut gateway = gateway::gateway(role, 1)?;
    let worker = gateway.workers.pop().context("a gateway of no workers")?;
    let rig = Rig::of(machine.pool.clone(), worker, translated(asked.protocol));
    let mut rig = rig.with(asked.checksums, Pace::default());
    establish(&mut rig, 0..asked.flows)?;
    Ok((rig, gateway.control))
}

/// Packets of connections that have seen packets both ways.
pub(crate) fn established(machine: &Machine, asked: Established) -> Result<Packets> {
    Ok(of_connections(Rc::new(RefCell::new(connections(machine, asked)?)), asked))
}

/// Packets of the connections of that worker, which are as `asked`.
pub(super) fn of_connections(rig: SharedRig, asked: Established) -> Packets {
    let before = rig.borrow().cached();
    let source = match asked.order {
        Order::Random => Source::Random(asked.flows),
        Order::Sequential => Source::Sequential { flows: asked.flows, next: 0 },
    };
    let packets = Packets::through(rig, asked.ways, source);
    packets.promise(Promise::Cached { before, connections: asked.flows as usize })
}

/// Packets of connections that have seen packets both ways, about which a rule asks: about each of them, unless it keeps what it is
/// told.
pub(crate) fn asked(machine: &Machine, asked: Asked, flows: u32) -> Result<Packets> {
    let capacity = (flows as usize).max(TABLE);
    let role = Role::Nat { capacity, beside: Beside::Asked(asked), udp_timeout: UDP_TIMEOUT };
    let mut rig = nat(machine, role)?;
    let connections = flows as usize;
    if asked.is_kept() {
        establish(&mut rig, 0..flows)?;
    } else {
        // No verdict is kept, so there is none to learn.
        pass(&mut rig, 0..flows, &[Way::Out, Way::Back])?;
    }
    let before = rig.cached();
    let packets = Packets::new(rig, ONE_WAY, Source::Random(flows));
    Ok(packets.promise(match asked.is_kept() {
        true => Promise::Cached { before, connections },
        false => Promise::Asked { before, connections },
    }))
}

/// Packets that each begin a connection, with `live` there already.
pub(crate) fn new(
    machine: &Machine,
    live: usize,
    beside: Beside,
    effort: Effort,
) -> Result<Packets> {
    let before = live.div_ceil(POOL).max(1);
    let capacity = (before + effort.rounds) * POOL;
    let role = Role::Nat { capacity, beside, udp_timeout: UDP_TIMEOUT };
    let rig = nat(machine, role)?;
    let mut packets = Packets::new(rig, ONE_WAY, Source::Fresh { next: 0 });
    for _ in 0..before {
        packets.round(&Effort::QUICK)?;
    }
    packets.rounds = 0;
    let before = packets.rig().worker.v4().conntrack.statistics().inserted;
    Ok(packets.promise(Promise::Began { before }))
}

/// Connections that live for ten seconds, 100,000 a second.
pub(crate) fn churn(machine: &Machine) -> Result<Packets> {
    const LIVE: usize = 1_000_000;
    const TIMEOUT: u32 = 10;
    let role =
        Role::Nat { capacity: LIVE * 3 / 2, beside: Beside::Filters(0), udp_timeout: TIMEOUT };
    let pace = Pace { burst: Duration::from_micros(320), age_every: 1 };
    let rig = nat(machine, role)?.with(Checksums::Verified, pace);
    let mut packets = Packets::new(rig, ONE_WAY, Source::Fresh { next: 0 });
    // Until the first have ended, and as many end as begin.
    for _ in 0..(LIVE + LIVE / 3) / POOL {
        packets.round(&Effort::QUICK)?;
    }
    let before = packets.rig().worker.v4().conntrack.statistics();
    let promise =
        Promise::Steady { live: LIVE, expired: before.expired, early_drops: before.early_drops };
    Ok(packets.promise(promise))
}

#[cfg(test)]
mod tests;
