//! What a flow entry remembers so that its next packet need not be judged again.

use crate::adjacency::AdjacencyId;

/// The verdict of one direction of a connection: an [adjacency](crate::adjacency) and the worker's epoch in
/// which it was reached, or last found to hold. 8 bytes.
///
/// Only an accepting verdict is kept. A change of the connection's state that rules can see (the
/// first reply) must [`clear`](Self::clear) both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Cached {
    /// Epoch; zero is never current.
    pub stamp: u32,
    /// Where the packet goes and what it counts.
    pub adjacency: AdjacencyId,
}

impl Cached {
    /// Remembers nothing.
    pub const EMPTY: Self = Self { stamp: 0, adjacency: AdjacencyId(0) };

    /// Forgets the verdict.
    pub const fn clear(&mut self) {
        self.stamp = 0;
    }

    /// Whether the verdict holds in `epoch`.
    #[must_use]
    #[inline]
    pub const fn is_current(&self, epoch: u32) -> bool {
        self.stamp == epoch
    }
}
