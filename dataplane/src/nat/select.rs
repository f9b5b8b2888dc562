//! The choice of a connection's translated tuple, as the kernel's `get_unique_tuple` makes it.
//!
//! ```text
//!  1. source only: the packet as it is, or else as this source already appears to other servers
//!  2. an address of the range
//!  3. the port as it is where range and other connections allow it, or else another of its class
//! ```
//!
//! All functions take the connection's current `reply` tuple (the answer to what the packet looks
//! like so far) and give the new one. Unlike the kernel, which looks for a free port harder where
//! connections linger in TIME-WAIT, nobody is evicted.

use super::best_address::best_address;
use super::mappings::SourceMappings;
use super::ports::PortSearch;
use super::range::NatRange;
use crate::address::{Address, L4Port};
use crate::drop_reason::DropReason;
use crate::tuple::{Tuple, Zone};

/// Which end of the packet is translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manip {
    /// SNAT, MASQUERADE: in POSTROUTING and INPUT.
    Source,
    /// DNAT, REDIRECT: in PREROUTING and OUTPUT.
    Destination,
}

/// The reply tuples in use by all workers.
pub trait TupleSpace<A> {
    /// Whether a connection other than the one being set up has `reply` as a tuple of either
    /// direction.
    fn is_taken(&self, reply: &Tuple<A>) -> bool;
}

/// How a protocol names the ends of a connection beside the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ports {
    /// A port an end: TCP, UDP, UDP-Lite, SCTP.
    Pair,
    /// One identifier for both: ICMP and ICMPv6 queries.
    Identifier,
    /// A key an end: GRE. They change only where a range says so, as for calls of PPTP.
    Key,
    /// Nothing.
    None,
}

impl Ports {
    /// Of an IP protocol number.
    pub(super) const fn of(protocol: u8) -> Self {
        match protocol {
            6 | 17 | 132 | 136 => Self::Pair,
            1 | 58 => Self::Identifier,
            47 => Self::Key,
            _ => Self::None,
        }
    }
}

/// The reply tuple after SNAT or MASQUERADE to `range`. `random` is one fresh random number.
///
/// # Errors
/// [`DropReason::NatExhausted`] when the range has no free tuple.
pub fn select_source<A: Address>(
    original: &Tuple<A>,
    reply: &Tuple<A>,
    range: &NatRange<A>,
    space: &impl TupleSpace<A>,
    mappings: &SourceMappings<A>,
    random: u64,
) -> Result<Tuple<A>, DropReason> {
    let zone = zone_of(original, reply);
    let choice = Choice { manip: Manip::Source, range, space, zone, random };
    if let Some(simple) = choice.simple(reply)
        && mappings.is_empty()
        && !space.is_taken(&simple)
    {
        return Ok(simple);
    }
    if !choice.renumbers() {
        if choice.holds(reply) {
            if !space.is_taken(reply) {
                return Ok(*reply);
            }
        } else if let Some(mapped) = choice.mapped(original, reply, mappings)
            && !space.is_taken(&mapped)
        {
            return Ok(mapped);
        }
    }
    choice.free(choice.best(reply))
}

/// The reply tuple after DNAT or REDIRECT to `range`. It may be taken still: choosing the source
/// afterwards ([`select_null`] at least) resolves the clash.
pub fn select_destination<A: Address>(
    original: &Tuple<A>,
    reply: &Tuple<A>,
    range: &NatRange<A>,
    space: &impl TupleSpace<A>,
    random: u64,
) -> Tuple<A> {
    debug_assert_eq!(original.protocol, reply.protocol);
    let zone = zone_of(original, reply);
    Choice { manip: Manip::Destination, range, space, zone, random }.best(reply).tuple
}

/// The reply tuple where no rule translates the source: the same, unless it is taken (two DNAT rules
/// to one server), when the source port changes.
///
/// # Errors
/// [`DropReason::NatExhausted`] when no port is free.
pub fn select_null<A: Address>(
    original: &Tuple<A>,
    reply: &Tuple<A>,
    space: &impl TupleSpace<A>,
    random: u64,
) -> Result<Tuple<A>, DropReason> {
    debug_assert_eq!(original.protocol, reply.protocol);
    let range = NatRange::single(reply.destination);
    let zone = zone_of(original, reply);
    let choice = Choice { manip: Manip::Source, range: &range, space, zone, random };
    choice.free(choice.best(reply))
}

/// What steps 2 and 3 come to.
struct Best<A> {
    tuple: Tuple<A>,
    /// Known to be free. A single port that is kept has not been looked up, and the last one of a vain search is
    /// taken.
    is_free: bool,
}

/// One choice in progress.
struct Choice<'a, A, S> {
    manip: Manip,
    range: &'a NatRange<A>,
    space: &'a S,
    /// The number of the connection's zone, whichever direction it is for.
    zone: Zone,
    random: u64,
}

impl<A: Address, S: TupleSpace<A>> Choice<'_, A, S> {
    /// Whether the port is drawn anew whatever it was.
    const fn renumbers(&self) -> bool {
        self.range.random || self.range.random_fully
    }

    /// What the steps come to for a range of one address and any port, if no source has a mapping and it is free.
    fn simple(&self, reply: &Tuple<A>) -> Option<Tuple<A>> {
        self.range.only_address().map(|address| with_address(reply, self.manip, address))
    }

    /// Steps 2 and 3.
    fn best(&self, reply: &Tuple<A>) -> Best<A> {
        let address =
            best_address(&Tuple { zone: self.zone, ..packet(reply) }, self.manip, self.range);
        let new = address.map_or(*reply, |address| with_address(reply, self.manip, address));
        if !self.renumbers()
            && let Some(kept) = self.kept_port(new)
        {
            return kept;
        }
        Best { tuple: self.search(&new), is_free: false }
    }

    fn free(&self, best: Best<A>) -> Result<Tuple<A>, DropReason> {
        if best.is_free || !self.space.is_taken(&best.tuple) {
            Ok(best.tuple)
        } else {
            Err(DropReason::NatExhausted)
        }
    }

    /// The tuple with its port as it is, where range and other connections allow it.
    fn kept_port(&self, tuple: Tuple<A>) -> Option<Best<A>> {
        let only_one = match self.range.ports {
            None => false,
            Some(_) if !self.has_port(&tuple) => return None,
            Some((low, high)) => low == high,
        };
        let is_free = !only_one && !self.space.is_taken(&tuple);
        (only_one || is_free).then_some(Best { tuple, is_free })
    }

    /// Looks for a port that makes `new` unique.
    fn search(&self, new: &Tuple<A>) -> Tuple<A> {
        let ports = Ports::of(new.protocol);
        let old = port(new, self.manip);
        let from_start = self.manip == Manip::Destination && !self.renumbers();
        let Some(search) = PortSearch::new(ports, old, self.range.ports, self.manip) else {
            return *new;
        };
        let mut last = *new;
        for candidate in search.candidates(from_start, self.random) {
            last = with_port(new, self.manip, L4Port::new(candidate));
            if !self.space.is_taken(&last) {
                break;
            }
        }
        last
    }

    /// The tuple with which this source already appears to others, if it fits the range.
    fn mapped(
        &self,
        original: &Tuple<A>,
        reply: &Tuple<A>,
        mappings: &SourceMappings<A>,
    ) -> Option<Tuple<A>> {
        let apply = |address, port| {
            with_port(&with_address(reply, Manip::Source, address), Manip::Source, port)
        };
        let (address, port) =
            mappings.find(original, |address, port| self.holds(&apply(address, port)))?;
        Some(apply(address, port))
    }

    /// Whether the range allows the source that `reply` answers to.
    fn holds(&self, reply: &Tuple<A>) -> bool {
        self.range.has_address(reply.destination) && self.has_port(reply)
    }

    fn has_port(&self, reply: &Tuple<A>) -> bool {
        Ports::of(reply.protocol) == Ports::None || self.range.has_port(port(reply, self.manip))
    }
}

fn zone_of<A>(original: &Tuple<A>, reply: &Tuple<A>) -> Zone {
    if original.zone == Zone::default() { reply.zone } else { original.zone }
}

/// What the packet looks like whose answer is `reply`.
fn packet<A: Address>(reply: &Tuple<A>) -> Tuple<A> {
    reply.reversed()
}

/// The translated end's port.
const fn port<A>(reply: &Tuple<A>, manip: Manip) -> L4Port {
    match manip {
        Manip::Source => reply.destination_port,
        Manip::Destination => reply.source_port,
    }
}

fn with_address<A: Address>(reply: &Tuple<A>, manip: Manip, address: A) -> Tuple<A> {
    match manip {
        Manip::Source => Tuple { destination: address, ..*reply },
        Manip::Destination => Tuple { source: address, ..*reply },
    }
}

fn with_port<A: Address>(reply: &Tuple<A>, manip: Manip, port: L4Port) -> Tuple<A> {
    match (Ports::of(reply.protocol), manip) {
        (Ports::None, _) => *reply,
        (Ports::Identifier, _) => Tuple { source_port: port, destination_port: port, ..*reply },
        (Ports::Pair | Ports::Key, Manip::Source) => Tuple { destination_port: port, ..*reply },
        (Ports::Pair | Ports::Key, Manip::Destination) => Tuple { source_port: port, ..*reply },
    }
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
