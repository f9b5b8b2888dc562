//! What the fast path knows of each packet of a burst, from one stage to the next.

use super::super::first::ClassId;
use super::{BURST, Plain};
use crate::address::{V4, V6};
use crate::adjacency::AdjacencyId;
use crate::conntrack::FlowRef;
use crate::ids::WorkerId;
use crate::tuple::Tuple;

/// Where a packet of the burst leads, as far as its bytes tell.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lead {
    /// The long way.
    Unknown,
    /// To a flow with this hash, if there is one.
    Hash(u64),
    /// To a connection of that worker's.
    Owner(WorkerId),
    /// To a connection of a known class, which its first packet begins; its tuple has this hash.
    First(u64, ClassId),
    /// To a flow whose tag fits.
    Flow(FlowRef),
    /// The same where connections may have accounts.
    Counted(FlowRef),
    /// A way that needs no connection.
    Adjacency(AdjacencyId),
}

/// What is known of one packet of a burst.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<A> {
    pub(super) key: Tuple<A>,
    pub(super) lead: Lead,
}

/// What one family knows of the packets of a burst, in order.
#[derive(Debug)]
pub(crate) struct Slots<A>(pub(super) [Slot<A>; BURST]);

/// What is known of the packets of a burst.
#[derive(Debug, Default)]
pub(crate) struct Vector {
    pub(crate) v4: Slots<V4>,
    /// Of the last burst that had IPv6 packets.
    pub(crate) v6: Slots<V6>,
}

impl<A> Slot<A> {
    /// The hash of its tuple, as long as no more is known of that.
    #[inline]
    pub(super) const fn hash(&self) -> Option<u64> {
        match self.lead {
            Lead::Hash(hash) => Some(hash),
            Lead::Unknown
            | Lead::Owner(_)
            | Lead::First(..)
            | Lead::Flow(_)
            | Lead::Counted(_)
            | Lead::Adjacency(_) => None,
        }
    }

    /// Whether the packet is worth a try.
    pub(crate) const fn leads_on(&self) -> bool {
        match self.lead {
            Lead::Owner(_)
            | Lead::First(..)
            | Lead::Flow(_)
            | Lead::Counted(_)
            | Lead::Adjacency(_) => true,
            Lead::Unknown | Lead::Hash(_) => false,
        }
    }
}

impl<A> Slots<A> {
    /// One a packet, and more.
    pub(crate) fn as_slice(&self) -> &[Slot<A>] {
        &self.0
    }
}

impl<A: Plain> Default for Slots<A> {
    fn default() -> Self {
        Self([Slot { key: Tuple::default(), lead: Lead::Unknown }; BURST])
    }
}
