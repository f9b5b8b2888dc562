//! The gateway under test: one worker, wired as `sluice run` wires it, without ports.

use crate::frame::Frame;
use crate::traffic::{EXTERNAL, LAN_MAC, LAN_ROUTER_MAC, WAN_MAC, WAN_ROUTER_MAC};
use anyhow::Result;
use crossbeam_queue::ArrayQueue;
use sluice_dataplane::address::{Address, Mac, V4};
use sluice_dataplane::conntrack::{Conntrack, ConntrackSettings};
use sluice_dataplane::fib::{Fib, FibWriter};
use sluice_dataplane::ids::{InterfaceId, NextHopId, WorkerId};
use sluice_dataplane::interface::{Interface, Interfaces, ReversePathFilter};
use sluice_dataplane::nat::{NatRange, SourceMappings};
use sluice_dataplane::neighbour::{Machine, NeighbourTable, Settings as NeighbourSettings};
use sluice_dataplane::pipeline::Lane;
use sluice_dataplane::published::{Generation, Published};
use sluice_dataplane::rate_limit::{IcmpLimiter, Settings};
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{Chain, ChainId, CounterId, Hook, Policy, Rule, Rules, Table};
use sluice_dataplane::snapshot::{IpSettings, NextHop, Snapshot};
use sluice_dataplane::time::Instant;
use sluice_dataplane::worker::counters::WorkerCounters;
use sluice_dataplane::worker::{Parts, Shared, Worker};
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const LAN: InterfaceId = InterfaceId(0);
const WAN: InterfaceId = InterfaceId(1);
const LAN_ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 2));
const WAN_ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 254));

/// What the gateway does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Routes, with one route and no rules.
    Router,
    /// Translates all sources to one address, with room for that many connections.
    Nat {
        /// Connections.
        capacity: usize,
    },
}

/// A worker for `role` that knows its neighbours.
pub(crate) fn worker(role: Role) -> Result<Worker<Frame>> {
    let capacity = match role {
        Role::Router => 1,
        Role::Nat { capacity } => capacity,
    };
    let settings =
        ConntrackSettings { max: u32::try_from(capacity)?, ..ConntrackSettings::default() };
    let (fib, mut routes) = Fib::new(1024);
    add_routes(&mut routes, role)?;
    let v4 = lane(fib, &settings, capacity)?;
    let (fib, _) = Fib::new(1);
    let v6 = lane(fib, &settings, 1)?;
    Ok(Worker::new(Parts {
        id: WorkerId(0),
        v4,
        v6,
        snapshot: Published::new(Arc::new(snapshot(role, settings))).reader(),
        shared: Arc::new(Shared {
            neighbours: neighbours()?,
            events: ArrayQueue::new(64),
            handoff: vec![ArrayQueue::new(1)],
            limiter: IcmpLimiter::new(Settings::default(), secret()),
            generation: Generation::default(),
        }),
        counters: Arc::new(WorkerCounters::default()),
        seed: secret(),
    }))
}

fn secret() -> u64 {
    RandomState::new().hash_one("sluice-bench")
}

fn lane<A: Address>(
    fib: Arc<Fib<A>>,
    settings: &ConntrackSettings,
    capacity: usize,
) -> Result<Lane<A>> {
    let key = [secret(), secret()];
    let conntrack = Conntrack::new(WorkerId(0), settings, key, capacity, None)?;
    Ok(Lane::new(conntrack, fib, Arc::new(SourceMappings::new(capacity, secret()))))
}

fn add_routes(routes: &mut FibWriter<V4>, role: Role) -> Result<()> {
    routes.insert(V4([198, 18, 0, 0]), 15, NextHopId(0))?;
    match role {
        Role::Router => {}
        Role::Nat { .. } => {
            routes.insert(V4([10, 0, 0, 0]), 8, NextHopId(1))?;
            routes.insert(V4(EXTERNAL), 32, NextHopId(2))?;
        }
    }
    Ok(())
}

fn snapshot(role: Role, conntrack: ConntrackSettings) -> Snapshot {
    Snapshot {
        interfaces: Interfaces::new(vec![
            Some(interface("lan", 0, LAN_MAC, V4([192, 168, 0, 1]))),
            Some(interface("wan", 1, WAN_MAC, V4(EXTERNAL))),
        ]),
        next_hops: vec![
            NextHop::Gateway { interface: WAN, address: WAN_ROUTER },
            NextHop::Gateway { interface: LAN, address: LAN_ROUTER },
            NextHop::Local(WAN),
        ],
        rules4: match role {
            Role::Router => Rules::empty(1),
            Role::Nat { .. } => source_nat(),
        },
        rules6: Rules::empty(1),
        ip: IpSettings::default(),
        conntrack,
    }
}

/// `-t nat -A POSTROUTING -j SNAT --to-source 203.0.113.1`.
fn source_nat() -> Rules<V4> {
    let rule = Rule {
        counter: CounterId(0),
        matches: Vec::new(),
        target: Target::Snat(NatRange::single(V4(EXTERNAL))),
    };
    let chain = Chain { rules: vec![rule], policy: Some((Policy::Accept, CounterId(1))) };
    Rules::new(vec![chain], &[(Table::Nat, Hook::Postrouting, ChainId(0))], 2, 1)
}

fn interface(name: &str, port: u16, mac: Mac, address: V4) -> Interface {
    Interface {
        name: name.to_owned(),
        port,
        twin: None,
        vlan: None,
        mac,
        mtu: 1500,
        up: true,
        v4: vec![(address, 24)],
        v6: Vec::new(),
        reverse_path: ReversePathFilter::Off,
        send_redirects: false,
        software_peer: false,
    }
}

fn neighbours() -> Result<Arc<NeighbourTable>> {
    let table = NeighbourTable::new(64, secret());
    let mut machine = Machine::new(Arc::clone(&table), NeighbourSettings::default());
    for (interface, address, mac) in
        [(LAN, LAN_ROUTER, LAN_ROUTER_MAC), (WAN, WAN_ROUTER, WAN_ROUTER_MAC)]
    {
        machine.set(interface, address, mac, true, Instant::default(), &mut Vec::new())?;
    }
    Ok(table)
}
