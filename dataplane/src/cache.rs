//! What a flow entry remembers so that its next packet need not be judged again.

use crate::ids::{InterfaceId, NeighbourId, PathId};

/// The verdict of one direction of a connection, stamped with the generation of rules, routes and
/// neighbours under which it was reached. 16 bytes.
///
/// Only an accepting verdict is kept. A change of the connection's state that rules can see (the
/// first reply) must [`clear`](Self::clear) both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Cached {
    /// Generation; zero is never current.
    pub stamp: u32,
    /// Rules and policies passed, for their counters.
    pub path: PathId,
    /// Neighbour that takes the packet; meaningless towards the host.
    pub neighbour: NeighbourId,
    /// Interface the judged packet came from.
    pub ingress: InterfaceId,
    /// Interface it leaves by; [`InterfaceId::HOST`] for delivery to the host.
    pub egress: InterfaceId,
}

impl Cached {
    /// Remembers nothing.
    pub const EMPTY: Self = Self {
        stamp: 0,
        path: PathId(0),
        neighbour: NeighbourId(0),
        ingress: InterfaceId(0),
        egress: InterfaceId(0),
    };

    /// Forgets the verdict.
    pub const fn clear(&mut self) {
        self.stamp = 0;
    }

    /// Whether the verdict holds for a packet from `ingress` under `generation`.
    #[must_use]
    pub fn is_current(&self, generation: u32, ingress: InterfaceId) -> bool {
        self.stamp == generation && self.ingress == ingress
    }
}

impl Default for Cached {
    fn default() -> Self {
        Self::EMPTY
    }
}
