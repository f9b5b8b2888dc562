//! A gateway of N workers in one thread, stepped by hand.
//!
//! ```text
//!   10.1.0.0/16 ── port 0, lan 10.1.0.1 ─┐ spreader ┌─> worker 0 ─┐ hand-off rings,
//!                                         ├─────────>│             │ stepped until quiet
//!   192.168.1.0/24 ─ port 1, wan .146 ───┘          └─> worker 1 ─┘
//! ```

#![allow(clippy::unwrap_used, reason = "a simulator that cannot be built fails its test")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod frames;
pub mod plain;
pub mod rules;

use crossbeam_queue::ArrayQueue;
use sluice_dataplane::address::{Address, Mac, V4, V6};
use sluice_dataplane::conntrack::{
    Account, Conntrack, ConntrackSettings, Directory, Expectations, Listed,
};
use sluice_dataplane::fib::{Fib, FibWriter};
use sluice_dataplane::ids::{InterfaceId, NextHopId, WorkerId};
use sluice_dataplane::interface::{Interface, Interfaces, ReversePathFilter};
use sluice_dataplane::nat::SourceMappings;
use sluice_dataplane::neighbour::{Machine, NeighbourTable, Settings as NeighbourSettings};
use sluice_dataplane::packet::{MemoryPacket, MemoryPool, Packet};
use sluice_dataplane::pipeline::Lane;
use sluice_dataplane::published::Published;
use sluice_dataplane::rate_limit::{IcmpLimiter, Settings};
use sluice_dataplane::rules::report::Reports;
use sluice_dataplane::rules::{Count, Rules};
use sluice_dataplane::snapshot::{IpSettings, NextHop, Snapshot};
use sluice_dataplane::stamp::Stamp;
use sluice_dataplane::synproxy::SynCookies;
use sluice_dataplane::time::{Instant, WallClock};
use sluice_dataplane::trace::{Filter, Filters, Traces};
use sluice_dataplane::worker::counters::{Counter, WorkerCounters};
use sluice_dataplane::worker::{HandOffRing, Lanes, Outbox, Page, Parts, Request, Shared, Worker};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

pub const LAN: u16 = 0;
pub const WAN: u16 = 1;
pub const GATEWAY: [u8; 4] = [192, 168, 1, 146];
pub const CLIENT: [u8; 4] = [10, 1, 0, 2];
pub const SERVER: [u8; 4] = [192, 168, 1, 1];

/// The gateway's inside address; outside is fd00:2::1/64.
pub const GATEWAY6: [u8; 16] = [0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub const CLIENT6: [u8; 16] = [0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
pub const SERVER6: [u8; 16] = [0xfd, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

const CONNECTIONS: usize = 1024;

/// Which worker a received frame goes to.
#[derive(Debug, Clone, Copy)]
pub enum Spread {
    /// By addresses and ports, the same for both directions where nothing is translated, as RSS may.
    Hash,
    /// One after the other.
    RoundRobin,
    /// Each time another worker than the last one that got this pair of addresses.
    Unlucky,
}

pub const SPREADS: [Spread; 3] = [Spread::Hash, Spread::RoundRobin, Spread::Unlucky];

/// The gateway.
pub struct Gateway {
    pub workers: Vec<Worker<MemoryPacket>>,
    pub shared: Arc<Shared<MemoryPacket>>,
    pub published: Arc<Published<Snapshot>>,
    pub now: Instant,
    spread: Spread,
    turn: usize,
    last: HashMap<u64, usize>,
    out: Outbox<MemoryPacket>,
    pub machine: Machine,
    pub routes: (FibWriter<V4>, FibWriter<V6>),
}

/// fd00:`net`::1, or the prefix itself.
fn v6(net: u8, host: u8) -> V6 {
    let mut address = [0; 16];
    (address[0], address[3], address[15]) = (0xfd, net, host);
    V6(address)
}

fn interface(name: &str, port: u16, address: [u8; 4], prefix: u8) -> Option<Interface> {
    Some(Interface {
        name: name.into(),
        port,
        twin: None,
        vlan: None,
        mac: Mac(frames::gateway_mac(port)),
        mtu: 1500,
        up: true,
        v4: vec![(V4(address), prefix)],
        v6: vec![(v6(port as u8 + 1, 1), 64)],
        reverse_path: ReversePathFilter::Off,
        send_redirects: false,
        shared_media: true,
        software_peer: false,
        groups: Arc::default(),
    })
}

fn snapshot(rules4: Rules<V4>) -> Arc<Snapshot> {
    Arc::new(snapshot_with(rules4, Rules::empty(4), |_| {}))
}

/// The configuration, `change` made to each interface.
pub fn snapshot_with(
    rules4: Rules<V4>,
    rules6: Rules<V6>,
    change: impl Fn(&mut Interface),
) -> Snapshot {
    let mut interfaces =
        vec![interface("lan", LAN, [10, 1, 0, 1], 16), interface("wan", WAN, GATEWAY, 24)];
    interfaces.iter_mut().flatten().for_each(change);
    Snapshot {
        number: 0,
        interfaces: Interfaces::new(interfaces),
        next_hops: vec![
            NextHop::Connected(InterfaceId(LAN)),
            NextHop::Connected(InterfaceId(WAN)),
            NextHop::Local(InterfaceId(LAN)),
            NextHop::Local(InterfaceId(WAN)),
            NextHop::Unreachable,
            NextHop::Prohibit,
            NextHop::Blackhole,
            NextHop::Gateway { interface: InterfaceId(WAN), address: SERVER.into() },
            NextHop::Gateway { interface: InterfaceId(WAN), address: SERVER6.into() },
        ],
        rules4,
        rules6,
        ip: IpSettings::default(),
        conntrack: ConntrackSettings::default(),
        stamp: Stamp::fresh(),
    }
}

fn routes() -> (Arc<Fib<V4>>, FibWriter<V4>) {
    let (fib, mut writer) = Fib::new(64).unwrap();
    for (prefix, length, hop) in [
        ([10, 1, 0, 0], 16, 0),
        ([192, 168, 1, 0], 24, 1),
        ([10, 1, 0, 1], 32, 2),
        (GATEWAY, 32, 3),
        ([198, 51, 100, 0], 24, 7),
    ] {
        writer.insert(V4(prefix), length, NextHopId(hop)).unwrap();
    }
    (fib, writer)
}

/// fd00:3::/64, fd00:4::/64 and fd00:5::/64 refuse: unreachable, prohibit, blackhole; fd00:6::/64 lies behind the
/// server.
fn routes6() -> (Arc<Fib<V6>>, FibWriter<V6>) {
    let (fib, mut writer) = Fib::new(64).unwrap();
    for (net, host, length, hop) in [
        (1, 0, 64, 0),
        (2, 0, 64, 1),
        (1, 1, 128, 2),
        (2, 1, 128, 3),
        (3, 0, 64, 4),
        (4, 0, 64, 5),
        (5, 0, 64, 6),
        (6, 0, 64, 8),
    ] {
        writer.insert(v6(net, host), length, NextHopId(hop)).unwrap();
    }
    (fib, writer)
}

struct Family<A: Address> {
    fib: Arc<Fib<A>>,
    mappings: Arc<SourceMappings<A>>,
    directory: Option<Arc<Directory<A>>>,
    expectations: Arc<Expectations<A>>,
}

impl<A: Address> Family<A> {
    // As unlike one another, and as full of bits, as the random ones of a real start.
    const KEY: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f];
    fn new(fib: Arc<Fib<A>>, workers: usize) -> Self {
        Self {
            fib,
            mappings: Arc::new(SourceMappings::new(CONNECTIONS, 7).unwrap()),
            directory: (workers > 1).then(|| Arc::new(Directory::new(2 * CONNECTIONS, Self::KEY))),
            expectations: Arc::new(Expectations::new(Self::KEY)),
        }
    }
    fn lane(&self, id: WorkerId) -> Lane<A> {
        let settings = ConntrackSettings::default();
        let directory = self.directory.clone();
        let conntrack = Conntrack::new(id, &settings, Self::KEY, CONNECTIONS, directory).unwrap();
        let conntrack = conntrack.with_expectations(Arc::clone(&self.expectations));
        Lane::new(conntrack, Arc::clone(&self.fib), Arc::clone(&self.mappings))
    }
}

impl Gateway {
    /// `count` workers; client and server are permanent neighbours.
    pub fn new(count: usize, spread: Spread, rules: Rules<V4>) -> Self {
        let neighbours = NeighbourTable::new(64, 11);
        let mut machine = Machine::new(Arc::clone(&neighbours), NeighbourSettings::default());
        for (port, ip) in [
            (LAN, IpAddr::from(CLIENT)),
            (WAN, SERVER.into()),
            (LAN, CLIENT6.into()),
            (WAN, SERVER6.into()),
        ] {
            let mac = Mac(frames::neighbour_mac(port));
            let id = InterfaceId(port);
            machine.set(id, ip, mac, true, Instant(1), &mut Vec::new()).unwrap();
        }
        let published = Arc::new(Published::new(snapshot(rules)));
        let shared = Arc::new(Shared {
            neighbours,
            events: ArrayQueue::new(64),
            handoff: (0..count).map(|_| HandOffRing::new(64)).collect(),
            limiter: IcmpLimiter::new(Settings::default(), 13),
            clock: WallClock::default(),
            reports: Arc::new(Reports::new(64)),
            traces: Arc::new(Traces::new(4096)),
            cookies: SynCookies::new([19, 23, 29, 31]),
            sockets: Arc::default(),
        });
        let ((fib4, writer4), (fib6, writer6)) = (routes(), routes6());
        let (v4, v6) = (Family::new(fib4, count), Family::new(fib6, count));
        let worker = |index: usize| {
            let id = WorkerId(index as u8);
            Worker::new(Parts {
                id,
                v4: v4.lane(id),
                v6: v6.lane(id),
                snapshot: published.reader(),
                shared: Arc::clone(&shared),
                counters: Arc::new(WorkerCounters::default()),
                seed: 17 + index as u64,
            })
        };
        Self {
            workers: (0..count).map(worker).collect(),
            shared,
            published: Arc::clone(&published),
            now: Instant(1_000_000_000),
            spread,
            turn: 0,
            last: HashMap::new(),
            out: Outbox::new(5, 256),
            machine,
            routes: (writer4, writer6),
        }
    }

    /// Has every worker tell of the packets that a filter chooses.
    pub fn trace(&mut self, filter: Filter) {
        let filters = Arc::new(Filters::of(vec![(1, Arc::new(filter))]));
        for worker in &mut self.workers {
            let (reply, before) = crossbeam_channel::bounded(1);
            let request = Request::Trace { filters: Some(Arc::clone(&filters)), reply };
            worker.serve(self.now, request, &mut MemoryPool, &mut self.out);
            assert!(before.try_recv().unwrap().is_none());
        }
    }

    /// A frame arrives at `port`; what leaves, by port, once every hand-off ring is empty.
    pub fn receive(&mut self, port: u16, frame: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let index = self.choose(frame);
        self.receive_at(index, port, frame)
    }

    /// The same, at a given worker.
    pub fn receive_at(&mut self, index: usize, port: u16, frame: &[u8]) -> Vec<(u16, Vec<u8>)> {
        self.receive_burst(index, port, std::slice::from_ref(&frame))
    }

    /// Frames arrive together at `port` and a given worker.
    pub fn receive_burst(
        &mut self,
        index: usize,
        port: u16,
        frames: &[impl AsRef<[u8]>],
    ) -> Vec<(u16, Vec<u8>)> {
        self.now = Instant(self.now.0 + 1_000);
        let mut packets = frames.iter().map(|frame| MemoryPacket::new(frame.as_ref())).collect();
        let (pool, out) = (&mut MemoryPool, &mut self.out);
        self.workers[index].receive(self.now, port, &mut packets, pool, out);
        self.deliver()
    }

    /// Empties the hand-off rings, and takes what leaves, by port.
    fn deliver(&mut self) -> Vec<(u16, Vec<u8>)> {
        let mut sent = Vec::new();
        let mut turns = 0;
        loop {
            let (now, out) = (self.now, &mut self.out);
            let taken = |w: &mut Worker<_>| w.take_handed(now, 32, &mut MemoryPool, out);
            if self.workers.iter_mut().map(taken).sum::<usize>() == 0 {
                break;
            }
            turns += 1;
            assert!(turns < 8, "a packet wanders between workers");
        }
        for (port, list) in self.out.ports_mut() {
            sent.extend(list.drain(..).map(|packet| (port as u16, packet.data().to_vec())));
        }
        self.check_accounts();
        sent
    }

    /// The control thread asks something of a worker; what leaves.
    pub fn ask(&mut self, index: usize, request: Request) -> Vec<(u16, Vec<u8>)> {
        self.workers[index].serve(self.now, request, &mut MemoryPool, &mut self.out);
        self.deliver()
    }

    /// Time passes; workers age what they hold.
    pub fn age(&mut self, seconds: u64) {
        self.now = Instant(self.now.0 + seconds * 1_000_000_000);
        for worker in &mut self.workers {
            worker.age(self.now, &mut MemoryPool, &mut self.out);
        }
        self.out.ports_mut().for_each(|(_, list)| list.clear());
        self.check_accounts();
    }

    /// New rules, as the control plane publishes them.
    pub fn publish(&mut self, rules: Rules<V4>) {
        self.publish_snapshot(snapshot(rules));
    }

    /// A new configuration.
    pub fn publish_snapshot(&mut self, snapshot: Arc<Snapshot>) {
        self.published.publish(snapshot);
    }

    /// What packets were found to do holds no longer: the next ones take the long way.
    pub fn forget_verdicts(&mut self) {
        self.workers.iter_mut().for_each(Worker::forget_verdicts);
    }

    /// A counter summed over the workers.
    pub fn total(&self, counter: Counter) -> u64 {
        self.workers.iter().map(|worker| worker.counters().get(counter)).sum()
    }

    /// Drops summed over the workers.
    pub fn dropped(&self) -> u64 {
        self.workers.iter().map(|worker| worker.counters().drops().total()).sum()
    }

    /// Rule counters of the rules in force.
    pub fn rule_counts(&self) -> Vec<Count> {
        self.published.current().rules4.totals()
    }

    /// What each connection has carried, where accounts are kept; ordered.
    pub fn carried(&mut self) -> Vec<(String, Option<Account>)> {
        let listed = self.listed();
        let account = |one: &Listed| (format!("{:?}", one.original), one.account);
        let mut all: Vec<_> = listed.iter().map(account).collect();
        all.sort_by(|left, right| left.0.cmp(&right.0));
        all
    }

    /// Every connection.
    pub fn listed(&mut self) -> Vec<Listed> {
        let mut all = Vec::new();
        for worker in &mut self.workers {
            for lanes in [Lanes::V4, Lanes::V6] {
                let mut place = Some(0);
                while let Some(cursor) = place {
                    let (reply, pages) = crossbeam_channel::bounded(1);
                    let room = Vec::with_capacity(CONNECTIONS);
                    let request = Request::List { lanes, cursor, zero: false, room, reply };
                    worker.serve(self.now, request, &mut MemoryPool, &mut self.out);
                    let Page { connections, next } = pages.recv().unwrap();
                    all.extend(connections);
                    place = next;
                }
            }
        }
        all
    }

    /// Every packet is accounted for.
    pub fn check_accounts(&self) {
        let held = self.workers.iter().map(Worker::held).sum::<usize>() as u64;
        let came = self.total(Counter::Received) + self.total(Counter::Originated);
        let went = self.total(Counter::Transmitted) + self.total(Counter::Local) + self.dropped();
        assert_eq!(came, went + held, "held {held}");
        assert_eq!(self.total(Counter::HandedOut), self.total(Counter::HandedIn));
    }

    fn choose(&mut self, frame: &[u8]) -> usize {
        let count = self.workers.len();
        // Sums do not care for direction.
        let key = frame
            .get(26..38)
            .unwrap_or_default()
            .chunks(2)
            .fold(0_u64, |sum, pair| sum + (u64::from(pair[0]) << 8 | u64::from(pair[1])));
        self.turn += 1;
        match self.spread {
            Spread::Hash => key as usize % count,
            Spread::RoundRobin => self.turn % count,
            Spread::Unlucky => {
                let last = self.last.entry(key).or_insert(key as usize);
                *last = (*last + 1) % count;
                *last
            }
        }
    }
}
