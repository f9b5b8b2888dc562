//! Tables by themselves, compared with DPDK's and hashbrown's.

use super::left::SharedRig;
use super::measure::{Comparison, Function, Measurement};
use super::packets::{self, Effort};
use super::scenario::{Established, OUT};
use crate::gateway::{self, Role};
use crate::machine::Machine;
use crate::report::Average;
use crate::ruleset::Beside;
use crate::traffic::Numbered;
use crate::traffic::routes::{Random, Routes};
use anyhow::{Context, Result, ensure};
use dpdk::{baseline, cpu};
use hashbrown::HashMap;
use sluice_dataplane::address::{Address, L4Port, V4, V6};
use sluice_dataplane::fib::{Fib, FibWriter, Found};
use sluice_dataplane::ids::NextHopId;
use sluice_dataplane::published::Quiescence;
use sluice_dataplane::tuple::{Tuple, Zone};
use std::array;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// Lookups of one call.
const BULK: usize = 32;
/// Lookups timed as one.
const SAMPLE: usize = 256;
/// Samples of a round.
const SAMPLES: usize = 64;
/// Keys there are: more than caches hold.
const KEYS: usize = 1 << 20;
const HARNESS: &str = "table alone, bulks of 32";

/// Lookups of many keys in turn, each of which must give what is expected. What a call gives is kept as it is, and read after the
/// time is taken.
struct Lookups<K, R, F> {
    keys: Box<[K]>,
    expected: Rc<[u64]>,
    at: usize,
    lookup: F,
    answers: PhantomData<R>,
}

/// What a call gives.
trait Answers: Default {
    /// The number of the next hop of each key.
    fn numbers(&self) -> impl Iterator<Item = u64>;
}

impl Answers for Found<BULK> {
    fn numbers(&self) -> impl Iterator<Item = u64> {
        self.iter().map(|found| found.map_or(baseline::NO_ROUTE, |found| found.0.into()))
    }
}

impl Answers for [u64; BULK] {
    fn numbers(&self) -> impl Iterator<Item = u64> {
        self.iter().copied()
    }
}

impl<K, R: Answers, F: FnMut(&[K; BULK], &mut R)> Measurement for Lookups<K, R, F> {
    fn round(&mut self, _effort: &Effort) -> Result<Vec<f64>> {
        let mut samples = Vec::with_capacity(SAMPLES);
        let mut found: [R; SAMPLE / BULK] = array::from_fn(|_| R::default());
        for _ in 0..SAMPLES {
            let range = self.at..self.at + SAMPLE;
            let keys = self.keys.get(range.clone()).context("fewer keys than a sample")?;
            let begin = cpu::cycles();
            measured(&mut self.lookup, keys, &mut found);
            let cycles = cpu::cycles() - begin;
            let expected = self.expected.get(range).context("fewer answers than keys")?;
            let found: Vec<_> = found.iter().flat_map(Answers::numbers).collect();
            ensure!(found == expected, "a lookup gave {found:?}, not {expected:?}");
            samples.push(per(cycles, SAMPLE));
            self.at = (self.at + SAMPLE) % (self.keys.len() - SAMPLE + 1);
        }
        Ok(samples)
    }
}

/// The lookups of a sample, and nothing else: what callgrind counts, by this function's name.
#[inline(never)]
fn measured<K, R>(lookup: &mut impl FnMut(&[K; BULK], &mut R), keys: &[K], found: &mut [R]) {
    for (keys, found) in keys.as_chunks().0.iter().zip(found) {
        lookup(keys, found);
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(super) fn per(cycles: u64, count: usize) -> f64 {
    cycles as f64 / count as f64
}

impl<K, R: Answers, F: FnMut(&[K; BULK], &mut R)> Lookups<K, R, F> {
    fn new(keys: Vec<K>, expected: &Rc<[u64]>, lookup: F) -> Self {
        Self {
            keys: keys.into(),
            expected: Rc::clone(expected),
            at: 0,
            lookup,
            answers: PhantomData,
        }
    }
}

/// Both take turns; `other` has the same keys in its own shape.
fn compare<K: 'static, L: 'static, R: Answers + 'static, S: Answers + 'static>(
    own: Lookups<K, R, impl FnMut(&[K; BULK], &mut R) + 'static>,
    (name, other): (&str, Lookups<L, S, impl FnMut(&[L; BULK], &mut S) + 'static>),
) -> Comparison {
    Comparison {
        unit: "cycles/lookup",
        average: Average::Median,
        harness: HARNESS.into(),
        subject: Box::new(own),
        baseline: Some((name.into(), Box::new(other))),
    }
}

fn filled<A: Address>(routes: &Routes) -> Result<(std::sync::Arc<Fib<A>>, FibWriter<A>)> {
    let (fib, mut writer) = Fib::new(1 << 20)?;
    for route in &routes.list {
        let address = A::from_bits(route.bits >> (128 - 8 * A::SIZE));
        writer.insert(address, route.length, NextHopId(route.gateway.into()))?;
    }
    Ok((fib, writer))
}

fn rte_fib(machine: &Machine, routes: &Routes) -> Result<baseline::Fib4> {
    let count = u32::try_from(routes.list.len())? * 2 + 1024;
    let mut fib = baseline::Fib4::new(&machine.eal, c"bench-fib", count, 1 << 15)?;
    for route in &routes.list {
        fib.add((route.bits >> 96) as u32, route.length, route.gateway.into())?;
    }
    Ok(fib)
}

/// Lookups of random destinations among so many IPv4 routes, against `rte_fib`.
pub(super) fn fib4(machine: &Machine, count: usize) -> Result<Comparison> {
    let routes = Routes::internet4(count);
    let (fib, _) = filled::<V4>(&routes)?;
    let other = rte_fib(machine, &routes)?;
    let destinations = routes.destinations(KEYS);
    let keys = destinations.iter().filter_map(|destination| match destination.address {
        IpAddr::V4(v4) => Some(v4.to_bits()),
        IpAddr::V6(_) => None,
    });
    let expected = destinations.iter().map(|destination| destination.gateway.into()).collect();
    let keys: Vec<u32> = keys.collect();
    // Ours takes addresses as they stand on the wire, DPDK's as numbers.
    let own_keys = keys.iter().map(|key| V4(key.to_be_bytes())).collect();
    let own = move |keys: &[V4; BULK], found: &mut Found<BULK>| fib.lookup_burst(keys, found);
    let other = move |keys: &[u32; BULK], found: &mut [u64; BULK]| other.lookup(keys, found);
    let own = Lookups::new(own_keys, &expected, own);
    Ok(compare(own, ("rte_fib", Lookups::new(keys, &expected, other))))
}

/// The same for IPv6, against `rte_fib6`.
pub(super) fn fib6(machine: &Machine, count: usize) -> Result<Comparison> {
    let routes = Routes::internet6(count);
    let (fib, _) = filled::<V6>(&routes)?;
    let size = u32::try_from(count)? * 2 + 1024;
    // DPDK reserves a node for each byte between a route and the one it lies in.
    let nodes = u32::try_from(count)? * 3 / 2 + 1024;
    let mut other = baseline::Fib6::new(&machine.eal, c"bench-fib6", size, nodes)?;
    for route in &routes.list {
        other.add(route.bits.to_be_bytes(), route.length, route.gateway.into())?;
    }
    let destinations = routes.destinations(KEYS);
    let keys = destinations.iter().filter_map(|destination| match destination.address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some(v6.octets()),
    });
    let expected = destinations.iter().map(|destination| destination.gateway.into()).collect();
    let keys: Vec<[u8; 16]> = keys.collect();
    let own_keys = keys.iter().copied().map(V6).collect();
    let own = move |keys: &[V6; BULK], found: &mut Found<BULK>| fib.lookup_burst(keys, found);
    let other = move |keys: &[[u8; 16]; BULK], found: &mut [u64; BULK]| other.lookup(keys, found);
    let own = Lookups::new(own_keys, &expected, own);
    Ok(compare(own, ("rte_fib6", Lookups::new(keys, &expected, other))))
}

/// Microseconds of one route change (taken out, or put in again) among so many, against `rte_fib`.
pub(super) fn update(machine: &Machine, count: usize) -> Result<Comparison> {
    const CHANGES: usize = 64;
    let routes = Rc::new(Routes::internet4(count));
    let (_, mut writer) = filled::<V4>(&routes)?;
    let mut other = rte_fib(machine, &routes)?;
    let quiescence = Quiescence::new(0);
    let changes = |routes: Rc<Routes>| {
        let mut random = Random(7);
        move || routes.list.get(random.next() as usize % routes.list.len()).copied()
    };
    let (mut next, mut next_other) = (changes(Rc::clone(&routes)), changes(routes));
    let own = Function(move || {
        let begin = cpu::cycles();
        for _ in 0..CHANGES {
            let route = next().context("no routes")?;
            let address = V4::from_bits(route.bits >> 96);
            ensure!(writer.remove(address, route.length).is_some(), "a route was not there");
            writer.insert(address, route.length, NextHopId(route.gateway.into()))?;
            writer.reclaim(&quiescence);
        }
        Ok(vec![microseconds(cpu::cycles() - begin, 2 * CHANGES)])
    });
    let baseline = Function(move || {
        let begin = cpu::cycles();
        for _ in 0..CHANGES {
            let route = next_other().context("no routes")?;
            let address = (route.bits >> 96) as u32;
            other.delete(address, route.length)?;
            other.add(address, route.length, route.gateway.into())?;
        }
        Ok(vec![microseconds(cpu::cycles() - begin, 2 * CHANGES)])
    });
    Ok(Comparison {
        unit: "µs/change",
        average: Average::Median,
        harness: "table alone".into(),
        subject: Box::new(own),
        baseline: Some(("rte_fib".into(), Box::new(baseline))),
    })
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn microseconds(cycles: u64, count: usize) -> f64 {
    per(cycles, count) * 1e6 / cpu::cycles_per_second() as f64
}

/// What the flow table is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowTable {
    /// hashbrown, entries of 64 bytes in it.
    Hashbrown,
    /// rte_hash, entries of 64 bytes beside it.
    RteHash,
}

#[repr(align(64))]
#[derive(Clone, Copy)]
struct Entry(u64);

/// Lookups of random connections among so many: bursts, as the worker looks up, each index line and then each
/// connection prefetched before it is read.
pub(super) fn flows(
    machine: &Machine,
    rig: SharedRig,
    flows: u32,
    with: FlowTable,
) -> Result<Comparison> {
    let mut random = Random(11);
    let numbers: Vec<u64> = (0..KEYS).map(|_| random.next() % u64::from(flows)).collect();
    let first = |number: u64| rig.borrow().first(u32::try_from(number).unwrap_or(0));
    let keys: Vec<[u8; 16]> = numbers.iter().map(|number| key(first(*number))).collect();
    let tuples: Vec<Tuple<V4>> = keys.iter().map(tuple).collect();
    // The connection's number in the table is its own affair: that it is found is what is compared.
    let expected = vec![1; KEYS].into();
    let all: Vec<[u8; 16]> = (0..flows.into()).map(|number| key(first(number))).collect();
    let own = move |tuples: &[Tuple<V4>; BULK], found: &mut [u64; BULK]| {
        let known = rig.borrow().worker.v4().conntrack.lookup_burst::<BULK>(tuples);
        for (flow, found) in known.iter().zip(found) {
            *found = flow.is_some().into();
        }
    };
    let own = Lookups::new(tuples, &expected, own);
    match with {
        FlowTable::Hashbrown => {
            let map: HashMap<[u8; 16], Entry> =
                all.into_iter().map(|key| (key, Entry(1))).collect();
            let other = move |keys: &[[u8; 16]; BULK], found: &mut [u64; BULK]| {
                for (key, found) in keys.iter().zip(found) {
                    *found = map.get(key).map_or(0, |entry| entry.0);
                }
            };
            Ok(compare(own, ("hashbrown", Lookups::new(keys, &expected, other))))
        }
        FlowTable::RteHash => {
            // Twice as many as it will hold: it refuses keys before it is full.
            let count = 2 * flows.next_power_of_two();
            let mut hash = baseline::Hash::new(&machine.eal, c"bench-hash", count)?;
            for key in &all {
                hash.add(key)?;
            }
            let entries = vec![Entry(1); count as usize + 1];
            let other = move |keys: &[[u8; 16]; BULK], found: &mut [u64; BULK]| {
                let mut positions = [-1; BULK];
                hash.lookup(keys, &mut positions);
                for (position, found) in positions.iter().zip(found) {
                    let at = usize::try_from(*position).unwrap_or(usize::MAX);
                    *found = entries.get(at).map_or(0, |entry| entry.0);
                }
            };
            Ok(compare(own, ("rte_hash, bulk", Lookups::new(keys, &expected, other))))
        }
    }
}

/// Addresses, ports, protocol: 13 bytes of 16.
fn key((source, destination): (SocketAddr, SocketAddr)) -> [u8; 16] {
    let mut key = [0; 16];
    for (at, end) in [(0, source), (6, destination)] {
        if let SocketAddr::V4(end) = end {
            key[at..at + 4].copy_from_slice(&end.ip().octets());
            key[at + 4..at + 6].copy_from_slice(&end.port().to_be_bytes());
        }
    }
    key[12] = 17;
    key
}

fn tuple(key: &[u8; 16]) -> Tuple<V4> {
    let [a, b, c, d, p, q, e, f, g, h, r, s, protocol, ..] = *key;
    Tuple {
        source: V4([a, b, c, d]),
        destination: V4([e, f, g, h]),
        source_port: L4Port::from_wire([p, q]),
        destination_port: L4Port::from_wire([r, s]),
        protocol,
        icmp: 0,
        zone: Zone::default(),
    }
}

/// Bytes of memory that a connection takes, both directions and all state, of a table that is full.
///
/// Asked of a process that has done nothing else, whose heap has no free memory to give. What any gateway takes, the
/// buffers of the packet pool above all, is taken before by a small one. On ordinary pages: a table read here and
/// there, as that of routes, takes whole huge pages, which are no connection's either.
pub(crate) fn memory(machine: &Machine, flows: u32) -> Result<f64> {
    ensure!((1..=Numbered::FLOWS).contains(&flows), "1 to {} connections", Numbered::FLOWS);
    let asked = Established { flows, ..OUT };
    nix::sys::prctl::set_thp_disable(true).context("cannot do without huge pages")?;
    let mut small = packets::established(machine, OUT)?;
    // The pool gives buffers in turn: two rounds touch each of them.
    for _ in 0..2 {
        small.round(&Effort::QUICK)?;
    }
    let before = resident()?;
    let role = Role::Nat { capacity: 1, beside: Beside::Filters(0), udp_timeout: 30 };
    let _without = gateway::gateway(role, 1)?;
    let fixed = resident()?.saturating_sub(before);
    let packets = packets::established(machine, asked)?;
    let bytes = resident()?.saturating_sub(before + 2 * fixed);
    let held = packets.rig().worker.v4().conntrack.count();
    ensure!(held == flows as usize, "{held} connections, not {flows}");
    Ok(per(bytes, held))
}

/// Bytes of this process in memory, on pages of any size.
fn resident() -> Result<u64> {
    let status =
        std::fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let of = |field: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    let kilobytes = of("VmRSS:").context("no VmRSS")? + of("HugetlbPages:").unwrap_or(0);
    Ok(kilobytes * 1024)
}
