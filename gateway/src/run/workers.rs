//! Starts the workers on their cores, and takes them down again.

use super::clock;
use super::ports::{Opened, Watches};
use super::views::Machine;
use anyhow::Result;
use crossbeam_queue::ArrayQueue;
use dpdk::{Mbuf, Mempool, Port, spawn_worker};
use sluice_config::Config;
use sluice_config::gateway::Workers;
use sluice_control::server::{Expected, WorkerHandle};
use sluice_dataplane::address::{Address, V4, V6};
use sluice_dataplane::conntrack::{Conntrack, ConntrackSettings, Directory, Expectations, Journal};
use sluice_dataplane::fib::Fib;
use sluice_dataplane::ids::WorkerId;
use sluice_dataplane::nat::SourceMappings;
use sluice_dataplane::neighbour::NeighbourTable;
use sluice_dataplane::pipeline::Lane;
use sluice_dataplane::poll::{PollLoop, PortQueues};
use sluice_dataplane::published::{Published, Quiescence};
use sluice_dataplane::rate_limit::{IcmpLimiter, Settings};
use sluice_dataplane::rules::report::Reports;
use sluice_dataplane::snapshot::Snapshot;
use sluice_dataplane::synproxy::SynCookies;
use sluice_dataplane::time::WallClock;
use sluice_dataplane::trace::Traces;
use sluice_dataplane::worker::counters::WorkerCounters;
use sluice_dataplane::worker::{HandOffRing, Parts, Shared, Worker};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const HAND_OFF_RING: usize = 4096;
const EVENTS: usize = 4096;
/// Packets that rules may tell of before somebody writes them down.
const REPORTS: usize = 2048;
/// Steps of traced packets that may wait for the reader.
const TRACES: usize = 16_384;
const REQUESTS: usize = 1024;
/// Events of connections that may wait for the reader, which comes every few milliseconds.
const JOURNAL: usize = 16_384;

/// The FIBs all workers read.
#[derive(Debug)]
pub(super) struct Fibs {
    pub(super) v4: Arc<Fib<V4>>,
    pub(super) v6: Arc<Fib<V6>>,
}

/// Running workers and what they poll.
pub(super) struct Started {
    pub(super) handles: Vec<WorkerHandle>,
    pub(super) journal: Arc<Journal>,
    pub(super) expected: Expected,
    threads: Vec<dpdk::Worker<Worker<Mbuf>>>,
    ports: Vec<(String, Arc<Port>)>,
    watches: Watches,
    pool: Mempool,
    capacity: u64,
    memory_mode: String,
}

impl Started {
    /// What the control plane shows of it.
    pub(super) fn machine(&self) -> Machine {
        Machine {
            ports: self.ports.clone(),
            watches: self.watches.clone(),
            pool: self.pool.clone(),
            capacity: self.capacity,
            memory_mode: self.memory_mode.clone(),
        }
    }
}

/// What all workers share.
pub(super) fn shared(
    count: usize,
    config: &Config,
    neighbours: Arc<NeighbourTable>,
) -> Arc<Shared<Mbuf>> {
    let limits = config.sysctl.icmp();
    let wall = WallClock::default();
    clock::tell(&wall);
    Arc::new(Shared {
        neighbours,
        events: ArrayQueue::new(EVENTS),
        handoff: (0..count).map(|_| HandOffRing::new(HAND_OFF_RING)).collect(),
        limiter: IcmpLimiter::new(
            Settings {
                ratelimit_v4: limits.ratelimit_ms,
                ratelimit_v6: limits.v6_ratelimit_ms,
                messages_per_second: limits.messages_per_second,
                messages_burst: limits.messages_burst,
                route_error_cost: limits.route_error_cost_ms,
                route_error_burst: limits.route_error_burst_ms,
            },
            secret(),
        ),
        clock: wall,
        reports: Arc::new(Reports::new(REPORTS)),
        traces: Arc::new(Traces::new(TRACES)),
        cookies: SynCookies::new([secret(), secret(), secret(), secret()]),
        sockets: Arc::default(),
    })
}

/// A number nobody on the wire can guess.
pub(super) fn secret() -> u64 {
    RandomState::new().hash_one("sluice")
}

/// One family's state of all workers.
struct Family<A: Address> {
    fib: Arc<Fib<A>>,
    mappings: Arc<SourceMappings<A>>,
    directory: Option<Arc<Directory<A>>>,
    expectations: Arc<Expectations<A>>,
    capacity: usize,
    key: [u64; 2],
}

impl<A: Address> Family<A> {
    fn new(fib: &Arc<Fib<A>>, workers: usize, max: usize, journal: &Arc<Journal>) -> Result<Self> {
        let key = [secret(), secret()];
        Ok(Self {
            fib: Arc::clone(fib),
            mappings: Arc::new(SourceMappings::new(max, secret())?),
            directory: (workers > 1).then(|| Arc::new(Directory::new(2 * max, key))),
            expectations: Arc::new(Expectations::new(key).with_journal(Arc::clone(journal))),
            capacity: max.div_ceil(workers),
            key,
        })
    }
    fn lane(
        &self,
        id: WorkerId,
        settings: &ConntrackSettings,
        journal: &Arc<Journal>,
    ) -> Result<Lane<A>> {
        let directory = self.directory.clone();
        let conntrack = Conntrack::new(id, settings, self.key, self.capacity, directory)?;
        let conntrack = conntrack
            .with_journal(Arc::clone(journal))
            .with_expectations(Arc::clone(&self.expectations));
        Ok(Lane::new(conntrack, Arc::clone(&self.fib), Arc::clone(&self.mappings)))
    }
}

/// Starts every worker on its core.
pub(super) fn start(
    config: &Config,
    opened: Opened,
    shared: &Arc<Shared<Mbuf>>,
    published: &Arc<Published<Snapshot>>,
    quiescence: &Arc<Quiescence>,
    fibs: &Fibs,
    stop: &Arc<AtomicBool>,
) -> Result<Started> {
    let Opened { eal, pool, ports, watches, open: _ } = opened;
    let count = config.gateway.workers.count();
    let max = config.sysctl.conntrack().max as usize;
    let journal = Arc::new(Journal::new(JOURNAL));
    let v4 = Family::new(&fibs.v4, count, max, &journal)?;
    let v6 = Family::new(&fibs.v6, count, max / 4, &journal)?;
    let settings = published.current().conntrack.clone();
    let (mut handles, mut threads) = (Vec::new(), Vec::new());
    let (ports, mut queues) = split(ports);
    for index in 0..count {
        let id = WorkerId(u8::try_from(index).unwrap_or(u8::MAX));
        let counters = Arc::new(WorkerCounters::default());
        let (send, requests) = crossbeam_channel::bounded(REQUESTS);
        let worker = Worker::new(Parts {
            id,
            v4: v4.lane(id, &settings, &journal)?,
            v6: v6.lane(id, &settings, &journal)?,
            snapshot: published.reader(),
            shared: Arc::clone(shared),
            counters: Arc::clone(&counters),
            seed: secret(),
        });
        let Some(quiescence) = quiescence.worker(id) else { continue };
        let poll = PollLoop {
            worker,
            ports: queues
                .iter_mut()
                .zip(&watches)
                .filter_map(|((rx, tx), watches)| {
                    let watch = Arc::clone(watches.get(index)?);
                    Some(PortQueues { watch, rx: rx.pop(), tx: tx.pop() })
                })
                .collect(),
            pool: pool.clone(),
            requests,
            quiescence,
            clock: clock::now,
            idle_turns_before_sleep: 1000,
        };
        let core = core_of(&config.gateway.workers, index);
        let stop = Arc::clone(stop);
        threads
            .push(spawn_worker(&eal, core, &format!("worker-{index}"), move |_| poll.run(&stop))?);
        let age_ms = Arc::default();
        handles.push(WorkerHandle { id, core, counters, requests: send, age_ms });
    }
    let capacity = u64::from(pool.available()) + u64::from(pool.in_use());
    Ok(Started {
        handles,
        journal,
        expected: Expected { v4: v4.expectations, v6: v6.expectations },
        threads,
        ports,
        watches,
        pool,
        capacity,
        memory_mode: eal.memory_mode().to_string(),
    })
}

type QueuesOfPort = (Vec<dpdk::RxQueue>, Vec<dpdk::TxQueue>);

/// Ports apart from their queues; queues reversed, so that worker 0 pops queue 0.
fn split(
    ports: Vec<(String, Port, dpdk::Queues)>,
) -> (Vec<(String, Arc<Port>)>, Vec<QueuesOfPort>) {
    ports
        .into_iter()
        .map(|(name, port, queues)| {
            let (mut rx, mut tx) = (queues.rx, queues.tx);
            rx.reverse();
            tx.reverse();
            ((name, Arc::new(port)), (rx, tx))
        })
        .unzip()
}

/// The core of a worker: as told, or the last cores first, so that core 0 is left to the host.
fn core_of(workers: &Workers, index: usize) -> usize {
    match workers {
        Workers::Cores(cores) => cores.get(index).copied().map_or(0, usize::from),
        Workers::Count(_) => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            cores - 1 - index % cores
        }
    }
}

/// Waits for the workers to end; true when all ended well.
pub(super) fn join(started: Started) -> bool {
    // What a worker still holds is freed here, not on its thread.
    started.threads.into_iter().map(dpdk::Worker::join).all(|worker| worker.is_some())
}
