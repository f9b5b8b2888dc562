//! The gateway under test: workers, wired as `sluice run` wires it, without ports.

use crate::ruleset::{Beside, Extra, source_nat};
use crate::traffic::routes::Routes;
use crate::traffic::{EXTERNAL, GATEWAYS, LAN_MAC, LAN_ROUTER_MAC, WAN_MAC, gateway_mac};
use anyhow::Result;
use crossbeam_queue::ArrayQueue;
use dpdk::Mbuf;
use sluice_dataplane::address::{Address, Mac, V4, V6};
use sluice_dataplane::conntrack::{Conntrack, ConntrackSettings, Directory, Timeouts};
use sluice_dataplane::fib::{Fib, FibWriter};
use sluice_dataplane::ids::{InterfaceId, NextHopId, WorkerId};
use sluice_dataplane::interface::{Interface, Interfaces, ReversePathFilter};
use sluice_dataplane::nat::SourceMappings;
use sluice_dataplane::neighbour::{Machine, NeighbourTable, Settings as NeighbourSettings};
use sluice_dataplane::pipeline::Lane;
use sluice_dataplane::published::Published;
use sluice_dataplane::rate_limit::{IcmpLimiter, Settings};
use sluice_dataplane::rules::Rules;
use sluice_dataplane::rules::report::Reports;
use sluice_dataplane::snapshot::{IpSettings, NextHop, Snapshot};
use sluice_dataplane::stamp::Stamp;
use sluice_dataplane::synproxy::SynCookies;
use sluice_dataplane::time::{Instant, WallClock};
use sluice_dataplane::trace::Traces;
use sluice_dataplane::worker::counters::WorkerCounters;
use sluice_dataplane::worker::{HandOffRing, Parts, Shared, Worker};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const LAN: InterfaceId = InterfaceId(0);
const WAN: InterfaceId = InterfaceId(1);
const LAN_ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 2));
/// Next hops behind those of the WAN's gateways.
const TO_LAN: NextHopId = NextHopId(GATEWAYS as u32);
const TO_SELF: NextHopId = NextHopId(GATEWAYS as u32 + 1);
/// Blocks a forwarding table may grow to: a million IPv4 routes, or 100,000 IPv6 routes, and room.
const FIB_BLOCKS: usize = 1 << 19;
/// Packets that can be on their way to a worker, as in `sluice run`.
const HAND_OFF_RING: usize = 4096;

/// What the gateway does.
#[derive(Debug)]
pub(crate) enum Role {
    /// Routes, without rules and so without connection tracking.
    Router(Routes),
    /// Translates all sources to one address.
    Nat {
        /// Connections there is room for.
        capacity: usize,
        /// Rules beside it.
        beside: Beside,
        /// Seconds until a connection nobody has answered ends; the kernel's default is 30.
        udp_timeout: u32,
    },
}

impl Role {
    fn rules(&self, extra: Extra, previous: Option<&Rules<V4>>, workers: usize) -> Rules<V4> {
        match self {
            Self::Router(_) => Rules::empty(workers),
            Self::Nat { beside, .. } => source_nat(*beside, extra, previous, workers),
        }
    }
}

/// A gateway that knows its neighbours: its workers, and the control thread's half.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) workers: Vec<Worker<Mbuf>>,
    pub(crate) control: Control,
}

/// What the control thread does while packets pass.
#[derive(Debug)]
pub(crate) struct Control {
    role: Role,
    workers: usize,
    settings: ConntrackSettings,
    published: Published<Snapshot>,
    routes4: FibWriter<V4>,
}

impl Control {
    /// Rules that follow on those in force, as a load of rules makes them: with `extra` more than at the start. Not
    /// published yet; drops the old ones that workers gave back.
    pub(crate) fn new_rules(&self, extra: Extra) -> Arc<Snapshot> {
        self.followed(|current| self.role.rules(extra, Some(current), self.workers))
    }

    /// The same of other rules in the place of those there were at the start.
    pub(crate) fn other_rules(&self, beside: Beside) -> Arc<Snapshot> {
        self.followed(|current| source_nat(beside, Extra::None, Some(current), self.workers))
    }

    fn followed(&self, rules: impl FnOnce(&Rules<V4>) -> Rules<V4>) -> Arc<Snapshot> {
        self.published.collect();
        let current = self.published.current();
        let rules = rules(&current.rules4);
        Arc::new(snapshot(rules, self.settings.clone(), self.workers).after(&current))
    }

    /// Publishes rules.
    pub(crate) fn publish(&self, snapshot: Arc<Snapshot>) {
        self.published.publish(snapshot);
    }

    /// Puts a route into the table, or takes it out again.
    ///
    /// # Errors
    /// The table is full.
    pub(crate) fn swap_routes(&mut self) -> Result<()> {
        let prefix = V4([198, 19, 0, 0]);
        if self.routes4.remove(prefix, 24).is_none() {
            self.routes4.insert(prefix, 24, NextHopId(0))?;
        }
        Ok(())
    }
}

/// A gateway of so many workers for `role`.
pub(crate) fn gateway(role: Role, workers: usize) -> Result<Gateway> {
    let defaults = ConntrackSettings::default();
    let (capacity, settings) = match &role {
        Role::Router(_) => (1, defaults),
        Role::Nat { capacity, udp_timeout, .. } => {
            let max = u32::try_from(*capacity)?;
            let timeouts = Timeouts { udp: *udp_timeout, ..Timeouts::default() };
            (*capacity, ConntrackSettings { max, timeouts, ..defaults })
        }
    };
    let (fib4, mut routes4) = Fib::new(FIB_BLOCKS)?;
    let (fib6, mut routes6) = Fib::new(FIB_BLOCKS)?;
    add_routes(&mut routes4, &mut routes6, &role)?;
    let v4 = Family::new(fib4, capacity, workers)?;
    let v6 = Family::new(fib6, 1, workers)?;
    let rules = role.rules(Extra::None, None, workers);
    let published = Published::new(Arc::new(snapshot(rules, settings.clone(), workers)));
    let shared = Arc::new(Shared {
        neighbours: neighbours()?,
        events: ArrayQueue::new(64),
        handoff: (0..workers).map(|_| HandOffRing::new(HAND_OFF_RING)).collect(),
        limiter: IcmpLimiter::new(Settings::default(), secret()),
        clock: WallClock::default(),
        reports: Arc::new(Reports::new(1)),
        traces: Arc::new(Traces::new(64)),
        cookies: SynCookies::new([secret(), secret(), secret(), secret()]),
        sockets: Arc::default(),
    });
    let worker = |number: usize| {
        let id = WorkerId(u8::try_from(number)?);
        Ok(Worker::new(Parts {
            id,
            v4: v4.lane(id, &settings)?,
            v6: v6.lane(id, &settings)?,
            snapshot: published.reader(),
            shared: Arc::clone(&shared),
            counters: Arc::new(WorkerCounters::default()),
            seed: secret(),
        }))
    };
    let list = (0..workers).map(worker).collect::<Result<_>>()?;
    let control = Control { role, workers, settings, published, routes4 };
    Ok(Gateway { workers: list, control })
}

/// One family's state of all workers.
struct Family<A: Address> {
    fib: Arc<Fib<A>>,
    mappings: Arc<SourceMappings<A>>,
    directory: Option<Arc<Directory<A>>>,
    capacity: usize,
    key: [u64; 2],
}

impl<A: Address> Family<A> {
    fn new(fib: Arc<Fib<A>>, capacity: usize, workers: usize) -> Result<Self> {
        let key = [secret(), secret()];
        Ok(Self {
            fib,
            mappings: Arc::new(SourceMappings::new(capacity, secret())?),
            directory: (workers > 1).then(|| Arc::new(Directory::new(2 * capacity, key))),
            capacity,
            key,
        })
    }

    fn lane(&self, id: WorkerId, settings: &ConntrackSettings) -> Result<Lane<A>> {
        let directory = self.directory.clone();
        let conntrack = Conntrack::new(id, settings, self.key, self.capacity, directory)?;
        Ok(Lane::new(conntrack, Arc::clone(&self.fib), Arc::clone(&self.mappings)))
    }
}

/// The key of hashes: the same in every run, so that runs can be compared.
const fn secret() -> u64 {
    0x9e37_79b9_7f4a_7c15
}

fn add_routes(v4: &mut FibWriter<V4>, v6: &mut FibWriter<V6>, role: &Role) -> Result<()> {
    v4.insert(V4([10, 0, 0, 0]), 8, TO_LAN)?;
    v4.insert(V4(EXTERNAL), 32, TO_SELF)?;
    let one = Routes::one();
    let routes = match role {
        Role::Router(routes) => routes,
        Role::Nat { .. } => &one,
    };
    for route in &routes.list {
        let next_hop = NextHopId(route.gateway.into());
        match routes.v6 {
            false => v4.insert(V4::from_bits(route.bits >> 96), route.length, next_hop)?,
            true => v6.insert(V6::from_bits(route.bits), route.length, next_hop)?,
        };
    }
    Ok(())
}

/// The address of a gateway on the WAN, where traffic is of IPv4 and where it is of IPv6.
fn gateway_address(gateway: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, 100 + gateway).into()
}

fn snapshot(rules4: Rules<V4>, conntrack: ConntrackSettings, workers: usize) -> Snapshot {
    let gateways = (0..GATEWAYS)
        .map(|gateway| NextHop::Gateway { interface: WAN, address: gateway_address(gateway) });
    let own = [NextHop::Gateway { interface: LAN, address: LAN_ROUTER }, NextHop::Local(WAN)];
    Snapshot {
        number: 0,
        interfaces: Interfaces::new(vec![
            Some(interface("lan", 0, LAN_MAC, V4([192, 168, 0, 1]))),
            Some(interface("wan", 1, WAN_MAC, V4(EXTERNAL))),
        ]),
        next_hops: gateways.chain(own).collect(),
        rules4,
        rules6: Rules::empty(workers),
        ip: IpSettings::default(),
        conntrack,
        stamp: Stamp::fresh(),
    }
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
        shared_media: true,
        software_peer: false,
        groups: Arc::default(),
    }
}

fn neighbours() -> Result<Arc<NeighbourTable>> {
    let table = NeighbourTable::new(64, secret());
    let mut machine = Machine::new(Arc::clone(&table), NeighbourSettings::default());
    let mut set = |interface, address, mac| {
        machine.set(interface, address, mac, true, Instant::default(), &mut Vec::new())
    };
    set(LAN, LAN_ROUTER, LAN_ROUTER_MAC)?;
    for gateway in 0..GATEWAYS {
        set(WAN, gateway_address(gateway), gateway_mac(gateway))?;
    }
    Ok(table)
}
