//! Which rules of a chain are worth asking: a pruned tuple space, after Srinivasan, Suri and Varghese,
//! "Packet Classification using Tuple Space Search" (SIGCOMM 1999).
//!
//! ```text
//!   packet ──> four filters: at which prefix lengths do rules have its source, destination, ports?
//!                 │
//!                 └─> shapes (source /24, tcp, dport/16, …) that this leaves: mask, hash
//!                        │
//!                        └─> table: hash ──> positions of rules, ascending
//!                               │
//!                               └─> merged: the next position that may match ──> asked plainly
//! ```
//!
//! Rules that demand the same number of leading bits of the same fields have one *shape*, and those of
//! one shape that a packet can match are found by one look-up in a hash table. The filters are small Bloom filters, one per length,
//! and leave out the shapes in which a look-up would be in vain. A range of ports stands at the aligned blocks it
//! consists of, or at the smallest that contains it where they are more than four; a rule of several ports or
//! interfaces stands in several places. Negated matches, and those of
//! other kinds, demand nothing. What is found is asked match by match, so that nothing here need be
//! exact except in one direction: no rule that would match may be left out.
//!
//! Cost of a packet: a few instructions for each length and each shape, and each candidate asked. It depends on
//! how many *different* shapes a chain has, not on how many rules: where there are more than 128, lengths are
//! rounded down until there are fewer. Rules that differ only in what is not indexed (mark, ICMP type,
//! negations) remain a list, and so do wide ranges of ports across one boundary of a power of two.
//!
//! # Why the answer is the same as the plain walk's
//!
//! *Verdict, counters, trail.* The plain walk changes nothing at a rule that does not match, except
//! `cacheable`. A rule is left out only where one of its matches fails: its list is under the
//! hash of the fields it demands, which equals the packet's wherever all those fields agree, and the filters know every length at which
//! they agree. The fields do not change during a walk (targets change the mark, which is not indexed), so a look-up
//! when a chain is entered, or come back to, holds until it is left. Rules found are asked in the order of their positions by the
//! same code.
//!
//! *Cacheable.* The plain walk clears it when it asks a match that looks at more than the flow, which it does when all
//! matches before that one hold. Only matches that stand before the first such match are indexed: where one of them fails, the plain walk stops at it
//! and has asked nothing about the packet. So `cacheable` is cleared by the same packets. And what is
//! indexed (addresses, ports, protocol, interfaces, state) is the same for all packets of one direction of a flow in
//! one state, so a rule that is left out for one packet is left out for all that would take its verdict from the cache.

mod cursor;
mod demand;
mod filter;
mod lists;
mod probe;
mod shape;
#[cfg(test)]
pub(in crate::rules) mod tests;

use super::{Rule, View};
use crate::address::Address;
use cursor::Cursor;
use demand::{Facts, PORT_BITS, Piece};
use filter::Filter;
use lists::Lists;
use probe::{Probe, Seen, Words};
use shape::{Grain, Shape};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::Range;

/// Shorter chains are walked plainly.
const MIN_RULES: usize = 8;

/// The index of one chain.
#[derive(Debug)]
pub(super) struct Classifier<A> {
    filters: Filters,
    /// The shapes of each source length, by number.
    groups: Box<[Range<u32>]>,
    probes: Box<[Probe]>,
    lists: Lists,
    family: PhantomData<A>,
}

#[derive(Debug)]
struct Filters {
    source: Filter,
    destination: Filter,
    source_port: Filter,
    destination_port: Filter,
}

impl Filters {
    fn new(pieces: &[Piece], address_bits: u32) -> Self {
        let of = |width, field: fn(&Piece) -> demand::Prefix| {
            Filter::new(width, pieces.iter().map(field))
        };
        Self {
            source: of(address_bits, |piece| piece.source),
            destination: of(address_bits, |piece| piece.destination),
            source_port: of(PORT_BITS, |piece| piece.source_port),
            destination_port: of(PORT_BITS, |piece| piece.destination_port),
        }
    }

    #[inline]
    fn look(&self, facts: &Facts) -> Seen {
        Seen {
            source: self.source.look(facts.source),
            destination: self.destination.look(facts.destination),
            source_port: self.source_port.look(facts.source_port.into()),
            destination_port: self.destination_port.look(facts.destination_port.into()),
            state: facts.state,
        }
    }
}

impl<A: Address> Classifier<A> {
    const ADDRESS_BITS: u32 = 8 * A::SIZE as u32;

    /// The index of a chain; none for a short one.
    pub(super) fn new(rules: &[Rule<A>]) -> Option<Self> {
        if rules.len() < MIN_RULES {
            return None;
        }
        let (mut pieces, mut ends) = (Vec::with_capacity(rules.len()), Vec::new());
        for rule in rules {
            demand::pieces(&rule.matches, &mut pieces);
            ends.push(pieces.len());
        }
        let grain = Grain::choose(&pieces);
        for piece in &mut pieces {
            grain.apply(piece, Self::ADDRESS_BITS);
        }
        let filters = Filters::new(&pieces, Self::ADDRESS_BITS);
        // In ascending order of source lengths, as the filter numbers them.
        let shapes: BTreeMap<Shape, usize> =
            pieces.iter().map(|piece| (Shape::of(piece), 0)).collect();
        let probes: Box<[Probe]> = (0..)
            .zip(shapes.keys())
            .map(|(number, shape)| Probe::new(shape, number, &filters, Self::ADDRESS_BITS))
            .collect();
        let shapes: BTreeMap<Shape, usize> = shapes.into_keys().zip(0..).collect();
        let mut entries = Vec::with_capacity(pieces.len());
        let mut start = 0;
        for (position, end) in (0_u32..).zip(ends) {
            for piece in pieces.get(start..end).unwrap_or_default() {
                let probe = shapes.get(&Shape::of(piece)).and_then(|&number| probes.get(number))?;
                entries.push((probe.hash(&Words::of_piece(piece)), position));
            }
            start = end;
        }
        let groups = group(&probes, filters.source.numbers());
        Some(Self { filters, groups, probes, lists: Lists::new(entries), family: PhantomData })
    }

    /// The lists that hold every rule from `from` on which the packet may match.
    fn look_up(&self, view: &View<'_, A>, from: u32) -> Cursor {
        let facts = Facts::of(view);
        let words = Words::of(&facts);
        let seen = self.filters.look(&facts);
        let mut cursor = Cursor::empty();
        let mut lengths = seen.source;
        while lengths != 0 {
            let group = self.groups.get(lengths.trailing_zeros() as usize).cloned();
            lengths &= lengths - 1;
            let group =
                group.and_then(|group| self.probes.get(group.start as usize..group.end as usize));
            for probe in group.unwrap_or_default() {
                if probe.may_match(&seen)
                    && let Some(list) = self.lists.find(probe.hash(&words))
                {
                    cursor.add(&self.lists, self.lists.skip(list, from));
                }
            }
        }
        cursor
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let filters = &self.filters;
        size_of_val(&*self.groups)
            + size_of_val(&*self.probes)
            + self.lists.bytes()
            + filters.source.bytes()
            + filters.destination.bytes()
            + filters.source_port.bytes()
            + filters.destination_port.bytes()
    }
}

/// The run of probes of each number of a source length.
fn group(probes: &[Probe], numbers: usize) -> Box<[Range<u32>]> {
    let at = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
    (0..numbers)
        .map(|number| {
            let start = probes.partition_point(|probe| usize::from(probe.source) < number);
            let end = probes.partition_point(|probe| usize::from(probe.source) <= number);
            at(start)..at(end)
        })
        .collect()
}

/// The rules of one chain that a walk asks, in order.
#[derive(Debug)]
pub(super) enum Candidates<'r, A> {
    /// All of them; the next one.
    All(usize),
    /// Those a classifier finds.
    Found(&'r Classifier<A>, Cursor),
}

impl<'r, A: Address> Candidates<'r, A> {
    /// From `from` on. Rules may drop a packet that is cut short though they do not match it: it is shown to all.
    #[inline]
    pub(super) fn from(index: Option<&'r Classifier<A>>, from: usize, view: &View<'_, A>) -> Self {
        let index = index.filter(|_| !view.may_be_too_short());
        match (index, u32::try_from(from)) {
            (Some(index), Ok(from)) => Self::Found(index, index.look_up(view, from)),
            (Some(_), Err(_)) | (None, _) => Self::All(from),
        }
    }

    /// The position of the next one; past the end of the chain when there is none.
    #[inline]
    pub(super) fn next(&mut self, view: &View<'_, A>) -> usize {
        match self {
            Self::All(next) => {
                *next += 1;
                *next - 1
            }
            Self::Found(index, cursor) => {
                cursor.next(index, view).map_or(usize::MAX, |position| position as usize)
            }
        }
    }

    /// Where to go on after a call.
    #[inline]
    pub(super) fn resume(&self) -> usize {
        match self {
            Self::All(next) => *next,
            Self::Found(_, cursor) => cursor.resume() as usize,
        }
    }
}
