//! The scenarios by name.

use super::kernel::{self, Routing, Tables};
use super::left::Left;
use super::live::{self, Swap};
use super::packets::{self, Effort};
use super::tables::{self, FlowTable};
use super::wire::{self, Link};
use super::{loads, processes, rules, scale};
use crate::machine::Machine;
use crate::report::{Average, Figure};
use crate::rig::Checksums;
use crate::ruleset::{Asked, Beside};
use crate::traffic::{Protocol, Way};
use anyhow::{Context, Result};

/// Which flow the next packet is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// In the order in which they began.
    Sequential,
    /// Any.
    Random,
}

/// Which ways the packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ways {
    /// All the same.
    One(Way),
    /// By turns of a burst.
    Both,
}

impl Ways {
    /// The way of burst `number`.
    pub(crate) const fn of(self, number: usize) -> Way {
        match self {
            Self::One(way) => way,
            Self::Both if number.is_multiple_of(2) => Way::Out,
            Self::Both => Way::Back,
        }
    }
}

/// A table of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// 198.18.0.0/15.
    One,
    /// So many, as the Internet has.
    Internet4(usize),
    /// So many, as the Internet has.
    Internet6(usize),
}

/// Packets of known connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Established {
    pub(crate) protocol: Protocol,
    pub(crate) flows: u32,
    pub(crate) order: Order,
    pub(crate) ways: Ways,
    pub(crate) checksums: Checksums,
    /// Rules in FORWARD.
    pub(crate) filters: usize,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Routing without connections, to so many destinations.
    Forward { table: Table, flows: u32 },
    /// Packets of known connections.
    Established(Established),
    /// Packets that each begin a connection, with so many known already.
    New { live: usize, filters: usize },
    /// Packets of known connections, each of which a rule asks about all the same.
    Asked(Asked),
    /// Packets that each begin a connection to one of so many services.
    Services(usize),
    /// The same, while as many end: a million live, 100,000 a second come and go.
    Churn,
    /// Lookups among so many IPv4 routes.
    Fib4(usize),
    /// Lookups among so many IPv6 routes.
    Fib6(usize),
    /// Changes of one IPv4 route among so many.
    FibUpdate(usize),
    /// Lookups among so many connections.
    FlowTable(u32, FlowTable),
    /// Memory of a connection.
    Memory,
    /// Packets lost while the control thread swaps.
    Loss(Swap),
    /// Latency at so many percent of what the worker can.
    Latency(u32),
    /// Latency while the control thread swaps.
    LatencyDuringSwap(Swap),
    /// One worker and two.
    Scale,
    /// Every packet at the wrong worker.
    AllWrong,
    /// The Linux kernel as the router.
    Kernel(Routing, Tables),
    /// Start of the gateway.
    Start,
    /// Loads from so many megabytes of memory.
    Loads(u32),
    /// dpdk-testpmd, macswap on null ports.
    Testpmd,
    /// The gateway in another process, over ports of that kind.
    Wire(Link),
    /// Connections that a gateway holds.
    Capacity,
    /// How fast connections may begin.
    ConnectionRate,
}

/// A scenario and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

impl Scenario {
    /// Megabytes that DPDK's tables need for it.
    pub(crate) const fn megabytes(&self) -> u32 {
        match self.kind {
            Kind::Fib6(routes) if routes > 100_000 => 2304,
            Kind::Fib4(routes) | Kind::FibUpdate(routes) if routes > 100_000 => 1024,
            Kind::Fib4(_) | Kind::Fib6(_) | Kind::FibUpdate(_) | Kind::FlowTable(..) => 640,
            Kind::Forward { .. }
            | Kind::Established(_)
            | Kind::New { .. }
            | Kind::Asked(_)
            | Kind::Services(_)
            | Kind::Churn
            | Kind::Memory
            | Kind::Loss(_)
            | Kind::Latency(_)
            | Kind::LatencyDuringSwap(_)
            | Kind::AllWrong
            | Kind::Kernel(..)
            | Kind::Start
            | Kind::Loads(_)
            | Kind::Testpmd
            | Kind::Wire(_)
            | Kind::Capacity
            | Kind::ConnectionRate => 0,
            // Two more pools.
            Kind::Scale => 128,
        }
    }

    /// Its figures. What the scenario before has left is used where it is of use, and gone otherwise.
    ///
    /// # Errors
    /// A frame came out wrong, or took a path that is not the one measured.
    pub(crate) fn run(
        &self,
        machine: &Machine,
        effort: Effort,
        left: &mut Left,
    ) -> Result<Vec<Figure>> {
        let figures = self.measure(machine, effort, left);
        if figures.is_err() {
            // Frames may be where they should not.
            left.clear();
        }
        figures.with_context(|| format!("scenario {}", self.name))
    }

    fn measure(&self, machine: &Machine, effort: Effort, left: &mut Left) -> Result<Vec<Figure>> {
        if !matches!(self.kind, Kind::Established(_) | Kind::FlowTable(..)) {
            left.clear();
        }
        let few = Effort { rounds: effort.rounds.min(60), ..effort };
        let comparison = match self.kind {
            Kind::Forward { table, flows } => {
                packets::forward(machine, table, flows)?.alone(machine, Average::Median)
            }
            Kind::Established(asked) => match asked.filters {
                0 | 10 => {
                    let rig = left.connections(machine, asked)?;
                    packets::of_connections(rig, asked).alone(machine, Average::Median)
                }
                _ => rules::against_ten(machine, asked)?,
            },
            Kind::New { live, filters: filters @ (0 | 10) } => {
                let packets = packets::new(machine, live, Beside::Filters(filters), few)?;
                return Ok(vec![packets.alone(machine, Average::Median).run(&self.name, few)?]);
            }
            Kind::New { live, filters } => {
                let ten = packets::new(machine, live, Beside::Filters(10), few)?;
                let packets = packets::new(machine, live, Beside::Filters(filters), few)?;
                let comparison = packets.against(machine, "10 rules", ten);
                return Ok(vec![comparison.run(&self.name, few)?]);
            }
            Kind::Asked(asked) => {
                // As many flows as the set has elements; else so many that their connections stay in the cache.
                let flows = if asked.is_of_million() { MILLION } else { 10_000 };
                let plain = packets::established(machine, Established { flows, ..OUT })?;
                let packets = packets::asked(machine, asked, flows)?;
                packets.against(machine, "without the rule", plain)
            }
            Kind::Services(count) => {
                let few_services = packets::new(machine, 0, Beside::Services(64), few)?;
                let packets = packets::new(machine, 0, Beside::Services(count), few)?;
                let comparison = packets.against(machine, "64 services", few_services);
                return Ok(vec![comparison.run(&self.name, few)?]);
            }
            Kind::Fib4(count) => tables::fib4(machine, count)?,
            Kind::Fib6(count) => tables::fib6(machine, count)?,
            Kind::FibUpdate(count) => tables::update(machine, count)?,
            Kind::FlowTable(flows, with) => {
                let rig = left.connections(machine, Established { flows, ..OUT })?;
                tables::flows(machine, rig, flows, with)?
            }
            Kind::Memory => {
                return Ok(vec![processes::memory(&self.name, MILLION)?]);
            }
            Kind::Loss(what) => return Ok(vec![live::loss(machine, &self.name, what, effort)?]),
            Kind::Latency(percent) => return live::load(machine, &self.name, percent, effort),
            Kind::LatencyDuringSwap(what) => {
                return live::during_swap(machine, &self.name, what, effort);
            }
            Kind::Scale => {
                let (one, two) = scale::two(machine, effort)?;
                return Ok(vec![one, two]);
            }
            Kind::AllWrong => scale::all_wrong(machine)?,
            Kind::Kernel(routing, tables) => {
                let comparison = kernel::against(machine, routing, tables, few)?;
                // No more connections than its table holds.
                return Ok(vec![comparison.run(&self.name, few)?]);
            }
            Kind::Start => return Ok(vec![processes::start(machine, &self.name)?]),
            Kind::Loads(megabytes) => loads::dependent(megabytes),
            Kind::Testpmd => return Ok(vec![processes::testpmd(machine, &self.name)?]),
            Kind::Wire(link) => return wire::frames(machine, &self.name, link, effort),
            Kind::Capacity => return Ok(vec![wire::capacity(machine, &self.name)?]),
            Kind::ConnectionRate => {
                return Ok(vec![wire::connection_rate(machine, &self.name, effort)?]);
            }
            Kind::Churn => packets::churn(machine)?.alone(machine, Average::TrimmedMean),
        };
        Ok(vec![comparison.run(&self.name, effort)?])
    }
}

/// Destinations of random traffic.
const MANY: u32 = 1 << 20;
const MILLION: u32 = 1_000_000;

/// Of one flow, out.
pub(super) const OUT: Established = Established {
    protocol: Protocol::Udp,
    flows: 1,
    order: Order::Random,
    ways: Ways::One(Way::Out),
    checksums: Checksums::Verified,
    filters: 0,
};

/// All of them, in the order of the report.
pub(crate) fn all() -> Vec<Scenario> {
    let mut list = Vec::new();
    let mut add = |name: String, kind| list.push(Scenario { name, kind });
    for megabytes in [1, 4, 16, 64] {
        add(format!("floor/load/{megabytes}M"), Kind::Loads(megabytes));
    }
    add("floor/testpmd-macswap".into(), Kind::Testpmd);
    let tables = [
        ("1", Table::One),
        ("100k", Table::Internet4(100_000)),
        ("1M", Table::Internet4(1_000_000)),
    ];
    for (routes, table) in tables {
        add(format!("forward/{routes}-routes/1-flow"), Kind::Forward { table, flows: 1 });
        add(format!("forward/{routes}-routes/random"), Kind::Forward { table, flows: MANY });
    }
    for (routes, count) in [("1", 1), ("100k", 100_000)] {
        let table = Table::Internet6(count);
        add(format!("forward6/{routes}-routes/random"), Kind::Forward { table, flows: MANY });
    }
    let sizes = [("1", 1), ("10k", 10_000), ("64k", 65_536), ("1M", MILLION), ("4M", 4 * MILLION)];
    let orders = [("sequential", Order::Sequential), ("random", Order::Random)];
    for (protocol, path) in [(Protocol::Udp, "established"), (Protocol::Tcp, "established-tcp")] {
        for (size, flows) in sizes {
            for (word, order) in orders {
                let kind = Kind::Established(Established { protocol, flows, order, ..OUT });
                add(format!("nat/{path}/{size}-flows/{word}"), kind);
            }
        }
    }
    let unknown = Established { flows: 65_536, checksums: Checksums::Unknown, ..OUT };
    add("nat/established/64k-flows/random/no-rx-checksum".into(), Kind::Established(unknown));
    let million = Established { flows: MILLION, ..OUT };
    let reply = Established { ways: Ways::One(Way::Back), ..million };
    add("nat/reply/1M-flows/random".into(), Kind::Established(reply));
    let both = Established { ways: Ways::Both, ..million };
    add("nat/both-ways/1M-flows/random".into(), Kind::Established(both));
    add("nat/new".into(), Kind::New { live: MILLION as usize, filters: 0 });
    add("nat/churn".into(), Kind::Churn);
    let filters = [("0", 0), ("10", 10), ("1k", 1_000), ("10k", 10_000)];
    for (count, filters) in filters {
        let kind = Kind::Established(Established { flows: 10_000, filters, ..OUT });
        add(format!("rules/established/{count}"), kind);
    }
    for (count, filters) in filters {
        let kind = Kind::New { live: 0, filters };
        if filters > 0 {
            add(format!("rules/first/{count}"), kind);
        }
    }
    for (word, asked) in Asked::ALL {
        add(format!("rules/match/{word}"), Kind::Asked(asked));
    }
    add("rules/services/10k".into(), Kind::Services(10_000));
    for (size, count) in [("1k", 1_000), ("100k", 100_000), ("1M", 1_000_000)] {
        add(format!("fib/lookup/{size}/v4"), Kind::Fib4(count));
        add(format!("fib/lookup/{size}/v6"), Kind::Fib6(count));
    }
    add("fib/update/1M".into(), Kind::FibUpdate(1_000_000));
    for (size, flows) in [("64k", 65_536), ("1M", MILLION)] {
        for (word, with) in [("hashbrown", FlowTable::Hashbrown), ("rte_hash", FlowTable::RteHash)]
        {
            add(format!("flow-table/{size}/{word}"), Kind::FlowTable(flows, with));
        }
    }
    add("memory/per-session".into(), Kind::Memory);
    add("swap/rules/loss".into(), Kind::Loss(Swap::Forward));
    add("swap/routes/loss".into(), Kind::Loss(Swap::Routes));
    add("latency/50-percent-load".into(), Kind::Latency(50));
    add("latency/80-percent-load".into(), Kind::Latency(80));
    for (word, what) in [("nat", Swap::Nat), ("routes", Swap::Routes), ("rules", Swap::Forward)] {
        add(format!("latency/during-swap/{word}"), Kind::LatencyDuringSwap(what));
    }
    add("scale/workers".into(), Kind::Scale);
    add("handoff/all-wrong".into(), Kind::AllWrong);
    let mut kernel = |name: String, routing, tables| {
        add(format!("kernel/{name}"), Kind::Kernel(routing, tables));
    };
    kernel("forward/1-route".into(), Routing::Forward, Tables::Legacy);
    for (size, flows) in [("1", 1), ("10k", 10_000)] {
        let established = Routing::Established { flows, filters: 0 };
        kernel(format!("nat/established/{size}-flows"), established, Tables::Legacy);
    }
    kernel("nat/new".into(), Routing::New { filters: 0 }, Tables::Legacy);
    for (word, tables) in [("rules", Tables::Legacy), ("rules-nft", Tables::Nft)] {
        for (count, filters) in [("10", 10), ("1k", 1_000), ("10k", 10_000)] {
            let established = Routing::Established { flows: 10_000, filters };
            kernel(format!("{word}/established/{count}"), established, tables);
        }
    }
    for (count, filters) in [("10", 10), ("1k", 1_000), ("10k", 10_000)] {
        kernel(format!("rules/first/{count}"), Routing::New { filters }, Tables::Legacy);
    }
    add("start/time".into(), Kind::Start);
    for link in Link::ALL {
        add(format!("wire/{}", link.name()), Kind::Wire(link));
    }
    add("capacity/table".into(), Kind::Capacity);
    add("capacity/rate".into(), Kind::ConnectionRate);
    list
}
