//! A packet that takes the fast path leaves as it would have left the long way, and counts the same: the same
//! packets through two gateways, in bursts through one, one by one and with every verdict forgotten before
//! each through the other. And in bursts through a third, where somebody traces all of them.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sluice_dataplane::address::{V4, V6};
use sluice_dataplane::conntrack::Carried;
use sluice_dataplane::drop_reason::DropReason;
use sluice_dataplane::interface::{Interface, ReversePathFilter};
use sluice_dataplane::rules::{Count, Hook, Rules, Table};
use sluice_dataplane::trace::Filter;
use sluice_dataplane::worker::counters::Counter;
use std::net::IpAddr;
use std::sync::Arc;
use support::frames::neighbour_mac;
use support::plain::{Sent, Transport};
use support::rules::{compile, snat, snat6};
use support::{
    CLIENT, CLIENT6, GATEWAY, Gateway, LAN, SERVER, SERVER6, Spread, WAN, snapshot_with,
};

const ACK: u8 = 0x10;
const SYN: u8 = 2;

/// What the gateways are set up with.
#[derive(Clone, Copy)]
struct Setup {
    nat: bool,
    reverse_path: ReversePathFilter,
    wan_vlan: Option<u16>,
}

impl Setup {
    const PLAIN: Self = Self { nat: false, reverse_path: ReversePathFilter::Off, wan_vlan: None };

    fn gateway(self) -> Gateway {
        let mut outside = SERVER6;
        outside[15] = 1;
        let (rules4, rules6) = match self.nat {
            true => (
                compile(
                    vec![
                        (Table::Filter, Hook::Forward, vec![]),
                        (Table::Nat, Hook::Postrouting, vec![(vec![], snat(GATEWAY, None))]),
                    ],
                    1,
                ),
                compile(
                    vec![
                        (Table::Filter, Hook::Forward, vec![]),
                        (Table::Nat, Hook::Postrouting, vec![(vec![], snat6(outside))]),
                    ],
                    1,
                ),
            ),
            false => (transit::<V4>(), transit::<V6>()),
        };
        let mut gateway = Gateway::new(1, Spread::Hash, Rules::empty(1));
        let mut snapshot = snapshot_with(rules4, rules6, |interface: &mut Interface| {
            interface.reverse_path = self.reverse_path;
            if interface.port == WAN {
                interface.vlan = self.wan_vlan;
            }
        });
        snapshot.conntrack.accounting = self.nat;
        gateway.publish_snapshot(Arc::new(snapshot));
        gateway
    }
}

/// Nothing but a policy, whose counter shows.
fn transit<A: sluice_dataplane::address::Address>() -> Rules<A> {
    compile(vec![(Table::Filter, Hook::Forward, vec![])], 1)
}

struct Both {
    fast: Gateway,
    long: Gateway,
    traced: Gateway,
}

type Counts = (Vec<u64>, Vec<(DropReason, u64)>, Vec<Count>, Vec<Count>);

fn counts(gateway: &Gateway) -> Counts {
    const COUNTERS: [Counter; 6] = [
        Counter::Received,
        Counter::Originated,
        Counter::Transmitted,
        Counter::Local,
        Counter::Inserted,
        Counter::Invalid,
    ];
    let drops = gateway.workers[0].counters().drops();
    let drops = DropReason::ALL.iter().map(|&reason| (reason, drops.get(reason)));
    let snapshot = gateway.published.current();
    (
        COUNTERS.map(|counter| gateway.total(counter)).to_vec(),
        drops.filter(|(_, count)| *count > 0).collect(),
        snapshot.rules4.totals(),
        snapshot.rules6.totals(),
    )
}

/// ICMP errors of the gateway's have a random one.
fn forget_identification(frame: &mut [u8]) {
    let ip = if frame[12..14] == [0x81, 0] { 18 } else { 14 };
    if frame[ip - 2..ip] == [8, 0] && frame[ip + 9] == 1 {
        frame[ip + 4..ip + 6].fill(0);
        frame[ip + 10..ip + 12].fill(0);
    }
}

impl Both {
    fn new(setup: Setup) -> Self {
        let mut traced = setup.gateway();
        traced.trace(Filter::default());
        Self { fast: setup.gateway(), long: setup.gateway(), traced }
    }

    /// How many of a burst took a cached verdict.
    fn pass(&mut self, port: u16, frames: &[Vec<u8>]) -> u64 {
        let before = self.fast.total(Counter::Cached);
        let mut together = self.fast.receive_burst(0, port, frames);
        let mut alone = Vec::new();
        for frame in frames {
            self.long.forget_verdicts();
            alone.extend(self.long.receive_at(0, port, frame));
        }
        // By port, in the order of each.
        alone.sort_by_key(|(port, _)| *port);
        for (_, frame) in together.iter_mut().chain(&mut alone) {
            forget_identification(frame);
        }
        assert_eq!(together, alone);
        let mut told = self.traced.receive_burst(0, port, frames);
        told.iter_mut().for_each(|(_, frame)| forget_identification(frame));
        assert_eq!(together, told);
        self.traced.now = self.long.now;
        assert_eq!(counts(&self.traced), counts(&self.long));
        assert_eq!(self.traced.total(Counter::Cached), 0);
        while self.traced.shared.traces.pop().is_some() {}
        self.fast.now = self.long.now;
        assert_eq!(counts(&self.fast), counts(&self.long));
        assert_eq!(self.fast.carried(), self.long.carried());
        assert_eq!(self.long.total(Counter::Cached), 0);
        self.fast.total(Counter::Cached) - before
    }
}

fn v4(address: [u8; 4]) -> IpAddr {
    address.into()
}

fn v6(first: u16, net: u16, host: u16) -> IpAddr {
    [first, net, 0, 0, 0, 0, 0, host].into()
}

/// An address pair of one family, often a special one.
fn ends() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    let from4 = select(vec![
        CLIENT,
        CLIENT,
        CLIENT,
        [10, 1, 0, 77],
        [198, 51, 100, 9],
        [10, 1, 0, 1],
        GATEWAY,
        [0; 4],
        [127, 0, 0, 1],
        [224, 0, 0, 5],
        [203, 0, 113, 1],
        [255; 4],
        [240, 0, 0, 1],
    ]);
    let to4 = select(vec![
        SERVER,
        SERVER,
        [198, 51, 100, 5],
        [198, 51, 100, 6],
        [192, 168, 1, 99],
        GATEWAY,
        [203, 0, 113, 9],
        [224, 0, 0, 9],
        CLIENT,
        [127, 0, 0, 2],
        [0; 4],
        [255; 4],
    ]);
    let (client, server) = (IpAddr::from(CLIENT6), IpAddr::from(SERVER6));
    let from6 = select(vec![
        client,
        client,
        client,
        v6(0xfd00, 1, 7),
        v6(0xfd00, 6, 9),
        v6(0xfd00, 1, 1),
        v6(0, 0, 0),
        v6(0, 0, 1),
        v6(0xff02, 0, 1),
        v6(0xfe80, 0, 1),
        v6(0xfd00, 9, 9),
    ]);
    let to6 = select(vec![
        server,
        server,
        v6(0xfd00, 6, 5),
        v6(0xfd00, 6, 6),
        v6(0xfd00, 2, 99),
        v6(0xfd00, 1, 1),
        v6(0xfd00, 3, 1),
        v6(0xfd00, 4, 1),
        v6(0xfd00, 5, 1),
        v6(0xfd00, 9, 1),
        v6(0xff02, 0, 1),
        client,
        v6(0, 0, 0),
        v6(0xfe80, 0, 9),
    ]);
    prop_oneof![(from4, to4).prop_map(|(from, to)| (v4(from), v4(to))), (from6, to6),]
}

fn sent() -> impl Strategy<Value = Sent> {
    let transport = prop_oneof![Just(Transport::Udp), Just(Transport::Tcp(1, 1, ACK))];
    let ttl = select(vec![64, 64, 64, 255, 2, 1]);
    let payload = select(vec![0, 10, 100, 1430, 1452, 1473]);
    (transport, ends(), 4000..4003_u16, ttl, payload, 0..9_usize, prop::bool::weighted(0.1))
        .prop_map(|(transport, (from, to), port, ttl, payload, padding, unsummed)| {
            let (from, to) = ((from, port), (to, 53));
            Sent { transport, from, to, ttl, payload, padding, unsummed }
        })
}

/// ARP, a tagged frame, another's frame, and other things that are not plain.
fn odd() -> impl Strategy<Value = Vec<u8>> {
    let arp = [&[0xff; 6][..], &neighbour_mac(LAN), &[8, 6], &[0; 28]].concat();
    (sent(), 0..4_usize).prop_map(move |(sent, kind)| {
        let mut frame = sent.frame(LAN);
        match kind {
            0 => return arp.clone(),
            1 => frame[5] ^= 1,
            2 => drop(frame.splice(12..12, [0x81, 0, 0, 9])),
            _ => frame.truncate(frame.len() - sent.padding - 1),
        }
        frame
    })
}

fn frames() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let frame = prop_oneof![12 => sent().prop_map(|sent| sent.frame(LAN)), 1 => odd()];
    vec(vec(frame, 1..40), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_router_without_connections(
        bursts in frames(),
        filter in select(vec![ReversePathFilter::Off, ReversePathFilter::Loose, ReversePathFilter::Strict]),
        wan_vlan in select(vec![None, Some(7)]),
    ) {
        let mut both = Both::new(Setup { nat: false, reverse_path: filter, wan_vlan });
        for burst in &bursts {
            both.pass(LAN, burst);
        }
        // Once more, now that verdicts are known.
        for burst in &bursts {
            both.pass(LAN, burst);
        }
    }
}

fn udp(from: IpAddr, to: IpAddr) -> Sent {
    let (from, to) = ((from, 4000), (to, 53));
    Sent { transport: Transport::Udp, from, to, ttl: 64, payload: 10, padding: 0, unsummed: false }
}

/// Which packets do take the fast path, or the comparison would say nothing.
#[test]
fn plain_packets_to_gateways_and_hosts_take_it() {
    let filters = [ReversePathFilter::Off, ReversePathFilter::Loose, ReversePathFilter::Strict];
    for reverse_path in filters {
        let mut both = Both::new(Setup { reverse_path, ..Setup::PLAIN });
        let (client4, client6) = (v4(CLIENT), IpAddr::from(CLIENT6));
        let good: Vec<_> = [
            (client4, v4(SERVER)),
            (client6, SERVER6.into()),
            (client4, v4([198, 51, 100, 5])),
            (client6, v6(0xfd00, 6, 5)),
        ]
        .map(|(from, to)| udp(from, to).frame(LAN))
        .to_vec();
        assert_eq!(both.pass(LAN, &good), 0, "the first ones are judged");
        assert_eq!(both.pass(LAN, &good), 4);
        assert_eq!(both.pass(LAN, &good[..1]), 1);
        assert_eq!(both.pass(LAN, &good[1..2]), 1, "IPv6 alone");
        let spoofed = [(v4([198, 51, 100, 9]), v4(SERVER)), (v6(0xfd00, 6, 9), SERVER6.into())]
            .map(|(from, to)| udp(from, to).frame(LAN));
        let passed = if reverse_path == ReversePathFilter::Strict { 0 } else { 2 };
        assert_eq!(both.pass(LAN, &spoofed), passed, "{reverse_path:?}");
        let nowhere = [(v4([203, 0, 113, 1]), v4(SERVER)), (v6(0xfd00, 9, 9), SERVER6.into())]
            .map(|(from, to)| udp(from, to).frame(LAN));
        let passed = if reverse_path == ReversePathFilter::Off { 2 } else { 0 };
        assert_eq!(both.pass(LAN, &nowhere), passed, "{reverse_path:?}");
    }
}

/// A packet of connection number `index`, towards the server or back.
#[derive(Debug, Clone, Copy)]
struct Exchanged {
    index: usize,
    back: bool,
    seq: u32,
    ack: u32,
    flags: u8,
    payload: usize,
    padding: usize,
    ttl: u8,
}

/// Connections: two of UDP and two of TCP in each family.
const CONNECTIONS: usize = 8;

impl Exchanged {
    fn frame(self) -> Vec<u8> {
        let mut outside6 = SERVER6;
        outside6[15] = 1;
        let (client, server, outside) = match self.index % 2 {
            0 => (v4(CLIENT), v4(SERVER), v4(GATEWAY)),
            _ => (IpAddr::from(CLIENT6), IpAddr::from(SERVER6), IpAddr::from(outside6)),
        };
        let (port, service) = (5000 + self.index as u16, 80);
        let (from, to) = match self.back {
            false => ((client, port), (server, service)),
            true => ((server, service), (outside, port)),
        };
        let transport = match self.index / 2 % 2 {
            0 => Transport::Udp,
            _ => Transport::Tcp(self.seq, self.ack, self.flags),
        };
        let Self { ttl, payload, padding, .. } = self;
        Sent { transport, from, to, ttl, payload, padding, unsummed: self.index == 5 }
            .frame(if self.back { WAN } else { LAN })
    }

    fn first(index: usize, back: bool, seq: u32, ack: u32, flags: u8) -> Self {
        Self { index, back, seq, ack, flags, payload: 0, padding: 0, ttl: 64 }
    }
}

/// A gateway that translates, with its connections established.
fn established() -> Both {
    let mut both = Both::new(Setup { nat: true, ..Setup::PLAIN });
    for index in 0..CONNECTIONS {
        for (back, seq, ack, flags) in [
            (false, 1000, 0, SYN),
            (true, 9000, 1001, SYN | ACK),
            (false, 1001, 9001, ACK),
            (true, 9001, 1001, ACK),
        ] {
            let frame = Exchanged::first(index, back, seq, ack, flags).frame();
            both.pass(if back { WAN } else { LAN }, &[frame]);
        }
    }
    let connections = both.fast.workers[0].counters().get(Counter::Inserted);
    assert!(connections == 0 || connections == CONNECTIONS as u64);
    both
}

fn exchanged() -> impl Strategy<Value = Exchanged> {
    let flags = select(vec![ACK, ACK, ACK, ACK | 8, ACK | 1, ACK | 4, ACK | SYN]);
    let payload = select(vec![0, 6, 100, 1432]);
    (0..CONNECTIONS, 0..900_u32, 0..200_u32, flags, payload, 0..9_usize, select(vec![64, 64, 2, 1]))
        .prop_map(|(index, seq, ack, flags, payload, padding, ttl)| Exchanged {
            index,
            back: false,
            seq,
            ack,
            flags,
            payload,
            padding,
            ttl,
        })
}

fn directed(back: bool, exchanged: Exchanged) -> Vec<u8> {
    let Exchanged { seq, ack, .. } = exchanged;
    let (seq, ack) = if back { (9001 + seq, 1001 + ack) } else { (1001 + seq, 9001 + ack) };
    Exchanged { back, seq, ack, ..exchanged }.frame()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn connections_of_a_gateway_that_translates(
        bursts in vec((any::<bool>(), vec(exchanged(), 1..40)), 1..8),
    ) {
        let mut both = established();
        for (back, burst) in bursts {
            let burst: Vec<_> = burst.into_iter().map(|sent| directed(back, sent)).collect();
            both.pass(if back { WAN } else { LAN }, &burst);
        }
    }
}

#[test]
fn packets_of_connections_take_it() {
    let mut both = established();
    for back in [false, true] {
        let burst: Vec<_> = (0..CONNECTIONS)
            .map(|index| directed(back, Exchanged::first(index, back, 0, 0, ACK)))
            .collect();
        let port = if back { WAN } else { LAN };
        both.pass(port, &burst);
        assert_eq!(both.pass(port, &burst), CONNECTIONS as u64);
    }
    // Four each to open them, and the two bursts of either direction.
    let packets = |carried: &Carried| carried.packets;
    let counted: Vec<_> = both.fast.carried().into_iter().map(|(_, account)| account).collect();
    assert_eq!(counted.len(), CONNECTIONS);
    for account in counted.iter().map(|account| account.as_ref().unwrap()) {
        assert_eq!([&account.original, &account.reply].map(packets), [4, 4]);
    }
}

/// What finds the list of the host's port full has not reached the host.
#[test]
fn a_full_list_of_the_host_is_a_drop() {
    let mut gateway = Setup { nat: true, ..Setup::PLAIN }.gateway();
    let (rules4, rules6) = (
        compile(vec![(Table::Nat, Hook::Postrouting, vec![(vec![], snat(GATEWAY, None))])], 1),
        Rules::empty(1),
    );
    gateway.publish_snapshot(Arc::new(snapshot_with(rules4, rules6, |interface| {
        interface.twin = Some(WAN).filter(|_| interface.port == LAN);
    })));
    let frame = udp(v4(CLIENT), v4([10, 1, 0, 1])).frame(LAN);
    assert_eq!(gateway.receive(LAN, &frame).len(), 1);
    // The list holds 256.
    let sent = gateway.receive_burst(0, LAN, &vec![frame; 300]);
    assert_eq!(sent.len(), 256);
    assert_eq!(gateway.total(Counter::Cached), 300);
    assert_eq!((gateway.total(Counter::Local), gateway.total(Counter::Transmitted)), (257, 0));
    assert_eq!(gateway.workers[0].counters().drops().get(DropReason::HostFull), 44);
}
