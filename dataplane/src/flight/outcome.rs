//! What becomes of a packet.

use crate::datagram::Sizes;
use crate::drop_reason::DropReason;
use crate::ids::{InterfaceId, NeighbourId, WorkerId};
use crate::synproxy::Step;
use crate::wire::icmp_error::IcmpError;
use crate::wire::parse::Headers;
use std::net::IpAddr;

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Out of an interface.
    Send {
        egress: InterfaceId,
        next_hop: IpAddr,
        /// The next hop's slot, if it has one already.
        neighbour: Option<NeighbourId>,
    },
    /// Out of a port of the bridge it came in by, with the MACs it has.
    Bridge {
        /// The port.
        port: InterfaceId,
    },
    /// To the host's own stack, on that interface.
    Host,
    /// A fragment for the host, which the others of its datagram are awaited with: INPUT is for all of it.
    Reassemble,
    /// An echo request to the gateway, let in by INPUT: answer it.
    Echo,
}

/// Why a packet goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Dropped in silence.
    Drop(DropReason),
    /// Dropped, and the sender told.
    Refuse(DropReason, IcmpError),
    /// Dropped by REJECT with a TCP reset.
    Reset,
    /// SYNPROXY has it, and takes this step.
    Proxy(Step),
    /// It belongs to another worker.
    HandOff(WorkerId),
}

/// The frames of a datagram at the end of its way.
#[derive(Debug)]
pub(crate) struct Frames<P> {
    /// The frame, or the first fragment.
    pub(crate) lead: P,
    /// Later fragments and where their headers are.
    pub(crate) rest: Vec<(P, Headers)>,
    pub(crate) headers: Headers,
    /// The sizes they came in,
    pub(crate) sizes: Sizes,
    /// which are not to be kept.
    pub(crate) recut: bool,
}

impl<P> Frames<P> {
    /// How many they are.
    pub(crate) const fn count(&self) -> usize {
        1 + self.rest.len()
    }
}
