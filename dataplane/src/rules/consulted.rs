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

use super::Chain;
use super::matches::Match;
use super::matches::multiport::End;
use super::matches::port::PortRange;
use crate::address::{Address, L4Port};
use crate::tuple::Tuple;

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

impl<A: Address> Consulted<A> {
    /// By the rules of `chains`; the protocol always counts.
    pub(super) fn new(chains: &[Chain<A>]) -> Self {
        let rules = || chains.iter().flat_map(|chain| &chain.rules);
        let mut always = Tuple { protocol: 0xff, ..Tuple::default() };
        let (mut sources, mut destinations) = (Vec::new(), Vec::new());
        let (mut source_ports, mut destination_ports) = (Vec::new(), Vec::new());
        for condition in rules().flat_map(|rule| &rule.matches) {
            match condition {
                Match::Source(source) => sources.push(source.named()),
                Match::Destination(destination) => destinations.push(destination.named()),
                Match::SourcePort(port) => source_ports.push(port.range),
                Match::DestinationPort(port) => destination_ports.push(port.range),
                Match::Multiport(ports) => {
                    if ports.end != End::Destination {
                        source_ports.extend(&ports.ranges);
                    }
                    if ports.end != End::Source {
                        destination_ports.extend(&ports.ranges);
                    }
                }
                // Of the others, those that look at the tuple say at which bits of it.
                other => other.consult(&mut always),
            }
        }
        let (sources, rest) = Addresses::new(&sources);
        always.source = A::from_bits(always.source.to_bits() | rest);
        let (destinations, rest) = Addresses::new(&destinations);
        always.destination = A::from_bits(always.destination.to_bits() | rest);
        let source_ports = Ports::new(&source_ports);
        let destination_ports = Ports::new(&destination_ports);
        Self { always, sources, destinations, source_ports, destination_ports }
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
#[derive(Debug)]
struct Addresses(Box<[Named]>);

/// Those under one mask.
#[derive(Debug)]
struct Named {
    mask: u128,
    /// A Bloom filter of as many words as a power of two.
    words: Box<[u64]>,
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
            let mut named = Named { mask, words: vec![0; words].into_boxed_slice() };
            for (address, _) in of_mask() {
                let (word, bit) = named.place(*address);
                if let Some(word) = named.words.get_mut(word) {
                    *word |= bit;
                }
            }
            named
        };
        let named = masks.into_iter().map(under).collect();
        (Self(named), rest.into_iter().fold(0, |bits, mask| bits | mask))
    }

    const fn is_empty(&self) -> bool {
        self.0.is_empty()
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
#[derive(Debug)]
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
        let mut ports = Self {
            named: vec![0; Self::WORDS].into_boxed_slice(),
            begins: vec![0; Self::WORDS].into_boxed_slice(),
            before: Box::default(),
        };
        let set = |words: &mut [u64], port: u16| {
            if let Some(word) = words.get_mut(usize::from(port) / 64) {
                *word |= 1 << (port % 64);
            }
        };
        for range in ranges.iter().filter(|range| range.from <= range.to) {
            (range.from..=range.to).for_each(|port| set(&mut ports.named, port));
            set(&mut ports.begins, range.from);
            if let Some(after) = range.to.checked_add(1) {
                set(&mut ports.begins, after);
            }
        }
        let mut last = 0;
        let mut before = Vec::with_capacity(Self::WORDS);
        for (index, &word) in ports.begins.iter().enumerate() {
            before.push(last);
            last = highest(index, word).unwrap_or(last);
        }
        ports.before = before.into_boxed_slice();
        ports
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
