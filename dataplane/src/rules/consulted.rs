//! What rules can tell of a tuple: two first packets of which that is the same pass the same rules, where these look
//! at no more than tuple, interfaces and state.
//!
//! ```text
//!   address ─> under which masks is it one that some rule names? ─> those bits, and which masks
//!   port    ─> is it in a range that some rule names?            ─> the first port that all ranges treat like it
//! ```
//!
//! A mask under which no rule names the address tells it apart from nothing: every such rule says no, or, inverted,
//! yes. The sets of names are Bloom filters: a false hit tells two apart that need not be, and nothing worse.

use super::matches::Match;
use super::matches::multiport::End;
use super::matches::port::PortRange;
use super::{Chain, Prepared};
use crate::address::{Address, L4Port};
use crate::tuple::Tuple;
use std::sync::Arc;

/// What the rules of one family look at.
#[derive(Debug)]
pub(crate) struct Consulted<A> {
    /// Bits that count in any case.
    always: Tuple<A>,
    sources: Addresses,
    destinations: Addresses,
    source_ports: Ports,
    destination_ports: Ports,
}

/// What rules can tell of one tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told<A> {
    /// The tuple as far as it counts, and zero elsewhere.
    pub(crate) tuple: Tuple<A>,
    /// For which masks and ports that is more than nothing.
    pub(crate) hits: u32,
}

/// What chains name.
#[derive(Debug)]
struct Names<A> {
    always: Tuple<A>,
    sources: Vec<(u128, u128)>,
    destinations: Vec<(u128, u128)>,
    source_ports: Vec<PortRange>,
    destination_ports: Vec<PortRange>,
}

impl<A: Address> Names<A> {
    /// Beside what counts `always`.
    fn of<'c>(always: Tuple<A>, chains: impl IntoIterator<Item = &'c Chain<A>>) -> Self {
        let mut names = Self {
            always,
            sources: Vec::new(),
            destinations: Vec::new(),
            source_ports: Vec::new(),
            destination_ports: Vec::new(),
        };
        let rules = chains.into_iter().flat_map(|chain| &chain.rules);
        for condition in rules.flat_map(|rule| &rule.matches) {
            match condition {
                Match::Source(source) => names.sources.push(source.named()),
                Match::Destination(destination) => names.destinations.push(destination.named()),
                Match::SourcePort(port) => names.source_ports.push(port.range),
                Match::DestinationPort(port) => names.destination_ports.push(port.range),
                Match::Multiport(ports) => {
                    if ports.end != End::Destination {
                        names.source_ports.extend(&ports.ranges);
                    }
                    if ports.end != End::Source {
                        names.destination_ports.extend(&ports.ranges);
                    }
                }
                // Of the others, those that look at the tuple say at which bits of it.
                other => other.consult(&mut names.always),
            }
        }
        names
    }
}

impl<A: Address> Consulted<A> {
    /// By the rules of `chains`; the protocol always counts.
    pub(super) fn new<'c>(chains: impl IntoIterator<Item = &'c Chain<A>>) -> Self {
        let names = Names::of(Tuple { protocol: 0xff, ..Tuple::default() }, chains);
        let mut always = names.always;
        let (sources, rest) = Addresses::new(&names.sources);
        always.source = A::from_bits(always.source.to_bits() | rest);
        let (destinations, rest) = Addresses::new(&names.destinations);
        always.destination = A::from_bits(always.destination.to_bits() | rest);
        let source_ports = Ports::new(&names.source_ports);
        let destination_ports = Ports::new(&names.destination_ports);
        Self { always, sources, destinations, source_ports, destination_ports }
    }

    /// By the rules of `chains`, where these are by the rules of `previous`. What only chains named that are no more may
    /// stay: two tuples that differ in it are told apart in vain, until there is too much of it and all is found anew.
    pub(super) fn after(&self, previous: &[Arc<Prepared<A>>], chains: &[Arc<Prepared<A>>]) -> Self {
        let is_new = |(at, chain): &(usize, &Arc<Prepared<A>>)| {
            previous.get(*at).is_none_or(|old| !Arc::ptr_eq(old, chain))
        };
        let new = chains.iter().enumerate().filter(is_new);
        let names = Names::of(self.always, new.map(|(_, chain)| &***chain));
        self.with(&names).unwrap_or_else(|| Self::new(chains.iter().map(|chain| &***chain)))
    }

    /// With more names; none where there is no room for them.
    fn with(&self, names: &Names<A>) -> Option<Self> {
        let always = names.always;
        Some(Self {
            sources: self.sources.with(&names.sources, always.source.to_bits())?,
            destinations: self
                .destinations
                .with(&names.destinations, always.destination.to_bits())?,
            always,
            source_ports: self.source_ports.with(&names.source_ports),
            destination_ports: self.destination_ports.with(&names.destination_ports),
        })
    }

    /// What the rules can tell of `tuple`.
    #[inline]
    pub(crate) fn told(&self, tuple: &Tuple<A>) -> Told<A> {
        let mut told = tuple.masked(&self.always);
        let mut hits = 0;
        let mut address = |set: &Addresses, address: A, always: A| {
            let (mask, hit) = set.look(address.to_bits());
            hits = hits << Addresses::MASKS | hit;
            A::from_bits(address.to_bits() & (mask | always.to_bits()))
        };
        if !self.sources.is_empty() {
            told.source = address(&self.sources, tuple.source, self.always.source);
        }
        if !self.destinations.is_empty() {
            told.destination =
                address(&self.destinations, tuple.destination, self.always.destination);
        }
        let mut port = |set: &Ports, port: L4Port, always: L4Port| {
            let like = if always.get() == 0 { set.look(port.get()) } else { Some(port.get()) };
            hits = hits << 1 | u32::from(like.is_some());
            like.map_or(L4Port::new(0), L4Port::new)
        };
        told.source_port = port(&self.source_ports, tuple.source_port, self.always.source_port);
        told.destination_port =
            port(&self.destination_ports, tuple.destination_port, self.always.destination_port);
        Told { tuple: told, hits }
    }
}

/// The addresses that rules name.
#[derive(Debug, Clone)]
struct Addresses(Box<[Named]>);

/// Those under one mask.
#[derive(Debug, Clone)]
struct Named {
    mask: u128,
    /// A Bloom filter of as many words as a power of two.
    words: Box<[u64]>,
    /// How many bits more may be set in it later: half of what it was made for.
    room: usize,
}

impl Addresses {
    /// Masks that are told apart.
    const MASKS: usize = 12;
    /// Bits of filter for each name: one false hit in 32 at most.
    const BITS: usize = 32;

    /// Of pairs of an address and its mask; and the bits of masks for which there was no room.
    fn new(names: &[(u128, u128)]) -> (Self, u128) {
        let mut masks: Vec<u128> = names.iter().map(|&(_, mask)| mask).collect();
        masks.sort_unstable();
        masks.dedup();
        let rest = masks.split_off(masks.len().min(Self::MASKS));
        let under = |mask: u128| {
            let of_mask = || names.iter().filter(move |name| name.1 == mask);
            let words = (of_mask().count() * Self::BITS).next_power_of_two().max(1024) / 64;
            let words = vec![0; words].into_boxed_slice();
            let mut named = Named { mask, room: 0, words };
            of_mask().for_each(|(address, _)| {
                named.add(*address);
            });
            named.room = named.words.len() * 64 / Self::BITS / 2;
            named
        };
        let named = masks.into_iter().map(under).collect();
        (Self(named), rest.into_iter().fold(0, |bits, mask| bits | mask))
    }

    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With more names; none where there is no room for them, or no place for their masks, except where all their bits
    /// are `known` to count.
    fn with(&self, names: &[(u128, u128)], known: u128) -> Option<Self> {
        let mut all = self.clone();
        for &(address, mask) in names {
            match all.0.iter_mut().find(|named| named.mask == mask) {
                Some(named) => {
                    let added = usize::from(named.add(address));
                    named.room = named.room.checked_sub(added)?;
                }
                None if mask & !known == 0 => {}
                None => return None,
            }
        }
        Some(all)
    }

    /// The bits of `address` that count, and the masks under which some do.
    #[inline]
    fn look(&self, address: u128) -> (u128, u32) {
        let (mut mask, mut hits) = (0, 0);
        for (number, named) in self.0.iter().enumerate() {
            let (word, bit) = named.place(address);
            if named.words.get(word).is_none_or(|word| word & bit != 0) {
                mask |= named.mask;
                hits |= 1 << number;
            }
        }
        (mask, hits)
    }
}

impl Named {
    /// Whether it is new.
    fn add(&mut self, address: u128) -> bool {
        let (word, bit) = self.place(address);
        let Some(word) = self.words.get_mut(word) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    fn place(&self, address: u128) -> (usize, u64) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let address = address & self.mask;
        let (high, low) = ((address >> 64) as u64, address as u64);
        let hash = (low ^ high.wrapping_mul(ODD).rotate_left(29)).wrapping_mul(ODD);
        let hash = (hash ^ hash >> 32).wrapping_mul(ODD);
        let word = (hash >> 32) as usize & (self.words.len() - 1);
        (word, 1 << (hash >> 26 & 63))
    }
}

/// The ports that rules name, in ranges.
#[derive(Debug, Clone)]
struct Ports {
    /// One where a port is in some range; nothing at all where there are no ranges.
    named: Box<[u64]>,
    /// One where a range begins, or the port before was the last of one.
    begins: Box<[u64]>,
    /// The last such port before the first of each word.
    before: Box<[u16]>,
}

impl Ports {
    const WORDS: usize = (1 << 16) / 64;

    fn new(ranges: &[PortRange]) -> Self {
        if ranges.is_empty() {
            return Self { named: Box::default(), begins: Box::default(), before: Box::default() };
        }
        let words = || vec![0; Self::WORDS].into_boxed_slice();
        let mut ports = Self { named: words(), begins: words(), before: Box::default() };
        ports.add(ranges);
        ports
    }

    /// With more ranges.
    fn with(&self, ranges: &[PortRange]) -> Self {
        if self.named.is_empty() {
            return Self::new(ranges);
        }
        let mut ports = self.clone();
        if !ranges.is_empty() {
            ports.add(ranges);
        }
        ports
    }

    fn add(&mut self, ranges: &[PortRange]) {
        let set = |words: &mut [u64], port: u16| {
            if let Some(word) = words.get_mut(usize::from(port) / 64) {
                *word |= 1 << (port % 64);
            }
        };
        let mut ranges: Vec<_> = ranges.iter().filter(|range| range.from <= range.to).collect();
        ranges.sort_unstable_by_key(|range| (range.from, range.to));
        ranges.dedup();
        for range in ranges {
            (range.from..=range.to).for_each(|port| set(&mut self.named, port));
            set(&mut self.begins, range.from);
            if let Some(after) = range.to.checked_add(1) {
                set(&mut self.begins, after);
            }
        }
        let mut last = 0;
        let mut before = Vec::with_capacity(Self::WORDS);
        for (index, &word) in self.begins.iter().enumerate() {
            before.push(last);
            last = highest(index, word).unwrap_or(last);
        }
        self.before = before.into_boxed_slice();
    }

    /// The first port of those around `port` that are in the same ranges; none where it is in no range.
    #[inline]
    fn look(&self, port: u16) -> Option<u16> {
        let (index, bit) = (usize::from(port / 64), port % 64);
        if self.named.get(index)? >> bit & 1 == 0 {
            return None;
        }
        let word = self.begins.get(index)? & (u64::MAX >> (63 - bit));
        highest(index, word).or_else(|| self.before.get(index).copied())
    }
}

/// The highest port that has a one in word `index`.
fn highest(index: usize, word: u64) -> Option<u16> {
    let bit = word.checked_ilog2()?;
    u16::try_from(index * 64 + bit as usize).ok()
}

#[cfg(test)]
#[path = "consulted_tests.rs"]
mod tests;
