//! Adjacencies: what the packets of many flows have in common on their way through a worker.
//!
//! ```text
//!   flow entry ─┐
//!   flow entry ─┼─> Adjacency: from which interface, to which neighbour, past which rules
//!   next hop ───┤
//!   neighbour ──┘
//! ```
//!
//! A worker makes them as it judges packets. They stay while rules and routes change, and flows that go on as before
//! refer to them; when interfaces change, or when there are too many, all are forgotten, and no flow trusts what it
//! remembers.

use crate::ids::{InterfaceId, NeighbourId, NextHopId, PathId};
use crate::neighbour::NeighbourTable;
use hashbrown::HashMap;

/// The number of an adjacency, until all are forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct AdjacencyId(pub(crate) u32);

impl AdjacencyId {
    /// As a number.
    pub(crate) const fn number(self) -> usize {
        self.0 as usize
    }
}

/// A way through the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Adjacency {
    /// Interface its packets come from; none: any.
    pub ingress: Option<InterfaceId>,
    /// Interface they leave by; [`InterfaceId::HOST`] for delivery to the host.
    pub egress: InterfaceId,
    /// Neighbour that takes them; meaningless towards the host.
    pub neighbour: NeighbourId,
    /// Its [life](NeighbourTable::lives): later, its number means another.
    pub life: u32,
    /// What the route to their destination says, if a route decided.
    pub next_hop: Option<NextHopId>,
    /// Rules and policies they pass, for their counters.
    pub path: PathId,
}

impl Adjacency {
    /// Whether its neighbour is still the one it was.
    #[inline]
    pub(crate) fn is_alive(&self, neighbours: &NeighbourTable) -> bool {
        self.egress == InterfaceId::HOST || neighbours.lives(self.neighbour) == self.life
    }
}

/// An adjacency's number plus one, or zero where none is known.
#[derive(Debug, Clone, Copy)]
struct Known(u32);

impl Known {
    const NONE: Self = Self(0);

    fn new(number: Option<AdjacencyId>) -> Self {
        Self(number.map_or(0, |number| number.0 + 1))
    }

    #[inline]
    fn get(self) -> Option<AdjacencyId> {
        self.0.checked_sub(1).map(AdjacencyId)
    }
}

/// The adjacencies of one worker and one IP version.
#[derive(Debug)]
pub struct Adjacencies {
    list: Vec<Adjacency>,
    numbers: HashMap<Adjacency, AdjacencyId>,
    /// Of packets that no connection is tracked for, by the next hop's number.
    next_hops: Vec<Known>,
    /// Of such packets in a connected subnet, by the neighbour's number.
    neighbours: Vec<Known>,
}

impl Adjacencies {
    /// As many as are remembered; packets of more ways are judged one by one.
    pub(crate) const MOST: usize = 8192;

    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            list: Vec::with_capacity(Self::MOST),
            numbers: HashMap::with_capacity(Self::MOST),
            next_hops: vec![Known::NONE; Self::MOST],
            neighbours: vec![Known::NONE; Self::MOST],
        }
    }

    /// The number of an adjacency; none when there are too many already.
    pub(crate) fn number(&mut self, adjacency: Adjacency) -> Option<AdjacencyId> {
        if let Some(known) = self.numbers.get(&adjacency) {
            return Some(*known);
        }
        if self.list.len() == Self::MOST {
            return None;
        }
        let id = AdjacencyId(u32::try_from(self.list.len()).ok()?);
        self.list.push(adjacency);
        self.numbers.insert(adjacency, id);
        Some(id)
    }

    /// The adjacency of that number.
    pub(crate) fn get(&self, id: AdjacencyId) -> Option<Adjacency> {
        self.list.get(id.0 as usize).copied()
    }

    /// Where packets to that next hop go, from whatever interface.
    #[inline]
    pub(crate) fn of_next_hop(&self, id: NextHopId) -> Option<AdjacencyId> {
        self.next_hops.get(id.index()).and_then(|known| known.get())
    }

    /// Notes where packets to that next hop go.
    pub(crate) fn note_next_hop(&mut self, next_hop: NextHopId, adjacency: Adjacency) {
        if self.next_hops.get(next_hop.index()).is_none() {
            return;
        }
        let number = self.number(adjacency);
        if let Some(slot) = self.next_hops.get_mut(next_hop.index()) {
            *slot = Known::new(number);
        }
    }

    /// Where packets to that neighbour go, if it is their destination, from whatever interface.
    #[inline]
    pub(crate) fn of_neighbour(&self, id: NeighbourId) -> Option<AdjacencyId> {
        self.neighbours.get(id.index()).and_then(|known| known.get())
    }

    /// Notes where packets go whose destination is the adjacency's neighbour.
    pub(crate) fn note_neighbour(&mut self, adjacency: Adjacency) {
        let neighbour = adjacency.neighbour.index();
        if self.neighbours.get(neighbour).is_none() {
            return;
        }
        let number = self.number(adjacency);
        if let Some(slot) = self.neighbours.get_mut(neighbour) {
            *slot = Known::new(number);
        }
    }

    /// Whether there is no room for another.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() == Self::MOST
    }

    /// Whether there soon will be none.
    pub(crate) fn is_crowded(&self) -> bool {
        self.list.len() > Self::MOST / 4 * 3
    }

    /// Forgets which are of packets that no connection is tracked for.
    pub(crate) fn forget_routes(&mut self) {
        self.next_hops.fill(Known::NONE);
        self.neighbours.fill(Known::NONE);
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.numbers.clear();
        self.forget_routes();
    }
}

impl Default for Adjacencies {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(neighbour: u32) -> Adjacency {
        Adjacency {
            ingress: Some(InterfaceId(0)),
            egress: InterfaceId(1),
            neighbour: NeighbourId(neighbour),
            ..Adjacency::default()
        }
    }

    #[test]
    fn equal_ways_have_one_number_until_all_are_forgotten() {
        let mut all = Adjacencies::new();
        let (one, two) = (all.number(to(1)).unwrap(), all.number(to(2)).unwrap());
        assert_ne!(one, two);
        assert_eq!(all.number(to(1)), Some(one));
        assert_eq!(all.get(two), Some(to(2)));
        all.note_next_hop(NextHopId(3), to(2));
        assert_eq!(all.of_next_hop(NextHopId(3)), Some(two));
        all.note_neighbour(to(1));
        assert_eq!(all.of_neighbour(NeighbourId(1)), Some(one));
        assert_eq!(all.of_neighbour(NeighbourId(2)), None);
        all.clear();
        assert_eq!((all.get(one), all.of_next_hop(NextHopId(3))), (None, None));
        assert_eq!(all.of_neighbour(NeighbourId(1)), None);
    }

    #[test]
    fn too_many_are_not_remembered() {
        let mut all = Adjacencies::new();
        assert!((0..8192).all(|neighbour| all.number(to(neighbour)).is_some()));
        assert_eq!(all.number(to(9000)), None);
        all.note_next_hop(NextHopId(1), to(9000));
        assert_eq!(all.of_next_hop(NextHopId(1)), None);
        all.note_next_hop(NextHopId(1_000_000), to(1));
        all.note_neighbour(to(9000));
        assert_eq!(all.of_neighbour(NeighbourId(9000)), None);
    }
}
