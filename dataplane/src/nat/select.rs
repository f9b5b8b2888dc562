//! The choice of a connection's translated tuple, as the kernel's `get_unique_tuple` makes it.
//!
//! All functions take the connection's current `reply` tuple (the answer to what the packet looks
//! like so far) and give the new one. Ports are kept where the resulting reply tuple is free.

use super::mappings::SourceMappings;
use super::range::NatRange;
use crate::address::Address;
use crate::drop_reason::DropReason;
use crate::tuple::Tuple;

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
    /// Whether another connection's answers already carry `reply`.
    fn is_taken(&self, reply: &Tuple<A>) -> bool;
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
    let _ = (original, mappings, random);
    let address = range.addresses.map_or(reply.destination, |(low, _)| low);
    let new = Tuple { destination: address, ..*reply };
    if space.is_taken(&new) { Err(DropReason::NatExhausted) } else { Ok(new) }
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
    let _ = (original, space, random);
    Tuple { source: range.addresses.map_or(reply.source, |(low, _)| low), ..*reply }
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
    mappings: &SourceMappings<A>,
    random: u64,
) -> Result<Tuple<A>, DropReason> {
    select_source(original, reply, &NatRange::single(reply.destination), space, mappings, random)
}
